#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// Seconds and rows of one named step on this rank.
struct Phase {
  std::string name;
  double seconds = 0;
  Count rows = 0;  ///< what was worked on here (rows parsed, users scored ...); 0 = not counted
};

/// The times of a run's steps, in the order in which they first began. Local; every rank must time the same
/// steps in the same order, since the table at the end is made by reductions over ranks.
class PhaseLog {
 public:
  /// Adds the time until its end of life to the step.
  class Timer {
   public:
    Timer(PhaseLog& log, std::size_t phase);
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    void count_rows(Count rows) { log_.phases_[phase_].rows += rows; }

   private:
    PhaseLog& log_;
    std::size_t phase_;
    std::int64_t start_;  ///< ticks of the steady clock: <chrono> takes long to compile, and most files would
  };

  [[nodiscard]] Timer time(const std::string& name, Count rows = 0);
  const std::vector<Phase>& phases() const { return phases_; }
  /// The step begun last; empty before the first. May be called by any thread.
  std::string latest() const;

 private:
  std::vector<Phase> phases_;
  std::string latest_;
  mutable std::mutex latest_mutex_;
};

}  // namespace pushcart
