#include "topn/weight_offsets.hpp"

#include <algorithm>
#include <cmath>

namespace pushcart::detail {

void WeightOffsets::begin(const ItemPanels& panels, std::size_t num_slots) {
  panels_ = &panels;
  num_places_ = static_cast<Count>(panels.panels().size()) * panel_items;
  sums_.resize(start(num_slots));
  bounds_.resize(start(num_slots));
  reach_.resize(std::max(reach_.size(), num_slots));
  largest_.resize(std::max(largest_.size(), num_slots));
}

void WeightOffsets::add(std::size_t slot, Query& query) {
  double* const sums = sums_.data() + start(slot);
  std::fill_n(sums, num_places_, 0.0);
  take_weights(query, *panels_, [sums](Count place, double weight) { sums[place] += weight; });
  find_bounds(slot);
}

void WeightOffsets::find_bounds(std::size_t slot) {
  constexpr Count lanes = 16;  // maxima that the compiler can keep in vectors
  float largest[lanes], smallest[lanes], unknown[lanes] = {};
  std::fill_n(largest, lanes, -HUGE_VALF);
  std::fill_n(smallest, lanes, HUGE_VALF);
  const double* const sums = sums_.data() + start(slot);
  const float* const bias = panels_->bias(0);
  float* const bounds = bounds_.data() + start(slot);
  for (Count first = 0; first < num_places_; first += lanes) {
    for (Count l = 0; l < lanes; ++l) {
      const auto near = static_cast<float>(static_cast<double>(bias[first + l]) + sums[first + l]);
      // Above what was rounded to it, even after this rounding.
      const float bound = near + (std::fabs(near) * 2e-7F + 1e-37F);
      bounds[first + l] = bound;
      largest[l] = bound > largest[l] ? bound : largest[l];
      smallest[l] = bound < smallest[l] ? bound : smallest[l];
      unknown[l] += bound * 0.0F;  // not a number if not finite
    }
  }
  const double most = static_cast<double>(*std::max_element(largest, largest + lanes));
  const double least = static_cast<double>(*std::min_element(smallest, smallest + lanes));
  const bool finite = std::all_of(unknown, unknown + lanes, [](float value) { return value == 0; });
  reach_[slot] = finite ? std::max(std::fabs(most), std::fabs(least)) : NAN;
  largest_[slot] = finite ? most : HUGE_VAL;
}

}  // namespace pushcart::detail
