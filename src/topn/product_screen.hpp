#pragma once

#include "topn/screen.hpp"

namespace pushcart::detail {

/// Screens by single-precision products of a whole block, made by OpenBLAS.
class ProductScreen : public Screen {
 public:
  static constexpr Count tile = 512;
  Count tile_rows() const override { return tile; }
  Count kept_tile_rows() const override { return tile; }
  void begin(const ItemBlock& block, const ItemPanels& panels, std::span<Query* const> rows,
             Use use) override;
  void find_hits(Count panel, Bound bound, const RowLimits& rows, std::uint64_t* hits) override;

 private:
  const float* side_by_side(std::span<Query* const> rows, Count num_columns);
  float product_limit(const Panel& panel, Bound bound, Count row, double limit, double added) const;

  const ItemPanels* panels_ = nullptr;
  Count num_rows_ = 0;
  Count row_stride_ = 0;  ///< of products_
  double error_share_ =
      0;  ///< |product - x.y| <= error_share_ |x||y| + underflow_, in any order of summation
  double underflow_ = 0;
  double norms_[tile];
  std::vector<float> rows_;        ///< gathered, unless they lie side by side
  AlignedBuffer<float> products_;  ///< rows x items of the block, room for whole panels
};

}  // namespace pushcart::detail
