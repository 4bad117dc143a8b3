#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/ids/partition.hpp"
#include "pushcart/matrix/sparse_rows.hpp"

namespace pushcart {

/// Entries [begin, end) (positions in SparseRows::columns) of one local row: the whole row, or a part of it.
struct RowPiece {
  Count row = 0;
  Count begin = 0;
  Count end = 0;
};

/// How much of other ranks' tables may lie on a rank at once.
struct ExchangeLimits {
  Count batch_bytes =
      Count{1} << 28;  ///< for the fetched rows of a batch; the rows on their way out take as much
  Count row_bytes = sizeof(float);  ///< of the widest table that will be fetched
  /// Rows with at least `split_length` entries may be spread over batches, cut at multiples of `block_length`
  /// entries from their begin; shorter rows are always whole. A batch holds at least `split_length` rows,
  /// whatever batch_bytes says. block_length <= split_length.
  Count split_length = 4096;
  Count block_length = 512;
};

/// One batch's rows of the other side: those this rank owns where they lie, the others in a buffer.
struct GatheredRows {
  const float* owned = nullptr;
  const float* fetched = nullptr;
  Count width = 0;
  const float* operator[](std::int32_t position) const {
    return position < 0 ? owned + Count{~position} * width : fetched + Count{position} * width;
  }
};

/// Brings the rows of a distributed table (factors of the columns) that this rank's sparse rows touch.
/// Planned once from the pattern; batches of consecutive rows, bounded by memory, the same number on all
/// ranks. What this rank owns is never copied: on one rank there is one batch and nothing to fetch.
class RowExchange {
 public:
  /// Collective. `rows` must outlive the plan. Takes 4 bytes an entry of `rows` and 4 bytes for each row
  /// asked of this rank and batch.
  RowExchange(const Communicator& comm, const SparseRows& rows, const Partition& columns,
              const ExchangeLimits& limits);

  Count num_batches() const { return static_cast<Count>(batches_.size()); }
  /// What is worked on in a batch, in row order. A row's last piece has end == rows.offsets[row + 1].
  std::span<const RowPiece> pieces(Count batch) const;
  /// Place of each entry's row in the GatheredRows of its batch.
  std::span<const std::int32_t> positions() const { return positions_; }

  /// Fetches a batch: `owned` is this rank's part of the table, `width` floats a row; `buffer` is reused and
  /// grows to what the batch needs. Collective: every rank calls it for every batch, in order.
  GatheredRows fetch(Count batch, std::span<const float> owned, Count width,
                     std::vector<float>& buffer) const;

  /// Rows that come to this rank in all batches together; times the row's bytes that is what it receives.
  Count num_fetched_rows() const;
  /// Largest number of rows fetched in one batch on this rank.
  Count max_batch_rows() const;

 private:
  struct Batch {
    Count first_piece = 0, last_piece = 0;
    Count num_rounds = 0;                  ///< rounds in which it is fetched: the same on all ranks
    std::vector<Count> needed;             ///< rows by owning rank
    std::vector<Count> asked;              ///< rows by asking rank
    std::vector<std::int32_t> asked_rows;  ///< local rows to send, by asking rank
  };
  class Planner;
  void exchange_requests(std::vector<std::vector<std::int32_t>> requests);

  const Communicator& comm_;
  Count rows_per_pair_ = 1;  ///< rows that one rank sends another in one round
  std::vector<RowPiece> pieces_;
  std::vector<std::int32_t> positions_;
  std::vector<Batch> batches_;
  mutable std::vector<float> outgoing_;
};

}  // namespace pushcart
