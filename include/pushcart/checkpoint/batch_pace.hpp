#pragma once

#include <chrono>

#include "pushcart/comm/communicator.hpp"

namespace pushcart {

/// How many rows the next batch of a long work should have, for batches to take some 20 seconds: so long is a
/// run that is asked to stop still at work. A work whose results do not depend on its batches.
class BatchPace {
 public:
  /// @param fixed_rows  rows of every batch; 0 = by the time that the last one took
  /// @param first_rows  of the first one then
  BatchPace(Count fixed_rows, Count first_rows);

  /// Rows of a rank in the next batch, at least 1. Local; the same on all ranks if the settings are.
  Count rows() const { return rows_; }
  /// A batch begins. Local.
  void begin() { start_ = Clock::now(); }
  /// It has ended. Collective.
  void end(const Communicator& comm);

 private:
  using Clock = std::chrono::steady_clock;
  bool is_fixed_;
  Count rows_;
  Clock::time_point start_ = Clock::now();
};

}  // namespace pushcart
