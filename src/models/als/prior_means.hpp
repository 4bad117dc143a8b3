#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "models/als/lent_rows.hpp"
#include "models/als/stored_rows.hpp"
#include "pushcart/matrix/row_exchange.hpp"

namespace pushcart::als {

/// What the rows of a half sweep are pulled to in place of 0: rho |x - m|^2, so that
///
///     (D + Z'WZ) x = Z'W t + rho m,   D = alpha0 diag(eigenvalues) + rho
///
/// With c = rho D^-1 m and x = c + d this is a row's usual system for d, whose targets are t - Zc: rows are
/// solved as without means, wherever that is done, and have the same loss.
class PriorMeans {
 public:
  /// Collective. `shares` must outlive this.
  PriorMeans(const Communicator& comm, const WorkShares& shares, Count k);

  /// For the next half sweep. Local.
  /// @param means  m of the owned rows, in the eigenbasis; must stay until end()
  void begin(const FactorTable& means, double alpha0, std::span<const double> eigenvalues);
  /// Brings here the means of rows that others own. On all ranks, as end.
  void take() { lent_.take(*means_); }
  void progress() { lent_.progress(); }
  /// Waits until what was sent has left.
  void end() { lent_.await_sends(); }

  /// Before a row is solved, here for itself or another: targets and what iterations start from, of x, become
  /// those of d. Any thread.
  void lower(Count row, double rho, const GatheredRows& rows, std::span<const std::int32_t> positions,
             GatherPrecision precision, float* targets, std::span<float> x);
  /// Once it is solved: d becomes x. Any thread.
  void raise(Count row, double rho, std::span<float> x);
  /// rho m of an owned row, for those who solve for x itself. Local.
  std::vector<double> pull(Count row, double rho) const;

  /// Bytes of one half sweep, by plan; and of all, by count.
  Traffic planned() const { return planned(shares_, k_); }
  const Traffic& counted() const { return lent_.counted(); }
  static Traffic planned(const WorkShares& shares, Count k);
  static Count memory_bytes(const WorkShares& shares, Count k) { return LentRows::memory_bytes(shares, k); }

 private:
  /// One thread's memory.
  struct alignas(64) Scratchpad {  // no line shared with another
    std::vector<double> centre;
    std::vector<float> widened;
  };
  std::span<const double> centre_of(Count row, double rho);

  const WorkShares& shares_;
  const Count k_;
  LentRows lent_;
  const FactorTable* means_ = nullptr;
  std::vector<double> diagonal_;  // alpha0 * eigenvalues
  std::vector<Scratchpad> threads_;
};

/// sum over the rows that have entries of rho |x - m|^2, exact for any number of ranks. Collective.
/// @param regularization  rho of a row with so many entries
double weighted_distances(const Communicator& comm, const SparseRows& rows, Count num_rows,
                          const std::function<double(Count row_length)>& regularization,
                          const FactorTable& factors, const FactorTable& means);

}  // namespace pushcart::als
