#pragma once

#include <string>
#include <vector>

#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/synth/synthesize.hpp"
#include "synth/shop.hpp"

namespace pushcart::synth {

/// Which lines belong where: a file holds a contiguous range of users, and its lines are handed to them by
/// activity so that all files together have exactly the wanted number.
class LinePlan {
 public:
  /// Collective; each rank looks at the users of its own files only.
  LinePlan(const Communicator& comm, const SynthConfig& config);

  /// Files are dealt to the ranks one by one.
  bool is_owned(Count file) const { return file % num_ranks_ == rank_; }
  Range users_of(Count file) const;
  Count first_line(Count file) const { return line_at(reached_[static_cast<std::size_t>(file)]); }
  /// Position in the whole log where the activity reached so far ends.
  Count line_at(double activity) const;
  double activity_before(Count file) const { return reached_[static_cast<std::size_t>(file)]; }

 private:
  const SynthConfig& config_;
  Count rank_, num_ranks_;
  std::vector<double> reached_;  ///< activity of all files before each, and of all
};

/// What was planted in some lines.
struct Tally {
  std::array<Count, num_synth_types> clean{};
  std::array<Count, num_synth_faults> dirty{};
  Count num_bots = 0;
  Count num_bot_lines = 0;
  void add(const Tally& other);
  Count num_lines() const;
};

/// Lines that a thread writes in one go, but for the last user's.
inline constexpr Count lines_per_task = 8192;

std::string event_file_name(const SynthConfig& config, Count file);

/// Writes one event file but for its final name. Users are worked on by all threads, in order. Local.
Tally write_event_file(const SynthConfig& config, const Shop& shop, const LinePlan& plan, Count file,
                       OutputFile& out);

}  // namespace pushcart::synth
