#include "synth/alias_table.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "pushcart/base/error.hpp"

namespace pushcart::synth {

void build_alias(std::span<const double> weights, std::span<AliasSlot> slots) {
  PUSHCART_CHECK(weights.size() == slots.size() && weights.size() < (std::uint64_t{1} << 32));
  double total = 0;
  for (const double weight : weights) total += weight;
  PUSHCART_CHECK(total > 0);
  const double scale = static_cast<double>(weights.size()) / total;

  std::vector<double> height(weights.size());
  std::vector<std::uint32_t> low, high;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    height[i] = weights[i] * scale;
    (height[i] < 1.0 ? low : high).push_back(static_cast<std::uint32_t>(i));
  }
  while (!low.empty() && !high.empty()) {
    const std::uint32_t small = low.back(), large = high.back();
    low.pop_back();
    slots[small] = {static_cast<std::uint32_t>(std::ldexp(height[small], 32)), large};
    height[large] -= 1.0 - height[small];
    if (height[large] < 1.0) {
      high.pop_back();
      low.push_back(large);
    }
  }
  // What is left has height 1 but for rounding: it keeps its slot. Only a weight of 0 must not.
  const auto heaviest =
      static_cast<std::uint32_t>(std::max_element(weights.begin(), weights.end()) - weights.begin());
  for (const std::uint32_t rest : high) slots[rest] = {0, rest};
  for (const std::uint32_t rest : low) slots[rest] = {0, weights[rest] > 0 ? rest : heaviest};
}

}  // namespace pushcart::synth
