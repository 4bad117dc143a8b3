#include "matrix/exchange/batch_plan.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "matrix/column_set.hpp"

namespace pushcart {
namespace {

/// Calls use(row) for the rows that are worked on here and have entries, in order.
template <class Use>
void for_each_row(const WorkRows& rows, Use&& use) {
  for (Count row = 0; row < rows.num_rows(); ++row) {
    if (rows.is_here(row) && rows.row_length(row) > 0) use(row);
  }
}

class Planner {
 public:
  Planner(const WorkRows& rows, const Partition& columns, int rank, Count batch_rows, Keep keep)
      : rows_(rows), columns_(columns), owned_(columns.range(rank)), batch_rows_(batch_rows), keep_(keep) {
    PUSHCART_CHECK(owned_.size() <= std::numeric_limits<std::int32_t>::max());
  }

  BatchPlan run() {
    plan_.positions.resize(static_cast<std::size_t>(rows_.num_entries()));
    for_each_row(rows_, [&](Count row) { add(row); });
    close_batch();
    return std::move(plan_);
  }

 private:
  void add(Count row) {
    const Count begin = rows_.begin(row), length = rows_.row_length(row);
    const bool is_empty = static_cast<Count>(plan_.pieces.size()) == plan_.batch_begin.back();
    if (num_new() + length > batch_rows_ && !is_empty && num_new() + count_new(row) > batch_rows_) {
      close_batch();
    }
    auto position = plan_.positions.begin() + begin;
    for (const Count column : rows_.columns(row)) {
      *position++ = owned_.contains(column) ? ~static_cast<std::int32_t>(column - owned_.begin)
                                            : needed_.insert(column);
    }
    plan_.pieces.push_back({row, begin, begin + length});
  }

  Count num_new() const { return needed_.size() - num_placed_; }
  Count count_new(Count row) const {
    const auto columns = rows_.columns(row);
    return std::count_if(columns.begin(), columns.end(),
                         [&](Count column) { return !owned_.contains(column) && !needed_.contains(column); });
  }

  void close_batch() {
    std::vector<Count> order(static_cast<std::size_t>(num_new()));
    std::iota(order.begin(), order.end(), num_placed_);
    std::sort(order.begin(), order.end(),
              [&](Count a, Count b) { return needed_.column(a) < needed_.column(b); });
    BatchPlan::Batch batch;
    batch.first_place = num_placed_;
    batch.needed.assign(static_cast<std::size_t>(columns_.num_ranks()), 0);
    place_of_.resize(static_cast<std::size_t>(needed_.size()));
    for (std::size_t n = 0; n < order.size(); ++n) {
      const Count column = needed_.column(order[n]);
      const int owner = columns_.owner(column);
      ++batch.needed[static_cast<std::size_t>(owner)];
      batch.rows.push_back(static_cast<std::int32_t>(column - columns_.range(owner).begin));
      place_of_[static_cast<std::size_t>(order[n])] =
          static_cast<std::int32_t>(num_placed_ + static_cast<Count>(n));
    }
    place_entries();
    plan_.batches.push_back(std::move(batch));
    plan_.batch_begin.push_back(static_cast<Count>(plan_.pieces.size()));
    if (keep_ == Keep::nothing) {
      needed_.clear();
      place_of_.clear();
    }
    num_placed_ = needed_.size();
  }

  /// Numbers of columns (order of first use) become places in the buffer (order of batch, owner, row).
  void place_entries() {
    for (auto n = static_cast<std::size_t>(plan_.batch_begin.back()); n < plan_.pieces.size(); ++n) {
      const RowPiece& piece = plan_.pieces[n];
      for (Count entry = piece.begin; entry < piece.end; ++entry) {
        std::int32_t& position = plan_.positions[static_cast<std::size_t>(entry)];
        if (position >= 0) position = place_of_[static_cast<std::size_t>(position)];
      }
    }
  }

  const WorkRows& rows_;
  const Partition& columns_;
  const Range owned_;
  const Count batch_rows_;
  const Keep keep_;
  ColumnSet needed_;
  Count num_placed_ = 0;                // columns of closed batches that are kept
  std::vector<std::int32_t> place_of_;  // by number in needed_
  BatchPlan plan_;
};

}  // namespace

BatchPlan plan_batches(const WorkRows& rows, const Partition& columns, int rank, Count batch_rows,
                       Keep keep) {
  return Planner(rows, columns, rank, batch_rows, keep).run();
}

Count stream_batch_rows(const ExchangeSettings& settings) {
  constexpr Count most = std::numeric_limits<std::int32_t>::max() / 4;
  return std::clamp<Count>(settings.batch_bytes / 2 / settings.row_bytes, 1, most);
}

BatchTotals count_batches(const WorkRows& rows, Range owned, Count batch_rows) {
  BatchTotals totals;
  ColumnSet needed;
  const auto close = [&] {
    totals.fetched_rows += needed.size();
    totals.largest_batch_rows = std::max(totals.largest_batch_rows, needed.size());
    ++totals.num_batches;
    needed.clear();
  };
  bool is_empty = true;
  for_each_row(rows, [&](Count row) {
    const auto columns = rows.columns(row);
    if (!is_empty && needed.size() + rows.row_length(row) > batch_rows) {
      const Count more = std::count_if(columns.begin(), columns.end(), [&](Count column) {
        return !owned.contains(column) && !needed.contains(column);
      });
      if (needed.size() + more > batch_rows) {
        close();
      }
    }
    for (const Count column : columns) {
      if (!owned.contains(column)) needed.insert(column);
    }
    is_empty = false;
  });
  close();
  return totals;
}

Count count_remote_columns(const WorkRows& rows, Range owned) {
  std::vector<bool> is_needed(static_cast<std::size_t>(rows.num_columns()));
  Count count = 0;
  for_each_row(rows, [&](Count row) {
    for (const Count column : rows.columns(row)) {
      if (owned.contains(column) || is_needed[static_cast<std::size_t>(column)]) continue;
      is_needed[static_cast<std::size_t>(column)] = true;
      ++count;
    }
  });
  return count;
}

}  // namespace pushcart
