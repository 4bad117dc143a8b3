#include "synth/user_lines.hpp"

namespace pushcart::synth {

Count UserLines::plan_faults(Count num_lines, Draw& draw) {
  constexpr auto duplicate = static_cast<std::int8_t>(SynthFault::duplicate_line);
  double dirty_share = 0;
  for (const double share : config_.dirt) dirty_share += share;
  faults_.assign(static_cast<std::size_t>(num_lines), clean);
  Count num_events = num_lines;
  for (std::size_t line = 0; line < faults_.size(); ++line) {
    double place = draw.uniform();
    if (place >= dirty_share) continue;
    std::int8_t fault = 0;
    while (fault + 1 < num_synth_faults && place >= config_.dirt[static_cast<std::size_t>(fault)]) {
      place -= config_.dirt[static_cast<std::size_t>(fault++)];
    }
    if (fault == duplicate) {
      if (line == 0 || faults_[line - 1] != clean) continue;
      --num_events;
    }
    faults_[line] = fault;
  }
  return num_events;
}

void UserLines::append(Count user, Count num_lines, LineBuffer& lines, Tally& tally) {
  const Shopper shopper(config_, shop_, user);
  if (shopper.bot()) {
    ++tally.num_bots;
    tally.num_bot_lines += num_lines;
  }
  Draw dirt(config_.seed, Purpose::dirt, user);
  behaviour_.play(shopper, plan_faults(num_lines, dirt), records_);
  formatter_.set_user(user);
  auto record = records_.begin();
  for (const std::int8_t code : faults_) {
    if (code == clean) {
      ++tally.clean[static_cast<std::size_t>(record->type)];
      formatter_.append_clean(*record++, lines);
      continue;
    }
    const auto fault = static_cast<SynthFault>(code);
    ++tally.dirty[static_cast<std::size_t>(code)];
    if (fault == SynthFault::duplicate_line) {
      lines.repeat_last_line();
    } else {
      formatter_.append_dirty(*record++, fault, dirt, lines);
    }
  }
}

}  // namespace pushcart::synth
