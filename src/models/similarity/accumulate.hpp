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

/// Counts `num` columns, all of them different: loads need not wait for the stores before them.
/// @return how many columns are in the list then
template <class T, Count num>
Count count_distinct(const std::uint16_t* columns, T* counters, std::uint16_t* list, Count touched) {
  T before[num];
  for (Count n = 0; n < num; ++n) before[n] = counters[columns[n]];
  for (Count n = 0; n < num; ++n) {
    list[touched] = columns[n];
    touched += before[n] == 0 ? 1 : 0;
    counters[columns[n]] = static_cast<T>(before[n] + 1);
  }
  return touched;
}

/// Gustavson's row: counters[i] += 1 for every u of the row and column i of u from begins[u] on. Columns
/// touched for the first time go into `list`, which has room for all and one more. Without a branch, since
/// none could be foretold.
/// @return how many were touched
template <class T>
Count add_counts(std::span<const Count> inner, const ColumnBlock& block, const std::uint32_t* begins,
                 T* counters, std::uint16_t* list) {
  constexpr Count at_once = 4;
  const std::uint32_t* offsets = block.offsets();
  const std::uint16_t* columns = block.columns();
  Count touched = 0;
  for (const Count u : inner) {
    const std::uint16_t* at = columns + begins[u];
    const std::uint16_t* const end = columns + offsets[u + 1];
    for (; end - at >= at_once; at += at_once) {
      touched = count_distinct<T, at_once>(at, counters, list, touched);
    }
    for (; at != end; ++at) touched = count_distinct<T, 1>(at, counters, list, touched);
  }
  return touched;
}

/// Whether the column's event comes so long after the row's as asked for; both in seconds before the cut-off.
struct Window {
  std::int64_t min_lag = 0, max_lag = 0;
  bool holds(std::int32_t row_time, std::int32_t column_time) const {
    const std::int64_t lag = std::int64_t{row_time} - std::int64_t{column_time};
    return min_lag <= lag && lag <= max_lag;
  }
};

/// As above, of the pairs of events within the window.
template <class T>
Count add_counts_in_window(std::span<const Count> inner, const std::int32_t* row_times,
                           const ColumnBlock& block, const Window& window, T* counters, std::uint16_t* list) {
  Count touched = 0;
  for (std::size_t e = 0; e < inner.size(); ++e) {
    for (std::uint32_t at = block.offsets()[inner[e]]; at < block.offsets()[inner[e] + 1]; ++at) {
      const std::uint16_t column = block.columns()[at];
      const T more = window.holds(row_times[e], block.times()[at]) ? 1 : 0;
      list[touched] = column;
      touched += counters[column] == 0 ? more : 0;
      counters[column] = static_cast<T>(counters[column] + more);
    }
  }
  return touched;
}

/// The entries of a left row; null = all values 1, no window.
struct RowEntries {
  std::span<const Count> inner;
  const float* values = nullptr;
  const std::int32_t* times = nullptr;
};

/// Where sums of values go. A sum may be 0 or come back to 0, so that marks tell what was touched.
struct SumTarget {
  float* sums;
  unsigned* counters;  ///< of the terms; null = not wanted
  unsigned char* marks;
  std::uint16_t* list;
};

/// sums[i] += left value * right value, by ascending u. @return how many columns were touched
inline Count add_products(const RowEntries& row, const ColumnBlock& block, const Window& window,
                          const SumTarget& target) {
  const std::uint16_t* const columns = block.columns();
  const float* const right = block.values();
  Count touched = 0;
  const auto add = [&](std::uint16_t column, float product) {
    target.list[touched] = column;
    touched += target.marks[column] == 0 ? 1 : 0;
    target.marks[column] = 1;
    target.sums[column] += product;
  };
  for (std::size_t e = 0; e < row.inner.size(); ++e) {
    const float left = row.values ? row.values[e] : 1.0F;
    const std::uint32_t begin = block.offsets()[row.inner[e]], end = block.offsets()[row.inner[e] + 1];
    if (row.times) {
      for (std::uint32_t at = begin; at < end; ++at) {
        if (!window.holds(row.times[e], block.times()[at])) continue;
        add(columns[at], right ? left * right[at] : left);
        if (target.counters) ++target.counters[columns[at]];
      }
      continue;
    }
    if (right) {
      for (std::uint32_t at = begin; at < end; ++at) add(columns[at], left * right[at]);
    } else {
      for (std::uint32_t at = begin; at < end; ++at) add(columns[at], left);
    }
    if (target.counters) {
      for (std::uint32_t at = begin; at < end; ++at) ++target.counters[columns[at]];
    }
  }
  return touched;
}

}  // namespace pushcart::similarity
