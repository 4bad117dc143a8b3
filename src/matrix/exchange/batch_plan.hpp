#pragma once

#include <cstdint>
#include <vector>

#include "pushcart/matrix/factor_exchange.hpp"

namespace pushcart {

/// What stays of the rows fetched for one batch when the next comes.
enum class Keep : int { all, nothing };

/// A rank's rows in batches, and for each batch the rows of the table that it brings. Local.
struct BatchPlan {
  struct Batch {
    Count first_place = 0;           ///< of its rows in the buffer; 0 if nothing is kept
    std::vector<Count> needed;       ///< rows that it brings, by owner
    std::vector<std::int32_t> rows;  ///< owners' local rows, by owner, ascending
  };
  std::vector<RowPiece> pieces;
  std::vector<Count> batch_begin{0};
  std::vector<std::int32_t> positions;  ///< by entry; ~local row for what this rank owns
  std::vector<Batch> batches;
};

/// @param batch_rows  rows of the table that a batch may bring; more if one row of the matrix needs more
BatchPlan plan_batches(const WorkRows& rows, const Partition& columns, int rank, Count batch_rows, Keep keep);

/// Rows of the table that a batch of `stream` may bring: half of the room, the other half being for the batch
/// that comes meanwhile.
Count stream_batch_rows(const ExchangeSettings& settings);

/// How much such a plan fetches, without making it. Local.
struct BatchTotals {
  Count fetched_rows = 0, largest_batch_rows = 0, num_batches = 0;
};
BatchTotals count_batches(const WorkRows& rows, Range owned, Count batch_rows);

/// Distinct columns that `rows` touch outside `owned`. Local; a bit a column.
Count count_remote_columns(const WorkRows& rows, Range owned);

}  // namespace pushcart
