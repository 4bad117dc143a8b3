#include "models/similarity/row_search.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <numeric>

#include "models/similarity/accumulate.hpp"

namespace pushcart::similarity {

namespace {

/// Chunks swept at once: the bound rises between sweeps as good columns are found.
constexpr Count chunks_at_once = 16;

Count padded(Count columns) {
  return (columns + chunk_columns - 1) / chunk_columns * chunk_columns;
}

}  // namespace

void BlockAids::fill(const ColumnBlock& block, const Product& product, const PairScore& score) {
  const Count num_columns = block.shape().columns.size();
  constexpr float none = std::numeric_limits<float>::max();
  const Count whole_groups = (num_columns + slice_columns - 1) / slice_columns * slice_columns;
  z_by_column.assign(static_cast<std::size_t>(whole_groups), none);
  z_by_chunk.assign(static_cast<std::size_t>(whole_groups / chunk_columns), none);
  smallest_z = none;
  for (Count column = 0; column < num_columns; ++column) {
    const float z = score.z({block.sizes()[column], block.scales()[column]});
    z_by_column[static_cast<std::size_t>(column)] = z;
    float& of_chunk = z_by_chunk[static_cast<std::size_t>(column / chunk_columns)];
    of_chunk = std::min(of_chunk, z);
    smallest_z = std::min(smallest_z, z);
  }
  if (product.is_count() && !product.has_window()) slices.fill(block);
}

struct RowSearch::LeftRow {
  std::span<const Count> inner;
  const float* values = nullptr;
  const std::int32_t* times = nullptr;
  PairScore::Side side;
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

RowSearch::RowSearch(const Product& product, const PairScore& score, Count block_columns)
    : product_(product), score_(score), kernels_(sweep_kernels()) {
  const Count columns = padded(std::max<Count>(block_columns, 1));
  accumulator_ = zeros<unsigned char>(columns * 4);
  if (product.counts_too) support_ = zeros<unsigned>(columns);
  marked_.assign(static_cast<std::size_t>((columns / chunk_columns + 7) / 8 * 8), 0);
  chunks_.resize(static_cast<std::size_t>(columns / chunk_columns));
  columns_.resize(chunks_at_once * chunk_columns);
  counts_.resize(chunks_at_once * chunk_columns);
  sums_.resize(chunks_at_once * chunk_columns);
}

Count RowSearch::planned_bytes(const Product& product, Count block_columns) {
  return padded(block_columns) * (product.counts_too ? 8 : 4) + chunks_at_once * chunk_columns * 10;
}

/// Lists the chunks to sweep in chunks_: all of the block's, or those marked, whose marks it takes away.
Count RowSearch::mark_list(const ColumnBlock& block, Marks marks) {
  const Count num_chunks = block.shape().num_chunks();
  if (marks == Marks::none) {
    std::iota(chunks_.begin(), chunks_.begin() + num_chunks, static_cast<unsigned short>(0));
    return num_chunks;
  }
  Count found = 0;
  for (Count first = 0; first < num_chunks; first += 8) {
    std::uint64_t eight;
    std::memcpy(&eight, marked_.data() + first, 8);
    if (eight == 0) continue;
    std::memset(marked_.data() + first, 0, 8);
    for (; eight != 0; eight &= eight - 1) {  // a mark is the lowest bit of its byte
      chunks_[static_cast<std::size_t>(found++)] =
          static_cast<unsigned short>(first + __builtin_ctzll(eight) / 8);
    }
  }
  return found;
}

void RowSearch::offer(const LeftRow& left, const ColumnBlock& block, Count num_candidates,
                      BestColumns& best) {
  report_.offered += num_candidates;
  const Count first_column = block.shape().columns.begin;
  const bool is_count = product_.is_count(), counts_too = product_.counts_too;
  for (std::size_t n = 0; n < static_cast<std::size_t>(num_candidates); ++n) {
    const Count column = columns_[n];
    if (column == left.itself || (counts_too && counts_[n] < score_.min_support())) continue;
    const double sum = is_count ? counts_[n] : static_cast<double>(sums_[n]);
    const float score =
        score_.score(left.side, {block.sizes()[column], block.scales()[column]}, sum, counts_[n]);
    if (score > 0) best.offer({score, static_cast<std::uint32_t>(first_column + column), counts_[n]});
  }
}

template <class Sweep>
void RowSearch::sweep_chunks(const LeftRow& left, const ColumnBlock& block, Marks marks, BestColumns& best,
                             Sweep&& sweep) {
  const Count num_chunks = mark_list(block, marks);
  const Candidates out{columns_.data(), counts_.data(), sums_.data()};
  for (Count first = 0; first < num_chunks; first += chunks_at_once) {
    const SweepBound bound = score_.bound(left.side, best.threshold());
    offer(left, block,
          sweep(chunks_.data() + first, std::min(chunks_at_once, num_chunks - first), bound, out), best);
  }
}

void RowSearch::search_slices(const LeftRow& left, const ColumnBlock& block, const BlockAids& aids,
                              BestColumns& best) {
  const Candidates out{columns_.data(), counts_.data(), sums_.data()};
  const BitSlices& slices = aids.slices;
  for (Count group = 0; group < slices.num_groups(); ++group) {
    const SweepBound bound = score_.bound(left.side, best.threshold());
    const Count first_column = group * slice_columns;
    offer(left, block,
          kernels_.slices(slices.group(group), slices.words_a_row(), left.inner.data(),
                          static_cast<Count>(left.inner.size()),
                          aids.z_by_chunk.data() + first_column / chunk_columns, bound, first_column, out),
          best);
  }
}

template <class T>
void RowSearch::search_counts(const LeftRow& left, const ColumnBlock& block, const BlockAids& aids,
                              Marks marks, T* counters,
                              Count (*sweep)(T*, const unsigned short*, Count, const float*,
                                             const SweepBound&, const Candidates&),
                              BestColumns& best) {
  const std::uint32_t* const begins = aids.slices.num_groups() > 0 ? aids.slices.tails() : block.offsets();
  if (left.times) {
    const Window window{product_.min_lag, product_.max_lag};
    add_counts_in_window(left.inner, left.times, block, window, counters, marked_.data());
    marks = Marks::chunks;
  } else if (marks == Marks::none) {
    add_counts<false>(left.inner, block, begins, counters, marked_.data());
  } else {
    add_counts<true>(left.inner, block, begins, counters, marked_.data());
  }
  sweep_chunks(
      left, block, marks, best,
      [&](const unsigned short* chunks, Count num_chunks, const SweepBound& bound, const Candidates& out) {
        return sweep(counters, chunks, num_chunks, aids.z_by_chunk.data(), bound, out);
      });
}

void RowSearch::search_sums(const LeftRow& left, const ColumnBlock& block, const BlockAids& aids,
                            BestColumns& best) {
  float* const sums = reinterpret_cast<float*>(accumulator_.get());
  const Window window{product_.min_lag, product_.max_lag};
  add_products(left.inner, left.values, left.times, block, window, sums, support_.get(), marked_.data());
  sweep_chunks(
      left, block, Marks::chunks, best,
      [&](const unsigned short* chunks, Count num_chunks, const SweepBound& bound, const Candidates& out) {
        return kernels_.sums(sums, support_.get(), chunks, num_chunks, aids.z_by_column.data(), bound, out);
      });
}

void RowSearch::search(Count row, const ColumnBlock& block, const BlockAids& aids, BestColumns& best) {
  const Operand& operand = product_.left;
  const auto at = static_cast<std::size_t>(row);
  const auto begin = operand.pattern->offsets[at];
  LeftRow left{operand.pattern->row_columns(row),
               operand.values.empty() ? nullptr : operand.values.data() + begin,
               operand.times.empty() ? nullptr : operand.times.data() + begin,
               {operand.size[at], operand.scale[at]}};
  if (left.inner.empty() || !(left.side.scale > 0)) return;
  const Count global_row = operand.pattern->rows.begin + row;
  if (block.shape().columns.contains(global_row)) left.itself = global_row - block.shape().columns.begin;

  const bool has_slices = aids.slices.num_groups() > 0;
  const Visits visits = count_visits(left.inner, block, has_slices ? aids.slices.tails() : block.offsets());
  report_.multiply_adds += visits.all;
  if (visits.all == 0) return;
  if (!product_.is_count()) return search_sums(left, block, aids, best);

  const auto length = static_cast<float>(left.inner.size());
  const SweepBound bound = score_.bound(left.side, best.threshold());
  if (length < (bound.p + bound.q * aids.smallest_z) * (1.0F - 1e-5F) ||
      length < static_cast<float>(bound.lowest)) {
    report_.skipped += visits.all;  // even a column that all of the row's u have is not good enough
    return;
  }
  if (has_slices) {
    report_.sliced += visits.all - visits.in_lists;
    search_slices(left, block, aids, best);
    if (visits.in_lists == 0) return;
  }
  const Marks marks = visits.in_lists > block.shape().num_chunks() ? Marks::none : Marks::chunks;
  if (left.inner.size() <= std::numeric_limits<unsigned char>::max()) {
    search_counts(left, block, aids, marks, accumulator_.get(), kernels_.bytes, best);
  } else if (left.inner.size() <= std::numeric_limits<unsigned short>::max()) {
    search_counts(left, block, aids, marks, reinterpret_cast<unsigned short*>(accumulator_.get()),
                  kernels_.shorts, best);
  } else {
    search_counts(left, block, aids, marks, reinterpret_cast<unsigned*>(accumulator_.get()), kernels_.words,
                  best);
  }
}

}  // namespace pushcart::similarity
