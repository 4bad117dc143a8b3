#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "topn/aligned_buffer.hpp"
#include "topn/code_basis.hpp"
#include "topn/item_block.hpp"
#include "topn/screen_kernel.hpp"

namespace pushcart::detail {

/// Columns of codes for this many columns of factors.
inline Count padded_columns(const ScreenKernel& kernel, Count num_columns) {
  return (num_columns + kernel.column_multiple - 1) / kernel.column_multiple * kernel.column_multiple;
}

/// What holds for all items of a panel. Norms are rounded up; not a number if any is.
struct Panel {
  Count first = 0, size = 0;  ///< places in the order of the panels
  double norm = 0;            ///< largest Euclidean norm of the factors
  double bias = 0;            ///< largest magnitude of a bias
  double scale = 1;           ///< of the codes of all its items
  double code_norm = 0;       ///< largest norm of scale times codes
  double error = 0;           ///< largest norm of what the codes leave out
};

/// A block of items, cut into panels of panel_items for screening. With a kernel, items of like norm share a
/// panel and have 8-bit codes with one scale a panel. Made once for all threads.
class ItemPanels {
 public:
  /// @param kernel  nullptr: no codes, places are positions in the block
  /// @param basis   of the codes; norms are of the items in it
  void build(const ItemBlock& block, const ScreenKernel* kernel, const CodeBasis& basis);

  const std::vector<Panel>& panels() const { return panels_; }
  /// Position in the block of the item at a place.
  Count position(Count place) const { return order_[static_cast<std::size_t>(place)]; }
  /// Place of the item at a position of the block.
  Count place(Count position) const { return places_[static_cast<std::size_t>(position)]; }

  Count num_code_columns() const { return num_code_columns_; }
  const std::int8_t* codes(Count panel) const {
    return codes_.data() + panel * num_code_columns_ * panel_items;
  }
  const std::int32_t* starts(Count panel) const { return starts_.data() + panel * panel_items; }
  bool has_bias() const { return has_bias_; }
  const float* bias(Count panel) const { return bias_.data() + panel * panel_items; }

  double max_norm() const { return max_norm_; }  ///< of the block; NaN if any is
  double max_bias() const { return max_bias_; }  ///< of the block (signed); NaN if any is
  /// Positions in the block by (bias descending, item ascending); not a number comes first.
  const std::vector<Count>& by_bias() const { return by_bias_; }
  /// Positions in the block by ascending item.
  const std::vector<Count>& by_item() const { return by_item_; }
  /// Place of an item (a global index, at most last_item); -1 if it is not in the block.
  Count place_of(Count item) const;
  Count last_item() const { return last_item_; }
  void sort_by_bias(const ItemBlock& block);
  /// Before by_item and place_of.
  void index_items(const ItemBlock& block);

 private:
  void order_items(const ItemBlock& block, bool by_norm);
  void find_limits(const ItemBlock& block);
  void encode(const ItemBlock& block, const ScreenKernel& kernel, const CodeBasis& basis, Count panel);

  std::vector<Panel> panels_;
  std::vector<double> norms_;  // by position
  std::vector<Count> order_, places_, by_bias_, by_item_;
  Count first_item_ = 0, last_item_ = 0;
  std::vector<std::int32_t> place_table_;  ///< of items from first_item_ on, unless they are too far apart
  std::vector<Count> sorted_items_;        ///< otherwise: the items of by_item_
  Count num_code_columns_ = 0;
  AlignedBuffer<std::int8_t> codes_;
  AlignedBuffer<std::int32_t> starts_;
  AlignedBuffer<float> bias_;
  bool has_bias_ = false;
  double max_norm_ = 0, max_bias_ = 0;
};

inline Count ItemPanels::place_of(Count item) const {
  if (item < first_item_) return -1;
  if (!place_table_.empty()) return place_table_[static_cast<std::size_t>(item - first_item_)];
  const auto found = std::lower_bound(sorted_items_.begin(), sorted_items_.end(), item);
  if (found == sorted_items_.end() || *found != item) return -1;
  return place(by_item_[static_cast<std::size_t>(found - sorted_items_.begin())]);
}

}  // namespace pushcart::detail
