#pragma once

#include <mutex>
#include <span>
#include <vector>

#include "models/als/dense.hpp"
#include "models/als/heavy_parts.hpp"

namespace pushcart::als {

/// Solves heavy rows in double: their normal equations are summed by all threads of all ranks that have a
/// part of them, and solved by their owners by Cholesky. Rows go in groups, so that memory stays bounded;
/// nobody waits for a group before the next.
class HeavyCholesky {
 public:
  /// Collective. `shares` must outlive this.
  HeavyCholesky(const Communicator& comm, const WorkShares& shares, const WorkCosts& costs, Count k);

  /// Fills rows of `solved`: all heavy ones, or those that `wanted` says, by heavy row. Collective.
  void run(const FixedSide& fixed, const HeavyCallbacks& callbacks, FactorTable& solved,
           std::span<const char> wanted = {});

  /// Bytes of sums that this rank was to send and receive in all runs so far, by the parts they took, and
  /// that it did.
  const Traffic& planned() const { return planned_; }
  const Traffic& counted() const { return counted_; }
  /// Work done here in all runs, in units of the costs.
  double counted_work() const { return counted_work_; }
  static Count part_bytes(Count k) { return (k * (k + 1) / 2 + k) * Count{sizeof(double)}; }
  static Count memory_bytes(const WorkShares& shares, Count k);
  /// Bytes received here in a run. Local.
  static Count expected_bytes(const WorkShares& shares, Count k);

 private:
  /// Sums of the parts of one group that are worked on here.
  struct Group {
    std::size_t first_part = 0, last_part = 0;
    std::vector<double> sums;  // part_size_ a part: upper triangle of Z'WZ, row by row, then Z'Wt
    std::vector<Request> sends;
  };
  struct Scratchpad;

  void sum_task(const HeavyTask& task, const FixedSide& fixed, const HeavyCallbacks& callbacks, Group& group,
                Scratchpad& mine);
  void send_parts(Group& group, const std::function<bool(std::size_t part)>& wanted);
  std::vector<double> collect(const WorkShares::HeavyRow& row, const Group& group);
  double solve(const WorkShares::HeavyRow& row, const std::vector<double>& sums, const FixedSide& fixed,
               double rho, std::span<const double> pull, std::span<float> x, Solved& solved) const;

  const Communicator comm_;  // its own: messages meet no others
  const WorkShares& shares_;
  const WorkCosts costs_;
  const Count k_, part_size_, group_rows_;
  Group groups_[2];
  std::vector<std::mutex> locks_;  // by part of a group
  Traffic planned_, counted_;
  double counted_work_ = 0;
};

}  // namespace pushcart::als
