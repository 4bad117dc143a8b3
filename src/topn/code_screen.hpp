#pragma once

#include "topn/screen.hpp"

namespace pushcart::detail {

/// Screens by dot products of 8-bit codes.
///
/// With x = x^ + dx and y = y^ + dy, x^ and y^ being scale times codes: x.y - x^.y^ = x.dy + dx.y^, hence
/// x.y <= x^.y^ + |x||dy| + |dx||y^| (Cauchy and Schwarz). The dot products of the codes are exact.
class CodeScreen : public Screen {
 public:
  static constexpr Count tile = 96;  ///< a multiple of every kernel's row_multiple
  explicit CodeScreen(const ScreenKernel& kernel);
  Count tile_rows() const override { return tile; }
  Count kept_tile_rows() const override { return 32 / kernel_.row_multiple * kernel_.row_multiple; }
  void begin(const ItemBlock& block, const ItemPanels& panels, std::span<Query* const> rows,
             Use use) override;
  void find_hits(Count panel, Bound bound, const RowLimits& rows, std::uint64_t* hits) override;

 private:
  void set_limits(const Panel& panel, Bound bound, const double* limits);
  void set_biased_limits(const Panel& panel, Bound bound, const RowLimits& rows);
  void set_biases(Count panel, const RowLimits& rows);
  ScreenTask task_for(Count panel);
  double slack(const Panel& panel, Count row) const;

  const ScreenKernel& kernel_;
  const ItemPanels* panels_ = nullptr;
  Count num_rows_ = 0;  ///< those given, the last repeated to fill up
  Count num_given_ = 0;
  AlignedBuffer<std::int32_t> sums_;  ///< panels x num_rows_ x panel_items, if kept
  bool has_sums_ = false;
  double rounding_ = 0;  ///< of the exact score itself, as a share of |x||y|
  AlignedBuffer<std::uint8_t> codes_;
  double norms_[tile], errors_[tile], scales_[tile], inverse_scales_[tile];
  std::int32_t whole_limits_[tile];
  float float_limits_[tile], float_scales_[tile];
  const float* biases_[tile];
};

}  // namespace pushcart::detail
