#include "topn/item_panels.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "pushcart/base/parallel.hpp"
#include "topn/quantize.hpp"

namespace pushcart::detail {

namespace {

/// The larger, or not a number if either is.
double larger(double a, double b) {
  return !(a <= b) ? a : b;
}

}  // namespace

void ItemPanels::build(const ItemBlock& block, const ScreenKernel* kernel, const CodeBasis& basis) {
  const Count num_panels = (block.size() + panel_items - 1) / panel_items;
  norms_.resize(static_cast<std::size_t>(block.size()));
  parallel_for(num_panels, [&](Count panel) {
    for (Count i = panel * panel_items; i < std::min(block.size(), (panel + 1) * panel_items); ++i)
      norms_[static_cast<std::size_t>(i)] =
          kernel == nullptr ? euclidean_norm(block.row(i)) : basis.item_norm(block.row(i));
  });
  order_items(block, kernel != nullptr);
  find_limits(block);
  if (kernel == nullptr || block.num_columns() == 0) return;
  num_code_columns_ = padded_columns(*kernel, block.num_columns());
  codes_.resize(num_panels * num_code_columns_ * panel_items);
  starts_.resize(num_panels * panel_items);
  parallel_for(num_panels, [&](Count panel) { encode(block, *kernel, basis, panel); });
}

void ItemPanels::order_items(const ItemBlock& block, bool by_norm) {
  order_.resize(static_cast<std::size_t>(block.size()));
  std::iota(order_.begin(), order_.end(), Count{0});
  if (by_norm) {
    const auto norm = [&](Count position) {
      const double value = norms_[static_cast<std::size_t>(position)];
      return std::isnan(value) ? HUGE_VAL : value;
    };
    const auto precedes = [&](Count a, Count b) { return norm(a) > norm(b); };
    if (!std::is_sorted(order_.begin(), order_.end(), precedes)) {
      std::stable_sort(order_.begin(), order_.end(), precedes);
    }
  }
  places_.resize(order_.size());
  for (std::size_t place = 0; place < order_.size(); ++place) {
    places_[static_cast<std::size_t>(order_[place])] = static_cast<Count>(place);
  }
}

void ItemPanels::find_limits(const ItemBlock& block) {
  panels_.clear();
  has_bias_ = std::any_of(block.bias().begin(), block.bias().end(), [](float bias) { return bias != 0; });
  max_norm_ = 0;
  max_bias_ = -HUGE_VAL;
  bias_.resize((block.size() + panel_items - 1) / panel_items * panel_items);
  for (Count first = 0; first < block.size(); first += panel_items) {
    Panel panel;
    panel.first = first;
    panel.size = std::min<Count>(panel_items, block.size() - first);
    for (Count place = first; place < first + panel.size; ++place) {
      const auto position = static_cast<std::size_t>(order_[static_cast<std::size_t>(place)]);
      const float bias = block.bias()[position];
      bias_.data()[place] = bias;
      panel.norm = larger(norms_[position] * (1 + 1e-9), panel.norm);
      panel.bias = larger(std::fabs(static_cast<double>(bias)), panel.bias);
      max_bias_ = larger(static_cast<double>(bias), max_bias_);
    }
    std::fill(bias_.data() + first + panel.size, bias_.data() + first + panel_items, 0.0F);
    max_norm_ = larger(panel.norm, max_norm_);
    panels_.push_back(panel);
  }
}

void ItemPanels::encode(const ItemBlock& block, const ScreenKernel& kernel, const CodeBasis& basis,
                        Count index) {
  constexpr int item_levels = 127;
  Panel& panel = panels_[static_cast<std::size_t>(index)];
  double magnitude = 0;
  const auto num_columns = static_cast<std::size_t>(block.num_columns());
  std::vector<double> values(static_cast<std::size_t>(panel.size) * num_columns);
  const auto item = [&](Count i) {
    return std::span(values).subspan(static_cast<std::size_t>(i) * num_columns, num_columns);
  };
  for (Count i = 0; i < panel.size; ++i) {
    basis.transform_item(block.row(position(panel.first + i)), item(i).data());
    magnitude = larger(largest_magnitude(item(i)), magnitude);
  }
  panel.scale = scale_for(magnitude, item_levels);
  std::int8_t* codes = codes_.data() + index * num_code_columns_ * panel_items;
  std::int32_t* starts = starts_.data() + index * panel_items;
  std::fill(codes, codes + num_code_columns_ * panel_items, std::int8_t{0});
  std::fill(starts, starts + panel_items, 0);
  std::vector<std::int8_t> row(static_cast<std::size_t>(num_code_columns_), 0);
  for (Count i = 0; i < panel.size; ++i) {
    const Quantized result = quantize(item(i), panel.scale, item_levels, row.data());
    panel.code_norm = larger(result.code_norm, panel.code_norm);
    panel.error = larger(result.error, panel.error);
    starts[i] = -kernel.shift * result.sum;
    for (Count group = 0; group < num_code_columns_ / 4; ++group) {
      std::copy_n(row.data() + group * 4, 4, codes + (group * panel_items + i) * 4);
    }
  }
}

void ItemPanels::sort_by_bias(const ItemBlock& block) {
  by_bias_.resize(static_cast<std::size_t>(block.size()));
  std::iota(by_bias_.begin(), by_bias_.end(), Count{0});
  const auto key = [&](Count position) {
    const float bias = block.bias()[static_cast<std::size_t>(position)];
    return std::isnan(bias) ? HUGE_VALF : bias;
  };
  std::sort(by_bias_.begin(), by_bias_.end(), [&](Count a, Count b) {
    return key(a) > key(b) || (key(a) == key(b) && block.items()[static_cast<std::size_t>(a)] <
                                                       block.items()[static_cast<std::size_t>(b)]);
  });
}

void ItemPanels::index_items(const ItemBlock& block) {
  const auto item_at = [&](Count position) { return block.items()[static_cast<std::size_t>(position)]; };
  by_item_.resize(static_cast<std::size_t>(block.size()));
  std::iota(by_item_.begin(), by_item_.end(), Count{0});
  std::sort(by_item_.begin(), by_item_.end(), [&](Count a, Count b) { return item_at(a) < item_at(b); });
  first_item_ = item_at(by_item_.front());
  last_item_ = item_at(by_item_.back());
  place_table_.clear();
  sorted_items_.clear();
  constexpr Count most_apart = 32;  // on average
  const Count span = last_item_ - first_item_ + 1;
  if (span <= most_apart * block.size()) {
    place_table_.assign(static_cast<std::size_t>(span), -1);
    for (Count position : by_item_) {
      place_table_[static_cast<std::size_t>(item_at(position) - first_item_)] =
          static_cast<std::int32_t>(place(position));
    }
  } else {
    for (Count position : by_item_) sorted_items_.push_back(item_at(position));
  }
}

}  // namespace pushcart::detail
