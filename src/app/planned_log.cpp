#include "app/planned_log.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "app/trial_ingest.hpp"
#include "pushcart/events/input_file.hpp"

namespace pushcart::app {

void PlannedLog::declare(OptionSet& options) {
  constexpr std::array<std::string_view, 4> left_out{"users", "items", "memory-per-rank", "rejects"};
  declare_ingest(settings_, ingest_, OutputOption::decided_by_run);
  OptionSet of_log;
  for (const Option& option : settings_.options()) {
    if (std::ranges::find(left_out, option.key) != left_out.end()) continue;
    of_log.add_custom(option.key, option.arity, option.help, option.set, option.get);
    options.add_custom(option.key, option.arity, "as for ingest: " + option.help, option.set, option.get);
  }
  set_ = ChangedOptions(std::move(of_log));
}

void PlannedLog::declare_count_or_file(OptionSet& options, const std::string& side, Count& count) {
  const Option* const file = settings_.find(side);
  OptionSet counts;
  counts.add(side, count,
             fmt::format("without --data and --input: {}; with --input as for ingest: {}", side, file->help));
  const Option number = counts.options().front();
  options.add_custom(
      side, Arity::one, number.help,
      [this, number, set_file = file->set](const auto& texts) {
        (is_given() ? set_file : number.set)(texts);  // --input was set before
      },
      [this, number, get_file = file->get] { return is_given() ? get_file() : number.get(); });
}

void PlannedLog::check() const {
  const std::string option = is_given() ? "" : set_.first_but({});
  if (!option.empty())
    throw ConfigError(fmt::format("--{}: says how a log is read: give it by --input", option));
}

Dataset PlannedLog::ingest(Session& session) {
  TrialIngest trial = try_ingest(session, ingest_, settings_);
  counted_[1] = {trial.counted};
  return std::move(trial.dataset);
}

const std::vector<CountedIngest>& PlannedLog::counted(int num_ranks) {
  constexpr int most_ranks = 1024;
  auto& counted = counted_[num_ranks];
  if (counted.empty() && num_ranks <= most_ranks && is_countable(ingest_)) {
    counted = count_ingest(ingest_, settings_, num_ranks);
  }
  return counted;
}

Count PlannedLog::num_compressed_files() const {
  const auto files = find_inputs(inputs());
  return std::ranges::count_if(
      files, [](const InputFile& file) { return file.compression != FileCompression::plain; });
}

}  // namespace pushcart::app
