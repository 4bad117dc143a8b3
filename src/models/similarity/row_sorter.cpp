#include "models/similarity/row_sorter.hpp"

#include <algorithm>
#include <functional>
#include <numeric>

namespace pushcart::similarity {

namespace {

/// Without wide registers counting so many takes as long as sorting them.
constexpr Count most_counted = 128;

/// places[n]: where the n-th key goes. Keys of a row differ.
void places_by_sorting(const std::uint64_t* keys, Count size, std::uint64_t* places,
                       std::vector<std::uint64_t>& order) {
  order.resize(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), std::uint64_t{0});
  std::sort(order.begin(), order.end(), [&](std::uint64_t a, std::uint64_t b) { return keys[a] > keys[b]; });
  for (std::size_t n = 0; n < order.size(); ++n) places[order[n]] = n;
}

template <class T>
void put(T* values, Count size, const std::vector<std::uint64_t>& places, std::vector<T>& before) {
  std::copy_n(values, size, before.begin());
  for (std::size_t n = 0; n < static_cast<std::size_t>(size); ++n) values[places[n]] = before[n];
}

}  // namespace

RowSorter::RowSorter(Count k, bool has_support)
    : kernels_(score_kernels()),
      places_(static_cast<std::size_t>(k) + 8),
      keys_(static_cast<std::size_t>(k)),
      support_(has_support ? static_cast<std::size_t>(k) : 0) {}

void RowSorter::sort(BestOfRows& best, Count row) {
  const Count size = best.sizes[static_cast<std::size_t>(row)];
  std::uint64_t* const keys = best.keys_of(row);
  if (size <= most_counted) {
    kernels_.places(keys, size, places_.data());
  } else if (best.has_support) {
    places_by_sorting(keys, size, places_.data(), keys_);
  } else {
    std::sort(keys, keys + size, std::greater<>());
    return;
  }
  put(keys, size, places_, keys_);
  if (best.has_support) put(best.support_of(row), size, places_, support_);
}

}  // namespace pushcart::similarity
