#include "models/linear/product_rows.hpp"

#include <omp.h>

#include <algorithm>

#include "models/linear/product_batches.hpp"
#include "pushcart/base/parallel.hpp"

namespace pushcart::linear {
namespace {

/// Sums by column with a list of those touched.
class Accumulator {
 public:
  void start(Count num_columns) {
    sums_.resize(static_cast<std::size_t>(num_columns), 0.0);
    marks_.resize(static_cast<std::size_t>(num_columns), 0);
  }
  bool is_empty() const { return touched_.empty(); }
  template <class Index>
  void add(double weight, std::span<const Index> columns, std::span<const float> values) {
    for (std::size_t n = 0; n < columns.size(); ++n) {
      const auto column = static_cast<std::size_t>(columns[n]);
      if (!marks_[column]) {
        marks_[column] = 1;
        touched_.push_back(static_cast<std::int32_t>(column));
      }
      sums_[column] += weight * static_cast<double>(values[n]);
    }
  }
  ProductRow row() const { return {touched_, sums_.data()}; }
  void clear() {
    for (const std::int32_t column : touched_) {
      sums_[static_cast<std::size_t>(column)] = 0;
      marks_[static_cast<std::size_t>(column)] = 0;
    }
    touched_.clear();
  }

 private:
  std::vector<double> sums_;
  std::vector<char> marks_;
  std::vector<std::int32_t> touched_;
};

/// Some rows of B of other ranks, their columns below a limit.
struct FetchedRows {
  std::vector<Count> numbers;  // ascending
  std::vector<Count> offsets{0};
  std::vector<std::int32_t> columns;
  std::vector<float> values;
};

class Products {
 public:
  Products(const Communicator& comm, const Operands& s, const ProductLimits& limits)
      : comm_(comm),
        s_(s),
        limits_(limits),
        owned_(s.inner.range(comm.rank())),
        num_rows_(std::clamp<Count>(limits.num_rows - s.left.rows.begin, 0, s.left.num_rows())),
        accumulators_(static_cast<std::size_t>(omp_get_max_threads())) {
    for (Accumulator& accumulator : accumulators_) accumulator.start(limits.num_columns);
    carried_.start(limits.num_columns);
    carried_in_.start(limits.num_columns);
    plan();
  }

  /// @return received bytes
  Count run(const std::function<void(Count, const ProductRow&)>& consume,
            const std::function<void()>& after_batch) {
    for (std::size_t b = 0; b + 1 < cuts_.size(); ++b) {
      fetch(cuts_[b], cuts_[b + 1]);
      work(cuts_[b], cuts_[b + 1], consume);
      if (after_batch) after_batch();
    }
    return received_bytes_;
  }

 private:
  bool is_own(Count inner) const { return owned_.contains(inner); }
  Count own_prefix(Count inner) const {
    const auto columns = s_.right.row_columns(inner - owned_.begin);
    return std::lower_bound(columns.begin(), columns.end(), limits_.num_columns) - columns.begin();
  }

  /// Cuts the entries of the owned rows into batches.
  void plan() {
    const WorkRows left_rows(s_.left);
    FactorExchange lengths(comm_, left_rows, s_.inner, length_exchange());
    std::vector<float> own_lengths(static_cast<std::size_t>(owned_.size()));
    for (Count inner = owned_.begin; inner < owned_.end; ++inner) {
      own_lengths[static_cast<std::size_t>(inner - owned_.begin)] = static_cast<float>(own_prefix(inner));
    }
    BatchCuts cuts(limits_);
    lengths.start(own_lengths, 1);
    for (Count batch = 0; batch < lengths.num_batches(); ++batch) {
      const GatheredRows gathered = lengths.await(batch);
      for (const RowPiece& piece : lengths.pieces(batch)) {
        if (piece.row >= num_rows_) continue;
        cuts.begin_row(piece.begin);
        for (Count e = piece.begin; e < piece.end; ++e) {
          if (is_own(s_.left.columns[static_cast<std::size_t>(e)])) continue;
          cuts.bring(e, static_cast<Count>(gathered[lengths.positions()[static_cast<std::size_t>(e)]][0]));
        }
      }
    }
    lengths.finish();
    received_bytes_ += lengths.counted().received_bytes;
    const Count end = s_.left.offsets[static_cast<std::size_t>(num_rows_)];
    cuts_ = cuts.end_at(end);
    cuts_.resize(static_cast<std::size_t>(comm_.allreduce(static_cast<Count>(cuts_.size()), Reduce::max)),
                 end);
  }

