#pragma once

#include <cstdint>
#include <span>

#include "models/similarity/column_block.hpp"

namespace pushcart::similarity {

/// Number of (u, column) visits that a row's product with a block takes, and how many of them are in lists
/// that begin at begins[u]; brings those near on the way.
struct Visits {
  Count all = 0, in_lists = 0;
};
inline Visits count_visits(std::span<const Count> inner, const ColumnBlock& block,
                           const std::uint32_t* begins) {
  const std::uint32_t* offsets = block.offsets();
  const std::uint16_t* columns = block.columns();
  Visits visits;
  for (const Count u : inner) {
    visits.all += offsets[u + 1] - offsets[u];
    visits.in_lists += offsets[u + 1] - begins[u];
    __builtin_prefetch(columns + begins[u]);
  }
  return visits;
}

/// counters[i] += 1 for every u of the row and column i of u from begins[u] on; marked[chunk of i] = 1 if
/// marks.
template <bool marks, class T>
void add_counts(std::span<const Count> inner, const ColumnBlock& block, const std::uint32_t* begins,
                T* counters, std::uint8_t* marked) {
  const std::uint32_t* offsets = block.offsets();
  const std::uint16_t* columns = block.columns();
  for (const Count u : inner) {
    const std::uint16_t* const end = columns + offsets[u + 1];
    for (const std::uint16_t* at = columns + begins[u]; at != end; ++at) {
      ++counters[*at];
      if constexpr (marks) marked[*at / chunk_columns] = 1;
    }
  }
}

/// Whether the column's event comes so long after the row's as the window says; both in seconds before the
/// cut-off.
struct Window {
  std::int64_t min_lag = 0, max_lag = 0;
  bool holds(std::int32_t row_time, std::int32_t column_time) const {
    const std::int64_t lag = std::int64_t{row_time} - std::int64_t{column_time};
    return min_lag <= lag && lag <= max_lag;
  }
};

template <class T>
void add_counts_in_window(std::span<const Count> inner, const std::int32_t* row_times,
                          const ColumnBlock& block, const Window& window, T* counters, std::uint8_t* marked) {
  for (std::size_t e = 0; e < inner.size(); ++e) {
    for (std::uint32_t at = block.offsets()[inner[e]]; at < block.offsets()[inner[e] + 1]; ++at) {
      const std::uint16_t column = block.columns()[at];
      counters[column] =
          static_cast<T>(counters[column] + (window.holds(row_times[e], block.times()[at]) ? 1 : 0));
      marked[column / chunk_columns] = 1;
    }
  }
}

/// sums[i] += left value * right value, by ascending u; `counters` (if any) count the terms.
/// @param left_values, row_times  of the row's entries; null = all 1, no window
inline void add_products(std::span<const Count> inner, const float* left_values,
                         const std::int32_t* row_times, const ColumnBlock& block, const Window& window,
                         float* sums, unsigned* counters, std::uint8_t* marked) {
  for (std::size_t e = 0; e < inner.size(); ++e) {
    const float left = left_values ? left_values[e] : 1.0F;
    const std::uint32_t begin = block.offsets()[inner[e]], end = block.offsets()[inner[e] + 1];
    const std::uint16_t* const columns = block.columns();
    if (!counters && !row_times) {
      if (const float* const right = block.values()) {
        for (std::uint32_t at = begin; at < end; ++at) {
          sums[columns[at]] += left * right[at];
          marked[columns[at] / chunk_columns] = 1;
        }
      } else {
        for (std::uint32_t at = begin; at < end; ++at) {
          sums[columns[at]] += left;
          marked[columns[at] / chunk_columns] = 1;
        }
      }
      continue;
    }
    for (std::uint32_t at = begin; at < end; ++at) {
      if (row_times && !window.holds(row_times[e], block.times()[at])) continue;
      sums[columns[at]] += block.values() ? left * block.values()[at] : left;
      if (counters) ++counters[columns[at]];
      marked[columns[at] / chunk_columns] = 1;
    }
  }
}

}  // namespace pushcart::similarity
