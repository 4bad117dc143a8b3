#pragma once

#include <vector>

#include "synth/behaviour.hpp"
#include "synth/event_files.hpp"
#include "synth/line_format.hpp"

namespace pushcart::synth {

/// Plays users and writes their lines, clean and dirty. Keeps its buffers; one a thread.
class UserLines {
 public:
  UserLines(const SynthConfig& config, const Shop& shop)
      : config_(config), shop_(shop), behaviour_(config, shop), formatter_(config, shop) {}

  /// Appends exactly `num_lines` lines of the user.
  void append(Count user, Count num_lines, LineBuffer& lines, Tally& tally);

 private:
  /// Decides the fault of each line before any event is made. @return number of events needed
  Count plan_faults(Count num_lines, Draw& draw);

  static constexpr std::int8_t clean = -1;
  const SynthConfig& config_;
  const Shop& shop_;
  Behaviour behaviour_;
  LineFormatter formatter_;
  std::vector<std::int8_t> faults_;  ///< by line: a SynthFault, or clean
  std::vector<Record> records_;
};

}  // namespace pushcart::synth