  void fetch(Count begin, Count end) {
    fetched_ = {};
    fetched_.numbers = rows_of_others(s_.left, begin, end, owned_);
    if (comm_.size() == 1) return;

    std::vector<Count> asked(static_cast<std::size_t>(comm_.size()), 0);
    for (const Count inner : fetched_.numbers) ++asked[static_cast<std::size_t>(s_.inner.owner(inner))];
    const auto requests = comm_.alltoallv(std::span<const Count>(fetched_.numbers), asked);
    std::vector<Count> lengths, entry_counts(requests.counts.size(), 0);
    std::vector<std::int32_t> columns;
    std::vector<float> values;
    std::size_t next = 0;
    for (std::size_t rank = 0; rank < requests.counts.size(); ++rank) {
      for (Count n = 0; n < requests.counts[rank]; ++n) {
        const Count inner = requests.data[next++], local = inner - owned_.begin;
        const Count length = own_prefix(inner), first = s_.right.offsets[static_cast<std::size_t>(local)];
        lengths.push_back(length);
        entry_counts[rank] += length;
        const auto row = s_.right.row_columns(local);
        columns.insert(columns.end(), row.begin(), row.begin() + length);
        values.insert(values.end(), s_.right_values.begin() + first,
                      s_.right_values.begin() + first + length);
      }
    }
    // Owners are contiguous ranges: what comes back by rank is in the order of the rows asked for.
    for (const Count length : comm_.alltoallv(std::span<const Count>(lengths), requests.counts).data) {
      fetched_.offsets.push_back(fetched_.offsets.back() + length);
    }
    fetched_.columns = comm_.alltoallv(std::span<const std::int32_t>(columns), entry_counts).data;
    fetched_.values = comm_.alltoallv(std::span<const float>(values), entry_counts).data;
    const auto num_asked = static_cast<Count>(requests.data.size());
    received_bytes_ += num_asked * asked_row_bytes +
                       static_cast<Count>(fetched_.numbers.size()) * row_length_bytes +
                       static_cast<Count>(fetched_.columns.size()) * fetched_entry_bytes;
  }

  void add(Accumulator& sums, Count entry) const {
    const auto at = static_cast<std::size_t>(entry);
    const Count inner = s_.left.columns[at];
    const auto weight = static_cast<double>(s_.left_values[at]);
    if (is_own(inner)) {
      const Count local = inner - owned_.begin, length = own_prefix(inner);
      const auto first = static_cast<std::size_t>(s_.right.offsets[static_cast<std::size_t>(local)]);
      sums.add(weight, s_.right.row_columns(local).first(static_cast<std::size_t>(length)),
               s_.right_values.subspan(first, static_cast<std::size_t>(length)));
      return;
    }
    const auto place = static_cast<std::size_t>(
        std::lower_bound(fetched_.numbers.begin(), fetched_.numbers.end(), inner) - fetched_.numbers.begin());
    const auto first = static_cast<std::size_t>(fetched_.offsets[place]);
    const auto length = static_cast<std::size_t>(fetched_.offsets[place + 1]) - first;
    sums.add(weight, std::span<const std::int32_t>(fetched_.columns).subspan(first, length),
             std::span<const float>(fetched_.values).subspan(first, length));
  }

  /// Rows that have entries in [begin, end), or end there without any.
  void work(Count begin, Count end, const std::function<void(Count, const ProductRow&)>& consume) {
    const auto& offsets = s_.left.offsets;
    const Count first = next_row_;
    while (next_row_ < num_rows_ && offsets[static_cast<std::size_t>(next_row_) + 1] <= end) ++next_row_;
    const bool is_cut = next_row_ < num_rows_ && offsets[static_cast<std::size_t>(next_row_)] < end;
    parallel_for(next_row_ - first + (is_cut ? 1 : 0), [&](Count n) {
      const Count row = first + n;
      Accumulator& sums = accumulators_[static_cast<std::size_t>(omp_get_thread_num())];
      const Count row_begin = offsets[static_cast<std::size_t>(row)];
      const Count row_end = offsets[static_cast<std::size_t>(row) + 1];
      if (row_begin < begin) std::swap(sums, carried_in_);
      for (Count e = std::max(begin, row_begin); e < std::min(end, row_end); ++e) add(sums, e);
      if (row_end > end) {
        std::swap(sums, carried_);
        return;
      }
      consume(row, sums.row());
      sums.clear();
    });
    if (is_cut) std::swap(carried_, carried_in_);
  }

  const Communicator& comm_;
  const Operands s_;
  const ProductLimits limits_;
  const Range owned_;
  const Count num_rows_;
  std::vector<Accumulator> accumulators_;
  Accumulator carried_, carried_in_;  // of a row cut between batches
  std::vector<Count> cuts_;
  FetchedRows fetched_;
  Count next_row_ = 0, received_bytes_ = 0;
};

}  // namespace

Count for_each_product_row(const Communicator& comm, const Operands& s, const ProductLimits& limits,
                           const std::function<void(Count, const ProductRow&)>& consume,
                           const std::function<void()>& after_batch) {
  return Products(comm, s, limits).run(consume, after_batch);
}

}  // namespace pushcart::linear
