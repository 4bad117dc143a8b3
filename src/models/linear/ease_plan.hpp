#pragma once

#include <optional>

#include "models/linear/product_rows.hpp"
#include "pushcart/base/memory.hpp"
#include "pushcart/models/ease.hpp"

namespace pushcart::linear {

/// The sizes on a rank that the memory of EASE depends on.
struct EaseSizes {
  Partition all_items;    ///< of all ranks
  Range items;            ///< owned
  Count entries = 0;      ///< of the rank's rows, by user and by item
  Count all_entries = 0;  ///< pairs, of all ranks
  /// Of the Gram matrix, that the rank sends and receives after a batch of rows, if known; else as if none
  /// were zero and only the number of rows cut batches.
  std::optional<Count> sent_entries = {}, received_entries = {};
  int rank = 0, num_ranks = 1;
};
EaseSizes ease_sizes(const Dataset& part, int rank, Count all_entries);

/// What the training holds beside the data set. Local. @param size  items fitted
MemoryPlan plan_memory(const EaseSizes& sizes, const EaseConfig& config, Count size);

/// Of the Gram matrix, on any number of ranks. Local.
ProductLimits gram_limits(const EaseConfig& config, Count size);

/// Entries of a row of the Gram matrix that who holds its blocks stores: columns before this. Local.
Count stored_columns(Count row, Count block_size);

/// Before a row on its way: its number, and how many entries it has.
inline constexpr Count row_header_bytes = 2 * sizeof(Count);

/// Columns of a panel that a thread works on at once: one cache line of floats.
inline constexpr Count panel_columns_at_once = 16;

/// ConfigError naming the option. Local.
void check_settings(const EaseConfig& config, Count num_items);

}  // namespace pushcart::linear
