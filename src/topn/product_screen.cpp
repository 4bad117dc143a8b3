#include "topn/product_screen.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>

#include "topn/limit_masks.hpp"
#include "topn/rounding.hpp"

namespace pushcart::detail {

void ProductScreen::begin(const ItemBlock& block, const ItemPanels& panels, std::span<Query* const> rows,
                          Use /*use*/) {
  panels_ = &panels;
  num_rows_ = static_cast<Count>(rows.size());
  const Count num_columns = block.num_columns();
  // Higham, Accuracy and Stability of Numerical Algorithms, section 3.1: gamma_k = k u / (1 - k u).
  const double k = static_cast<double>(num_columns) + 4;
  error_share_ = k * 0x1p-24 / (1 - k * 0x1p-24) * (1 + 1e-6);
  underflow_ = k * 0x1p-126;
  for (Count r = 0; r < num_rows_; ++r) norms_[r] = rows[static_cast<std::size_t>(r)]->norm;
  const float* const factors = side_by_side(rows, num_columns);
  row_stride_ = static_cast<Count>(panels.panels().size()) * panel_items;
  products_.resize(tile * row_stride_);
  const auto columns = static_cast<int>(num_columns);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(num_rows_),
              static_cast<int>(block.size()), columns, 1.0F, factors, columns, block.factors().data(),
              columns, 0.0F, products_.data(), static_cast<int>(row_stride_));
}

/// The factors of the rows, one after another: where they are, if they are so there, or copied.
const float* ProductScreen::side_by_side(std::span<Query* const> rows, Count num_columns) {
  const float* const first = rows.front()->factors.data();
  const auto is_next = [&](std::size_t r) {
    return rows[r]->factors.data() == first + static_cast<Count>(r) * num_columns;
  };
  std::size_t r = 0;
  while (r < rows.size() && is_next(r)) ++r;
  if (r == rows.size()) return first;
  rows_.resize(static_cast<std::size_t>(tile * num_columns));
  for (r = 0; r < rows.size(); ++r) {
    std::copy(rows[r]->factors.begin(), rows[r]->factors.end(),
              rows_.begin() + static_cast<Count>(r) * num_columns);
  }
  return rows_.data();
}

/// What products, bias (or offset) added, are compared with. Rounding is monotone, so comparing the rounded
/// sum with it is still rigorous. Not a number if nothing is known.
/// @param added  the largest magnitude of what is added to products
float ProductScreen::product_limit(const Panel& panel, Bound bound, Count row, double limit,
                                   double added) const {
  const double reach = norms_[row] * panel.norm;
  // Near the end of the range of floats a partial sum may overflow: then nothing is known.
  if (!(reach < 1e38)) return NAN;
  // The exact score adds in double: bias, product, weights.
  const double error = error_share_ * reach + underflow_ + 0x1p-50 * added;
  if (bound == Bound::upper) return round_down(limit - error);
  const double rounding = 0x1p-23 * (reach + added);  // of the sum of product and bias
  return -round_down(-(limit + error + rounding));
}

void ProductScreen::find_hits(Count index, Bound bound, const RowLimits& rows, std::uint64_t* hits) {
  const Panel& panel = panels_->panels()[static_cast<std::size_t>(index)];
  const float* bias = panels_->has_bias() ? panels_->bias(index) : nullptr;
  for (Count r = 0; r < num_rows_; ++r) {
    const bool offset = rows.offsets != nullptr;
    hits[r] = mask_not_below(
        products_.data() + r * row_stride_ + panel.first, offset ? rows.offsets[r] + panel.first : bias,
        product_limit(panel, bound, r, rows.limits[r], offset ? rows.offset_reach[r] : panel.bias));
  }
}

}  // namespace pushcart::detail
