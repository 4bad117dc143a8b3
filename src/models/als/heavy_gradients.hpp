#pragma once

#include <mutex>
#include <span>
#include <vector>

#include "models/als/heavy_parts.hpp"

namespace pushcart::als {

/// Solves heavy rows by conjugate gradients, preconditioned by D, from their last solutions (see RowSolver):
/// in each step the owners send their directions p to all that have parts, who send back sums of w (z.p) z.
/// All rows of a group step together; a row is done when |residual| <= tolerance |right side| of the scaled
/// system.
class HeavyGradients {
 public:
  /// Collective. `shares` must outlive this.
  HeavyGradients(const Communicator& comm, const WorkShares& shares, const WorkCosts& costs, double tolerance,
                 Count k);

  /// Fills rows of `solved`, which holds what to start from. Rows that do not get there in 100 steps are left
  /// as they were. Collective.
  /// @return by heavy row, equal on all ranks: not zero if it is left; empty if none is
  std::vector<char> run(const FixedSide& fixed, const HeavyCallbacks& callbacks, FactorTable& solved);

  /// Bytes that this rank was to send and receive in all runs so far, by the parts and the steps they took,
  /// and that it did.
  const Traffic& planned() const { return planned_; }
  const Traffic& counted() const { return counted_; }
  /// Work done here in all runs, in units of the costs.
  double counted_work() const { return counted_work_; }
  static Count memory_bytes(const WorkShares& shares, Count k);
  /// Rounds that rows usually take, the first of them included.
  static constexpr Count usual_rounds = 4;
  /// Bytes received here in a run of usual rounds. Local. @param rank  the one that the shares are of
  static Count expected_bytes(const WorkShares& shares, int rank, Count k);

 private:
  /// Rows that step together, and what the parts of them here work with.
  struct Group {
    Count first = 0, last = 0;                  // heavy rows
    std::size_t first_part = 0, last_part = 0;  // here
    std::size_t first_row = 0, last_row = 0;    // owned
    std::vector<std::uint8_t> active;           // by heavy row, equal on all ranks
    std::vector<double> directions, sums;       // by part: k_, and k_ or 2 k_
    bool is_active(Count heavy) const { return active[static_cast<std::size_t>(heavy - first)] != 0; }
  };
  struct Iteration;
  /// One thread's memory.
  struct Scratchpad {
    std::vector<double> products, right_side;  // of the block at hand
    std::vector<double> sums;                  // of the task: Z'WZ p, or Z'Wt and that
    std::vector<float> weights, targets, row;
    double work = 0;
  };
  enum class Round : int { first, step };

  Group group_from(Count first, const Group& before) const;
  void solve_group(Group& group, const FixedSide& fixed, const HeavyCallbacks& callbacks, FactorTable& solved,
                   std::vector<char>& left);
  bool any_active(Group& group, const std::vector<Iteration>& rows) const;
  void send_directions(Group& group, const std::vector<Iteration>& rows);
  void sum_parts(Group& group, Round round, const FixedSide& fixed, const HeavyCallbacks& callbacks);
  void sum_task(const HeavyTask& task, Round round, const FixedSide& fixed, const HeavyCallbacks& callbacks,
                Group& group, Scratchpad& mine);
  void collect_sums(Group& group, Round round, std::vector<Iteration>& rows);
  void exchange(std::span<const double> send, std::span<const Count> send_counts, std::span<double> receive,
                std::span<const Count> receive_counts);

  const Communicator& comm_;
  const WorkShares& shares_;
  const WorkCosts costs_;
  const double tolerance_;
  const Count k_;
  std::vector<std::mutex> locks_;  // by part of a group
  std::vector<Scratchpad> threads_;
  Traffic planned_, counted_;
  double counted_work_ = 0;
};

}  // namespace pushcart::als
