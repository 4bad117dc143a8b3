#include "models/similarity/row_search.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

namespace pushcart::similarity {

namespace {

constexpr Count spare = 64;

Count padded(Count columns) {
  return (columns + chunk_columns - 1) / chunk_columns * chunk_columns;
}

}  // namespace

void BlockAids::fill(const ColumnBlock& block, const Product& product, const PairScore& score) {
  const Count num_columns = block.shape().columns.size();
  constexpr float none = std::numeric_limits<float>::max();
  const Count whole_groups = (num_columns + slice_columns - 1) / slice_columns * slice_columns;
  terms.resize(static_cast<std::size_t>(num_columns));
  z_by_chunk.assign(static_cast<std::size_t>(whole_groups / chunk_columns), none);
  for (Count column = 0; column < num_columns; ++column) {
    const double side = score.side(block.sizes()[column], block.scales()[column]);
    terms[static_cast<std::size_t>(column)] = static_cast<float>(side);
    const float z = score.z(side);
    float& of_chunk = z_by_chunk[static_cast<std::size_t>(column / chunk_columns)];
    of_chunk = std::min(of_chunk, z);
  }
  least_z.clear();
  for (Count chunk = 0; chunk < block.shape().num_chunks(); ++chunk) {
    const float z = z_by_chunk[static_cast<std::size_t>(chunk)];
    least_z.push_back(chunk == 0 ? z : std::min(z, least_z.back()));
  }
  if (product.is_count() && !product.has_window()) slices.fill(block);
}

struct RowSearch::LeftRow {
  RowEntries entries;
  double side = 0;
  Count itself = -1;  ///< local column of the row itself, if it is in the block
};

template <class T>
RowSearch::Aligned<T> RowSearch::zeros(Count size) {
  const std::size_t bytes = (static_cast<std::size_t>(size) * sizeof(T) + 63) / 64 * 64;
  void* const memory = std::aligned_alloc(64, bytes);
  if (!memory) throw std::bad_alloc();
  std::memset(memory, 0, bytes);
  return Aligned<T>(static_cast<T*>(memory));
}

RowSearch::RowSearch(const Product& product, const PairScore& score, Count block_columns,
                     const BestOfRows& rows)
    : product_(product), score_(score), kernels_(score_kernels()), best_(rows.k, rows.has_support) {
  const Count columns = padded(block_columns) + spare;
  accumulator_ = zeros<unsigned char>(columns * 4);
  if (product.counts_too) support_ = zeros<unsigned>(columns);
  if (!product.is_count()) marks_.assign(static_cast<std::size_t>(columns), 0);
  list_.resize(static_cast<std::size_t>(columns));
  const auto most_found = static_cast<std::size_t>(std::max(best_.room(), slice_columns) + spare);
  columns_.resize(most_found);
  counts_.resize(most_found);
  scores_.resize(most_found);
  found_ = {columns_.data(), scores_.data(), counts_.data()};
}

Count RowSearch::planned_bytes(const Product& product, const SimilarityConfig& config) {
  const Count columns = padded(config.block_columns) + spare;
  return columns * (4 + 2 + (product.counts_too ? 4 : 0) + (product.is_count() ? 0 : 1)) +
         BestColumns::planned_bytes(config.k);
}

Count RowSearch::score_by_llr(const LeftRow& left, const ColumnBlock& block, Count size) {
  Count passed = 0;
  for (Count n = 0; n < size; ++n) {
    const unsigned column = found_.columns[n], count = found_.counts[n];
    const float score = score_.llr(left.side, block.sizes()[column], count);
    found_.columns[passed] = column;
    found_.counts[passed] = count;
    found_.scores[passed] = score;
    passed += score > 0 && score >= best_.threshold() ? 1 : 0;
  }
  return passed;
}

void RowSearch::offer_counted(const LeftRow& left, const ColumnBlock& block, const BlockAids& aids,
                              Count size) {
  report_.scored += size;
  const Count passed = score_.is_llr() ? score_by_llr(left, block, size)
                                       : kernels_.counts(found_, size, aids.terms.data(),
                                                         score_.rule(left.side, best_.threshold()));
  best_.offer(found_, passed, block.shape().columns.begin);
}

template <class T>
Count RowSearch::count_columns(const LeftRow& left, const ColumnBlock& block, const BlockAids& aids,
                               T* counters) {
  if (left.entries.times) {
    return add_counts_in_window(left.entries.inner, left.entries.times, block,
                                Window{product_.min_lag, product_.max_lag}, counters, list_.data());
  }
  const std::uint32_t* const begins = aids.slices.num_groups() > 0 ? aids.slices.tails() : block.offsets();
  return add_counts(left.entries.inner, block, begins, counters, list_.data());
}

template <class T>
void RowSearch::search_counts(const LeftRow& left, const ColumnBlock& block, const BlockAids& aids,
                              T* counters,
                              Count (*take)(const unsigned short*, Count, T*, const CountNeed&,
                                            const ScoredColumns&)) {
  const Count touched = count_columns(left, block, aids, counters);
  if (left.itself >= 0) counters[left.itself] = 0;
  CountNeed need;
  float threshold = -1;
  for (Count first = 0; first < touched; first += best_.room()) {
    if (threshold != best_.threshold()) {
      threshold = best_.threshold();
      need = score_.need(left.side, threshold, aids.least_z);
    }
    const Count size = std::min(best_.room(), touched - first);
    offer_counted(left, block, aids, take(list_.data() + first, size, counters, need, found_));
  }
}

void RowSearch::search_sums(const LeftRow& left, const ColumnBlock& block, const BlockAids& aids) {
  float* const sums = reinterpret_cast<float*>(accumulator_.get());
  const SumTarget target{sums, support_.get(), marks_.data(), list_.data()};
  const Count touched = add_products(left.entries, block, Window{product_.min_lag, product_.max_lag}, target);
  if (left.itself >= 0) sums[left.itself] = 0;
  for (Count n = 0; n < touched; ++n) marks_[list_[static_cast<std::size_t>(n)]] = 0;
  report_.scored += touched;
  for (Count first = 0; first < touched; first += best_.room()) {
    const Count size = std::min(best_.room(), touched - first);
    const Count passed = kernels_.sums(list_.data() + first, size, sums, support_.get(), aids.terms.data(),
                                       score_.rule(left.side, best_.threshold()), found_);
    best_.offer(found_, passed, block.shape().columns.begin);
  }
}

void RowSearch::search_slices(const LeftRow& left, const ColumnBlock& block, const BlockAids& aids) {
  const BitSlices& slices = aids.slices;
  const auto& inner = left.entries.inner;
  for (Count group = 0; group < slices.num_groups(); ++group) {
    const Count first_column = group * slice_columns;
    const Count size = kernels_.slices(slices.group(group), slices.words_a_row(), inner.data(),
                                       static_cast<Count>(inner.size()),
                                       aids.z_by_chunk.data() + first_column / chunk_columns,
                                       score_.bound(left.side, best_.threshold()), first_column, found_);
    for (Count n = 0; n < size && left.itself >= first_column; ++n) {
      if (found_.columns[n] == left.itself) found_.counts[n] = 0;
    }
    offer_counted(left, block, aids, size);
  }
}

void RowSearch::search(Count row, const ColumnBlock& block, const BlockAids& aids, BestOfRows& rows) {
  const Operand& operand = product_.left;
  const auto at = static_cast<std::size_t>(row);
  const auto begin = operand.pattern->offsets[at];
  LeftRow left{
      {operand.pattern->row_columns(row), operand.has_values ? operand.values.data() + begin : nullptr,
       operand.has_times ? operand.times.data() + begin : nullptr},
      score_.side(operand.size[at], operand.scale[at])};
  const auto& inner = left.entries.inner;
  if (inner.empty() || !(left.side > 0)) return;
  const Count global_row = operand.pattern->rows.begin + row;
  if (product_.rows_are_columns && block.shape().columns.contains(global_row))
    left.itself = global_row - block.shape().columns.begin;

  const bool has_slices = aids.slices.num_groups() > 0;
  const Visits visits = count_visits(inner, block, has_slices ? aids.slices.tails() : block.offsets());
  report_.multiply_adds += visits.all;
  if (visits.all == 0) return;
  best_.start(rows, row);
  if (!product_.is_count()) {
    search_sums(left, block, aids);
    return best_.finish(rows, row);
  }
  if (static_cast<Count>(inner.size()) <
      Count{score_.need(left.side, best_.threshold(), aids.least_z).lowest}) {
    report_.skipped += visits.all;  // even a column that all of the row's u have is not good enough
    return;
  }
  if (has_slices) {
    report_.sliced += visits.all - visits.in_lists;
    search_slices(left, block, aids);
  }
  if (visits.in_lists > 0) {
    unsigned char* const counters = accumulator_.get();
    if (inner.size() <= std::numeric_limits<unsigned char>::max()) {
      search_counts(left, block, aids, counters, kernels_.bytes);
    } else if (inner.size() <= std::numeric_limits<unsigned short>::max()) {
      search_counts(left, block, aids, reinterpret_cast<unsigned short*>(counters), kernels_.shorts);
    } else {
      search_counts(left, block, aids, reinterpret_cast<unsigned*>(counters), kernels_.words);
    }
  }
  best_.finish(rows, row);
}

}  // namespace pushcart::similarity
