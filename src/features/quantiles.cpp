#include "features/quantiles.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace pushcart::detail {

namespace {
constexpr std::uint32_t sign_bit = 0x80000000;
}

std::uint32_t SortedColumn::key_of(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value + 0.0F);
  return (bits & sign_bit) != 0 ? ~bits : bits | sign_bit;
}

float SortedColumn::value_of(std::uint32_t key) {
  return std::bit_cast<float>((key & sign_bit) != 0 ? key & ~sign_bit : ~key);
}

void SortedColumn::add(float value) {
  if (!std::isnan(value)) keys_.push_back(key_of(value));
}

void SortedColumn::sort() {
  std::sort(keys_.begin(), keys_.end());
}

Count SortedColumn::up_to(std::uint32_t key) const {
  return std::upper_bound(keys_.begin(), keys_.end(), key) - keys_.begin();
}

std::vector<float> quantiles(const Communicator& comm, std::span<const SortedColumn> columns,
                             std::span<const double> probabilities) {
  std::vector<Count> sizes;
  for (const auto& column : columns) sizes.push_back(column.size());
  comm.allreduce(std::span<Count>(sizes), Reduce::sum);
  const std::size_t width = probabilities.size();
  // The key sought lies in [low, high]: halved in the same 32 steps for all of them.
  std::vector<std::uint32_t> low(columns.size() * width, 0),
      high(low.size(), std::numeric_limits<std::uint32_t>::max());
  std::vector<Count> counts(low.size());
  for (int step = 0; step < 32; ++step) {
    for (std::size_t i = 0; i < low.size(); ++i) {
      counts[i] = columns[i / width].up_to(low[i] + (high[i] - low[i]) / 2);
    }
    comm.allreduce(std::span<Count>(counts), Reduce::sum);
    for (std::size_t i = 0; i < low.size(); ++i) {
      const auto size = static_cast<double>(sizes[i / width]);
      const Count wanted = std::max<Count>(1, static_cast<Count>(std::ceil(probabilities[i % width] * size)));
      const std::uint32_t middle = low[i] + (high[i] - low[i]) / 2;
      if (counts[i] >= wanted)
        high[i] = middle;
      else
        low[i] = middle + 1;
    }
  }
  std::vector<float> values;
  for (std::size_t i = 0; i < low.size(); ++i) {
    values.push_back(sizes[i / width] == 0 ? NAN : SortedColumn::value_of(high[i]));
  }
  return values;
}

}  // namespace pushcart::detail
