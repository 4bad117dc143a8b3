#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "features/log_scope.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/ids/partition.hpp"

namespace pushcart::detail {

/// Counted of an item, beside its events by type and window. "Users" are users who did it at all.
enum class ItemCount : std::size_t {
  users,
  viewers,
  carters,
  buyers,
  carted_after_view,
  bought_after_view,
  bought_after_cart,
  priced_events,
  dwelled_events
};
inline constexpr std::size_t num_item_counts = 9;

/// Summed of an item.
enum class ItemAmount : std::size_t { bought_pieces, returned_pieces, revenue, prices, dwells };
inline constexpr std::size_t num_item_amounts = 5;

/// What is summed of one item.
struct ItemSummary {
  std::size_t num_windows = 0;
  std::span<const Count> counts;
  std::span<const double> amounts;
  std::int64_t first_time = 0, last_time = 0;

  Count count(ItemCount which) const { return counts[static_cast<std::size_t>(which)]; }
  double amount(ItemAmount which) const { return amounts[static_cast<std::size_t>(which)]; }
  /// Events of a type: all, or those of the window `window`.
  Count events(std::size_t type) const { return counts[num_item_counts + type * (num_windows + 1)]; }
  Count events(std::size_t type, std::size_t window) const {
    return counts[num_item_counts + type * (num_windows + 1) + 1 + window];
  }
  std::size_t num_types() const { return (counts.size() - num_item_counts) / (num_windows + 1); }
  Count all_events() const;
  Count all_events(std::size_t window) const;
};

/// The sums of many items, a row each.
class ItemSums {
 public:
  ItemSums(std::size_t num_items, std::size_t num_types, std::size_t num_windows);

  std::size_t size() const { return first_times_.size(); }
  ItemSummary operator[](std::size_t item) const;
  /// Adds row `row` of `other`.
  void add(std::size_t item, const ItemSums& other, std::size_t row);

  /// Bytes of a row. Local.
  static Count row_bytes(std::size_t num_types, std::size_t num_windows);

 private:
  friend class ItemSummer;
  friend ItemSums sums_at_owners(const Communicator&, const ItemSums&, std::span<const Count>,
                                 const Partition&);
  std::size_t count_width() const { return num_item_counts + num_types_ * (num_windows_ + 1); }
  void resize(std::size_t num_items);

  std::size_t num_types_, num_windows_;
  std::vector<Count> counts_;    // row-major
  std::vector<double> amounts_;  // row-major; on grids on which their sums are exact
  std::vector<std::int64_t> first_times_, last_times_;
};

/// Sums this rank's events by item. Amounts are rounded to grids common to all ranks, so that their sums do
/// not depend on the order. Collective.
/// @param item_of_event  row of the result, by event
ItemSums sum_by_item(const Communicator& comm, const InteractionLog& log, const LogScope& scope,
                     std::span<const std::uint32_t> item_of_event, std::size_t num_items);

/// Adds up the rows of all ranks at the owners of the items. Collective.
/// @param index_of_row  index of each row's item; -1 = none, left out
ItemSums sums_at_owners(const Communicator& comm, const ItemSums& sums, std::span<const Count> index_of_row,
                        const Partition& items);

}  // namespace pushcart::detail
