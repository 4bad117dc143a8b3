#include "topn/code_screen.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "topn/rounding.hpp"

namespace pushcart::detail {

namespace {

constexpr double no_limit = -2e9;  ///< below every dot product of codes
constexpr double out_of_reach = 2e9;

}  // namespace

CodeScreen::CodeScreen(const ScreenKernel& kernel) : kernel_(kernel) {}

void CodeScreen::begin(const ItemBlock& block, const ItemPanels& panels, std::span<Query* const> rows,
                       Use use) {
  panels_ = &panels;
  const Count num_columns = panels.num_code_columns();
  // The sum of k products in double, in any order, and margin for the few operations on bounds.
  rounding_ = static_cast<double>(block.num_columns() + 64) * 0x1p-51;
  codes_.resize(tile * num_columns);
  num_given_ = static_cast<Count>(rows.size());
  num_rows_ = (num_given_ + kernel_.row_multiple - 1) / kernel_.row_multiple * kernel_.row_multiple;
  for (Count r = 0; r < num_rows_; ++r) {
    const Query& query = *rows[static_cast<std::size_t>(std::min(r, num_given_ - 1))];
    std::memcpy(codes_.data() + r * num_columns, query.codes, static_cast<std::size_t>(num_columns));
    norms_[r] = query.norm;
    errors_[r] = query.error;
    scales_[r] = query.scale;
    inverse_scales_[r] = 1 / query.scale;
  }
  has_sums_ = use == Use::again_and_again;
  if (!has_sums_) return;
  const auto num_panels = static_cast<Count>(panels.panels().size());
  sums_.resize(num_panels * num_rows_ * panel_items);
  for (Count panel = 0; panel < num_panels; ++panel) kernel_.find_sums(task_for(panel));
}

/// How far a score can lie above the approximate one.
double CodeScreen::slack(const Panel& panel, Count row) const {
  return norms_[row] * (panel.error + rounding_ * panel.norm) + errors_[row] * panel.code_norm;
}

/// Straight loops, so that they become vector instructions: comparisons are written so that a bound that is
/// not a number ends as "unknown".
void CodeScreen::set_limits(const Panel& panel, Bound bound, const double* limits) {
  const double inverse_scale = 1 / panel.scale, error = panel.error + rounding_ * panel.norm;
  const double code_norm = panel.code_norm, sign = bound == Bound::upper ? -1 : 1;
  double whole[tile];
  for (Count r = 0; r < num_rows_; ++r) {
    const double slack = norms_[r] * error + errors_[r] * code_norm;
    const double limit = (limits[r] + sign * slack) * (inverse_scales_[r] * inverse_scale);
    whole[r] = limit + sign * (std::fabs(limit) * 1e-12 + 2);
  }
  if (bound == Bound::upper) {
    for (Count r = 0; r < num_rows_; ++r) {
      const double above = whole[r] > no_limit ? whole[r] : no_limit;
      whole_limits_[r] = static_cast<std::int32_t>(above < out_of_reach ? above : out_of_reach);
    }
  } else {
    for (Count r = 0; r < num_rows_; ++r) {
      const double below = whole[r] < out_of_reach ? whole[r] : out_of_reach;
      whole_limits_[r] = static_cast<std::int32_t>(below > no_limit ? below : no_limit);
    }
  }
}

/// By row: what the kernel adds to the products with this panel.
void CodeScreen::set_biases(Count index, const RowLimits& rows) {
  if (rows.offsets == nullptr) {
    std::fill_n(biases_, num_rows_, panels_->bias(index));
    return;
  }
  const Count first = panels_->panels()[static_cast<std::size_t>(index)].first;
  for (Count r = 0; r < num_rows_; ++r) biases_[r] = rows.offsets[std::min(r, num_given_ - 1)] + first;
}

void CodeScreen::set_biased_limits(const Panel& panel, Bound bound, const RowLimits& rows) {
  for (Count r = 0; r < num_rows_; ++r) {
    const double limit = rows.limits[r];
    const double added =
        rows.offsets == nullptr ? panel.bias : rows.offset_reach[std::min(r, num_given_ - 1)];
    // The kernel rounds the dot product, the scale and the score to float.
    const double rounding = 0x1p-21 * ((norms_[r] + errors_[r]) * panel.code_norm + added) + 0x1p-110;
    const double margin = slack(panel, r) + rounding;
    float_scales_[r] = static_cast<float>(scales_[r] * panel.scale);
    float_limits_[r] = bound == Bound::upper ? round_down(limit - margin) : -round_down(-(limit + margin));
  }
}

ScreenTask CodeScreen::task_for(Count panel) {
  ScreenTask task;
  task.rows = codes_.data();
  task.num_rows = num_rows_;
  task.num_columns = panels_->num_code_columns();
  task.codes = panels_->codes(panel);
  task.starts = panels_->starts(panel);
  if (has_sums_) task.sums = sums_.data() + panel * num_rows_ * panel_items;
  return task;
}

void CodeScreen::find_hits(Count index, Bound bound, const RowLimits& rows, std::uint64_t* hits) {
  const Panel& panel = panels_->panels()[static_cast<std::size_t>(index)];
  ScreenTask task = task_for(index);
  task.hits = hits;
  if (panels_->has_bias() || rows.offsets != nullptr) {
    set_biased_limits(panel, bound, rows);
    set_biases(index, rows);
    task.bias = biases_;
    task.scales = float_scales_;
    task.float_limits = float_limits_;
  } else {
    set_limits(panel, bound, rows.limits);
    task.limits = whole_limits_;
  }
  if (has_sums_)
    kernel_.compare_sums(task);
  else
    kernel_.find_hits(task);
}

}  // namespace pushcart::detail
