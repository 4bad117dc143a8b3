#include "models/similarity/left_shares.hpp"

#include <algorithm>
#include <memory>
#include <numeric>

#include "pushcart/base/error.hpp"

namespace pushcart::similarity {

namespace {

Range common(const Range& a, const Range& b) {
  const Count begin = std::max(a.begin, b.begin);
  return {begin, std::max(begin, std::min(a.end, b.end))};
}

Partition owners_of(const Communicator& comm, const SparseRows& rows) {
  std::vector<Count> cuts = comm.allgather(rows.rows.begin);
  cuts.push_back(comm.allreduce(rows.rows.end, Reduce::max));
  Partition owners(std::move(cuts));
  PUSHCART_CHECK(comm.all(owners.range(comm.rank()) == rows.rows));
  return owners;
}

/// Sets the cuts that fall into some rows. @param first_row, before  the row that they begin with, and the
/// cost of all before it
void set_cuts(std::span<const Count> costs, Count first_row, Count before, Count total,
              std::vector<Count>& cuts) {
  const auto num_ranks = static_cast<Count>(cuts.size()) - 1;
  const Count part = total / num_ranks;
  Count share = 1;
  while (share < num_ranks && part * share <= before) ++share;
  for (std::size_t row = 0; row < costs.size(); ++row) {
    before += costs[row];
    for (; share < num_ranks && part * share <= before; ++share) {
      cuts[static_cast<std::size_t>(share)] = first_row + static_cast<Count>(row) + 1;
    }
  }
}

Partition cut_evenly(const Communicator& comm, const SparseRows& rows, std::span<const Count> costs) {
  const std::vector<Count> by_rank = comm.allgather(std::accumulate(costs.begin(), costs.end(), Count{0}));
  const auto mine = by_rank.begin() + comm.rank();
  std::vector<Count> cuts(static_cast<std::size_t>(comm.size()) + 1, 0);
  set_cuts(costs, rows.rows.begin, std::accumulate(by_rank.begin(), mine, Count{0}),
           std::accumulate(by_rank.begin(), by_rank.end(), Count{0}), cuts);
  cuts.back() = rows.rows.end;
  comm.allreduce(std::span<Count>(cuts), Reduce::max);
  return Partition(std::move(cuts));
}

/// Numbers of entries, `offsets` of the rows of `from`, to whom the rows belong in `to`.
std::vector<Count> counts_by_rank(const Range& mine, const Partition& to, std::span<const Count> offsets) {
  std::vector<Count> counts;
  for (int rank = 0; rank < to.num_ranks(); ++rank) {
    const Range part = common(mine, to.range(rank));
    counts.push_back(part.size() == 0 ? 0
                                      : offsets[static_cast<std::size_t>(part.end - mine.begin)] -
                                            offsets[static_cast<std::size_t>(part.begin - mine.begin)]);
  }
  return counts;
}

}  // namespace

std::vector<Count> even_cuts(std::span<const Count> costs, int num_ranks) {
  std::vector<Count> cuts(static_cast<std::size_t>(num_ranks) + 1, 0);
  set_cuts(costs, 0, 0, std::accumulate(costs.begin(), costs.end(), Count{0}), cuts);
  cuts.back() = static_cast<Count>(costs.size());
  return cuts;
}

LeftShares::LeftShares(const Communicator& comm, const SparseRows& left, std::span<const Count> costs)
    : comm_(comm), owners_(owners_of(comm, left)), searched_(cut_evenly(comm, left, costs)) {}

std::vector<Count> LeftShares::entries_by_rank(const SparseRows& left) const {
  return counts_by_rank(left.rows, searched_, left.offsets);
}

Count LeftShares::num_taken(const SparseRows& left) const {
  std::vector<Count> by_rank = entries_by_rank(left);
  comm_.allreduce(std::span<Count>(by_rank), Reduce::sum);
  return by_rank[static_cast<std::size_t>(comm_.rank())];
}

Count LeftShares::num_lent() const {
  return searched().size() + owners_.range(comm_.rank()).size() -
         2 * common(searched(), owners_.range(comm_.rank())).size();
}

Operand LeftShares::take(const Operand& left) const {
  const SparseRows& rows = *left.pattern;
  const std::vector<Count> by_entry = entries_by_rank(rows);
  std::vector<Count> lengths, by_row;
  for (Count row = 0; row < rows.num_rows(); ++row) lengths.push_back(rows.row_length(row));
  for (int rank = 0; rank < comm_.size(); ++rank) {
    by_row.push_back(common(rows.rows, searched_.range(rank)).size());
  }
  const auto bring = [&]<class T>(const std::vector<T>& values, const std::vector<Count>& counts) {
    return comm_.alltoallv(std::span<const T>(values), std::span<const Count>(counts)).data;
  };
  auto pattern = std::make_shared<SparseRows>();
  pattern->rows = searched();
  pattern->num_columns = rows.num_columns;
  for (const Count length : bring(lengths, by_row))
    pattern->offsets.push_back(pattern->offsets.back() + length);
  pattern->columns = bring(rows.columns, by_entry);
  Operand taken;
  taken.pattern = std::move(pattern);
  taken.has_values = left.has_values;
  taken.has_times = left.has_times;
  if (left.has_values) taken.values = bring(left.values, by_entry);
  if (left.has_times) taken.times = bring(left.times, by_entry);
  taken.size = bring(left.size, by_row);
  taken.scale = bring(left.scale, by_row);
  return taken;
}

std::vector<BestOfRow> LeftShares::bring_back(const BestOfRows& best) {
  const Range mine = owners_.range(comm_.rank()), here = searched();
  const bool has_support = best.has_support;
  std::vector<Count> counts(static_cast<std::size_t>(comm_.size()), 0), rows(counts);
  std::vector<std::int32_t> sizes;
  std::vector<std::uint64_t> keys;
  std::vector<std::uint32_t> support;
  for (int rank = 0; rank < comm_.size(); ++rank) {
    if (rank == comm_.rank()) continue;
    const Range theirs = common(here, owners_.range(rank));
    rows[static_cast<std::size_t>(rank)] = theirs.size();
    for (Count row = theirs.begin - here.begin; row < theirs.end - here.begin; ++row) {
      sizes.push_back(best.sizes[static_cast<std::size_t>(row)]);
      counts[static_cast<std::size_t>(rank)] += sizes.back();
    }
  }
  const auto num_sent = static_cast<std::size_t>(std::accumulate(counts.begin(), counts.end(), Count{0}));
  keys.reserve(num_sent);
  support.reserve(has_support ? num_sent : 0);
  for (Count row = 0; row < here.size(); ++row) {
    if (mine.contains(here.begin + row)) continue;
    const std::int32_t size = best.sizes[static_cast<std::size_t>(row)];
    keys.insert(keys.end(), best.keys_of(row), best.keys_of(row) + size);
    if (has_support) support.insert(support.end(), best.support_of(row), best.support_of(row) + size);
  }
  sizes = comm_.alltoallv(std::span<const std::int32_t>(sizes), std::span<const Count>(rows)).data;
  keys_ = comm_.alltoallv(std::span<const std::uint64_t>(keys), std::span<const Count>(counts)).data;
  if (has_support) {
    support_ = comm_.alltoallv(std::span<const std::uint32_t>(support), std::span<const Count>(counts)).data;
  }

  std::vector<BestOfRow> found;
  std::size_t arrived = 0;
  Count at = 0;
  for (Count row = mine.begin; row < mine.end; ++row) {
    if (here.contains(row)) {
      const Count local = row - here.begin;
      found.push_back(
          {best.keys_of(local), best.support_of(local), best.sizes[static_cast<std::size_t>(local)]});
      continue;
    }
    const std::int32_t size = sizes[arrived++];
    found.push_back({keys_.data() + at, has_support ? support_.data() + at : nullptr, size});
    at += size;
  }
  return found;
}

}  // namespace pushcart::similarity
