#pragma once

#include <span>

#include "topn/top_buffer.hpp"
#include "topn/weight_rows.hpp"

namespace pushcart::detail {

/// What a row of W still has to give to the blocks to come, times the strength of the item in the history.
struct WeightCursor {
  std::span<const Count> columns;
  std::span<const float> values;
  float strength = 0;
};

/// A row that is being served.
struct Query {
  Count position = 0;               ///< among the rows served
  std::span<const float> factors;   ///< empty if the model has none
  std::span<const Count> excluded;  ///< ascending
  std::span<WeightCursor> weights;  ///< by ascending item of the history; blocks come by ascending item then
  double norm = 0;                  ///< of the factors (in the basis of the codes), rounded up
  TopBuffer best;

  // Its 8-bit codes (quantize.hpp, shifted as the kernel wants), if a kernel screens.
  const std::uint8_t* codes = nullptr;
  double scale = 1;
  double error = 0;

  bool has_factors() const { return norm != 0; }
};

}  // namespace pushcart::detail
