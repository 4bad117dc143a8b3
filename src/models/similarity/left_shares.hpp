#pragma once

#include <vector>

#include "models/similarity/best_columns.hpp"
#include "models/similarity/operands.hpp"
#include "pushcart/ids/partition.hpp"

namespace pushcart::similarity {

/// The best of a row, best first, wherever they lie.
struct BestOfRow {
  const std::uint64_t* keys = nullptr;
  const std::uint32_t* support = nullptr;  ///< null = not wanted
  std::int32_t size = 0;
};

/// Where ranges of about the same cost end, one a rank: a share ends with the row that reaches its part of
/// all costs. @param costs  of all rows. @return num_ranks + 1 cuts from 0. Local.
std::vector<Count> even_cuts(std::span<const Count> costs, int num_ranks);

/// Which left rows each rank searches: ranges of about the same cost, which need not be those that it owns.
class LeftShares {
 public:
  /// Collective. @param left  of the rows that this rank owns  @param costs  of these rows, above 0
  LeftShares(const Communicator& comm, const SparseRows& left, std::span<const Count> costs);

  Range searched() const { return searched_.range(comm_.rank()); }
  /// Whether any rank searches what it does not own; the same on all.
  bool moves() const { return !(searched_ == owners_); }
  /// Rows that this rank searches for others, and others for it: their lists travel.
  Count num_lent() const;
  /// Entries of the rows that this rank searches. Collective.
  Operand take(const Operand& left) const;
  /// Entries that take() gives. Collective.
  Count num_taken(const SparseRows& left) const;
  /// Brings what was found to the owners of the rows. Collective. @param best  of the rows searched here,
  /// best first; must stay. @return of the rows that this rank owns, until the next call
  std::vector<BestOfRow> bring_back(const BestOfRows& best);

 private:
  std::vector<Count> entries_by_rank(const SparseRows& left) const;

  const Communicator& comm_;
  Partition owners_, searched_;
  std::vector<std::uint64_t> keys_;
  std::vector<std::uint32_t> support_;
};

}  // namespace pushcart::similarity
