#pragma once

#include <cstdint>
#include <vector>

#include "models/als/work_shares.hpp"
#include "pushcart/matrix/factor_exchange.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart::als {

/// What became of a row beside its solution.
struct RowOutcome {
  double observed = 0;    ///< sum over the row's entries of w (z.x - t)^2
  double unobserved = 0;  ///< alpha0 * sum over all of the fixed side of (z.x)^2
  std::int64_t is_unsolved = 0;
};

/// Rows that other ranks solve for their owners: what iterations start from goes there, solutions come back.
class LentRows {
 public:
  /// `shares` must outlive this. Collective.
  LentRows(const Communicator& comm, const WorkShares& shares, Count k);

  std::span<float> solution(Count lent_row) {
    return std::span(here_).subspan(static_cast<std::size_t>(lent_row * k_), static_cast<std::size_t>(k_));
  }
  RowOutcome& outcome(Count lent_row) { return outcomes_[static_cast<std::size_t>(lent_row)]; }

  /// Brings here what the rows of others start from: waits for their owners, but not for who took own ones.
  /// On all ranks, as give_back.
  void take(const FactorTable& solved);
  /// Moves on what was sent, now and then in between. Local.
  void progress();
  /// Waits until what take() sent has left; give_back does so, too.
  void await_sends();
  /// Brings solutions and outcomes to their owners: rows of `solved`, and by local row.
  void give_back(FactorTable& solved, std::span<RowOutcome> outcomes);

  /// Bytes of one half sweep, by plan; and of all, by count.
  Traffic planned() const { return planned(shares_, k_); }
  const Traffic& counted() const { return counted_; }
  static Traffic planned(const WorkShares& shares, Count k);
  static Count memory_bytes(const WorkShares& shares, Count k);

 private:
  template <class T>
  void start_sends(std::span<const T> values, const std::vector<Count>& rows, Count width);
  template <class T>
  void receive(std::span<T> values, const std::vector<Count>& rows, Count width);

  const Communicator comm_;  // its own: messages meet no others
  const WorkShares& shares_;
  const Count k_;
  std::vector<float> here_, away_;  // solutions of others' rows, and of own rows on their way
  std::vector<RowOutcome> outcomes_;
  std::vector<Request> sends_;
  Traffic counted_;
};

}  // namespace pushcart::als
