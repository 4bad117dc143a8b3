#include "pushcart/matrix/row_exchange.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "matrix/column_set.hpp"

namespace pushcart {
namespace {

/// How many of `count` rows travel in round `round` of at most `per_pair` rows.
Count rows_in_round(Count count, Count round, Count per_pair) {
  return std::clamp<Count>(count - round * per_pair, 0, per_pair);
}

Count num_rounds_of(std::span<const Count> counts, Count per_pair) {
  const Count most = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
  return (most + per_pair - 1) / per_pair;
}

}  // namespace

/// Cuts the rows into batches, and says for each batch which rows of the other side come from where. Local.
class RowExchange::Planner {
 public:
  Planner(RowExchange& plan, int rank, const SparseRows& rows, const Partition& columns, Count capacity,
          const ExchangeLimits& limits)
      : plan_(plan),
        rows_(rows),
        columns_(columns),
        owned_(columns.range(rank)),
        capacity_(capacity),
        limits_(limits) {}

  /// @return for each batch, the owners' local rows that are needed, by owner
  std::vector<std::vector<std::int32_t>> run() {
    plan_.positions_.resize(rows_.columns.size());
    for (Count row = 0; row < rows_.num_rows(); ++row) {
      const Count begin = rows_.offsets[static_cast<std::size_t>(row)], length = rows_.row_length(row);
      const Count step = length < limits_.split_length ? std::max<Count>(length, 1) : limits_.block_length;
      for (Count at = 0; at < length; at += step) {
        add({row, begin + at, begin + std::min(at + step, length)});
      }
    }
    close_batch();
    return std::move(requests_);
  }

 private:
  void add(const RowPiece& piece) {
    if (needed_.size() + piece.end - piece.begin > capacity_ && needed_.size() > 0) close_batch();
    for (Count entry = piece.begin; entry < piece.end; ++entry) {
      const Count column = rows_.columns[static_cast<std::size_t>(entry)];
      plan_.positions_[static_cast<std::size_t>(entry)] =
          owned_.contains(column) ? ~static_cast<std::int32_t>(column - owned_.begin)
                                  : needed_.insert(column);
    }
    const bool continues =
        first_piece_ < static_cast<Count>(plan_.pieces_.size()) && plan_.pieces_.back().row == piece.row;
    if (continues) {
      plan_.pieces_.back().end = piece.end;
    } else {
      plan_.pieces_.push_back(piece);
    }
  }

  void close_batch() {
    Batch batch;
    batch.first_piece = first_piece_;
    batch.last_piece = first_piece_ = static_cast<Count>(plan_.pieces_.size());
    batch.needed.assign(static_cast<std::size_t>(columns_.num_ranks()), 0);
    std::vector<Count> order(static_cast<std::size_t>(needed_.size()));
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(),
              [&](Count a, Count b) { return needed_.column(a) < needed_.column(b); });
    std::vector<std::int32_t> request;
    request.reserve(order.size());
    for (Count slot : order) {
      const Count column = needed_.column(slot);
      const int owner = columns_.owner(column);
      ++batch.needed[static_cast<std::size_t>(owner)];
      request.push_back(static_cast<std::int32_t>(column - columns_.range(owner).begin));
    }
    place_entries(batch, order);
    plan_.batches_.push_back(std::move(batch));
    requests_.push_back(std::move(request));
    needed_.clear();
  }

  /// Slots (order of first use) become places in the buffer, which is ordered by round, owner, row.
  void place_entries(const Batch& batch, const std::vector<Count>& order) {
    if (order.empty()) return;
    std::vector<std::int32_t> place(order.size());
    const Count per_pair = plan_.rows_per_pair_, rounds = num_rounds_of(batch.needed, per_pair);
    std::int32_t next = 0;
    for (Count round = 0; round < rounds; ++round) {
      Count first_of_owner = 0;
      for (Count needed : batch.needed) {
        const Count first = first_of_owner + round * per_pair, here = rows_in_round(needed, round, per_pair);
        for (Count n = 0; n < here; ++n) {
          place[static_cast<std::size_t>(order[static_cast<std::size_t>(first + n)])] = next++;
        }
        first_of_owner += needed;
      }
    }
    const Count begin = plan_.pieces_[static_cast<std::size_t>(batch.first_piece)].begin;
    for (Count entry = begin; entry < plan_.pieces_.back().end; ++entry) {
      std::int32_t& position = plan_.positions_[static_cast<std::size_t>(entry)];
      if (position >= 0) position = place[static_cast<std::size_t>(position)];
    }
  }

  RowExchange& plan_;
  const SparseRows& rows_;
  const Partition& columns_;
  const Range owned_;
  const Count capacity_;
  const ExchangeLimits& limits_;
  ColumnSet needed_;
  Count first_piece_ = 0;
  std::vector<std::vector<std::int32_t>> requests_;
};

