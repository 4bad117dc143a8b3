#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart::detail {

/// The item side of a model, by this rank's items.
struct ItemSide {
  const Partition& partition;
  std::span<const float> bias;            ///< owned items; empty = all zero
  const FactorTable& factors;             ///< owned items x k; may be empty
  std::span<const std::uint8_t> allowed;  ///< owned items; empty = all
};

/// Some allowed items of one owner, by ascending index, with all that scoring needs.
struct ItemBlock {
  Count num_columns = 0;
  std::vector<Count> items;    ///< global
  std::vector<float> bias;     ///< an entry an item
  std::vector<float> factors;  ///< items x num_columns, row-major
  std::vector<double> norms;   ///< Euclidean norm of each factor row

  Count size() const { return static_cast<Count>(items.size()); }
  std::span<const float> row(Count position) const {
    return std::span(factors).subspan(static_cast<std::size_t>(position * num_columns),
                                      static_cast<std::size_t>(num_columns));
  }
};

double euclidean_norm(std::span<const float> row);

/// Brings all allowed items of the catalogue to all ranks, block by block in ascending index order, by
/// broadcasts from their owners. A rank holds one block.
class ItemTour {
 public:
  static constexpr Count block_items = 1024;

  /// Collective.
  ItemTour(const Communicator& comm, const ItemSide& side);
  /// Collective. @return false when all have been shown
  bool next(ItemBlock& block);

 private:
  void pack(ItemBlock& block, Count begin, Count end) const;

  const Communicator& comm_;
  ItemSide side_;
  std::vector<Count> allowed_rows_;  ///< local rows that may appear; unused if all may
  std::vector<Count> num_allowed_;   ///< by rank
  Count num_columns_ = 0;
  int owner_ = 0;
  Count shown_ = 0;  ///< of the owner's items
};

}  // namespace pushcart::detail