RowExchange::RowExchange(const Communicator& comm, const SparseRows& rows, const Partition& columns,
                         const ExchangeLimits& limits)
    : comm_(comm) {
  constexpr Count most = std::numeric_limits<std::int32_t>::max() / 4;
  PUSHCART_CHECK(columns.num_ranks() == comm.size() && rows.num_columns == columns.num_rows());
  PUSHCART_CHECK(limits.row_bytes > 0 && limits.block_length > 0 &&
                 limits.block_length <= limits.split_length);
  PUSHCART_CHECK(limits.split_length <= most && columns.range(comm.rank()).size() <= most);
  const Count capacity = std::clamp(limits.batch_bytes / limits.row_bytes, limits.split_length, most);
  rows_per_pair_ = std::max<Count>(1, 2 * capacity / comm.size());
  exchange_requests(Planner(*this, comm.rank(), rows, columns, capacity, limits).run());
}

void RowExchange::exchange_requests(std::vector<std::vector<std::int32_t>> requests) {
  const auto num_batches =
      static_cast<std::size_t>(comm_.allreduce(static_cast<Count>(batches_.size()), Reduce::max));
  while (batches_.size() < num_batches) {
    Batch idle;
    idle.first_piece = idle.last_piece = static_cast<Count>(pieces_.size());
    idle.needed.assign(static_cast<std::size_t>(comm_.size()), 0);
    batches_.push_back(std::move(idle));
    requests.emplace_back();
  }
  for (std::size_t n = 0; n < num_batches; ++n) {
    Batch& batch = batches_[n];
    auto asked =
        comm_.alltoallv(std::span<const std::int32_t>(requests[n]), std::span<const Count>(batch.needed));
    batch.asked = std::move(asked.counts);
    batch.asked_rows = std::move(asked.data);
    batch.num_rounds = comm_.allreduce(num_rounds_of(batch.needed, rows_per_pair_), Reduce::max);
  }
}

std::span<const RowPiece> RowExchange::pieces(Count batch) const {
  const Batch& b = batches_[static_cast<std::size_t>(batch)];
  return std::span(pieces_).subspan(static_cast<std::size_t>(b.first_piece),
                                    static_cast<std::size_t>(b.last_piece - b.first_piece));
}

GatheredRows RowExchange::fetch(Count batch_number, std::span<const float> owned, Count width,
                                std::vector<float>& buffer) const {
  const Batch& batch = batches_[static_cast<std::size_t>(batch_number)];
  const Count num_rows = std::accumulate(batch.needed.begin(), batch.needed.end(), Count{0});
  buffer.resize(std::max(buffer.size(), static_cast<std::size_t>(num_rows * width)));
  std::vector<Count> send_counts(batch.asked.size()), receive_counts(batch.needed.size());
  Count received = 0;
  for (Count round = 0; round < batch.num_rounds; ++round) {
    outgoing_.clear();
    Count first_of_rank = 0, arriving = 0;
    for (std::size_t rank = 0; rank < batch.asked.size(); ++rank) {
      const Count here = rows_in_round(batch.asked[rank], round, rows_per_pair_);
      for (Count n = 0; n < here; ++n) {
        const Count row =
            batch.asked_rows[static_cast<std::size_t>(first_of_rank + round * rows_per_pair_ + n)];
        const auto values =
            owned.subspan(static_cast<std::size_t>(row * width), static_cast<std::size_t>(width));
        outgoing_.insert(outgoing_.end(), values.begin(), values.end());
      }
      first_of_rank += batch.asked[rank];
      send_counts[rank] = here * width;
      receive_counts[rank] = rows_in_round(batch.needed[rank], round, rows_per_pair_) * width;
      arriving += receive_counts[rank];
    }
    comm_.alltoallv_into(
        std::span<const float>(outgoing_), std::span<const Count>(send_counts),
        std::span(buffer).subspan(static_cast<std::size_t>(received), static_cast<std::size_t>(arriving)),
        std::span<const Count>(receive_counts));
    received += arriving;
  }
  return {owned.data(), buffer.data(), width};
}

Count RowExchange::num_fetched_rows() const {
  Count total = 0;
  for (const Batch& batch : batches_)
    total += std::accumulate(batch.needed.begin(), batch.needed.end(), Count{0});
  return total;
}

Count RowExchange::max_batch_rows() const {
  Count most = 0;
  for (const Batch& batch : batches_) {
    most = std::max(most, std::accumulate(batch.needed.begin(), batch.needed.end(), Count{0}));
  }
  return most;
}

}  // namespace pushcart
