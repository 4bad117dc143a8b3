#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pushcart/base/index.hpp"
#include "pushcart/base/memory.hpp"

namespace pushcart {

/// The sizes on a rank that the memory of a search for lists depends on.
struct ListSizes {
  Count rows = 0, excluded = 0;  ///< rows of this rank; entries of what is excluded from their lists
  Count all_rows = 0;            ///< of all ranks
  Count lenders_rows = 0,
        lenders_excluded = 0;   ///< of the ranks that have more rows than the mean: what they lend
  Count lenders_own_items = 0;  ///< of the same ranks: entries of what users have weights for
  Count num_ranks = 1;
  Count num_items = 0, num_columns = 0;  ///< of the catalogue; columns of the factors
  bool has_item_weights = false;
  Count own_weights = 0, remote_weights = 0;  ///< entries of the item weights of this rank, of the others
};

/// What rows served by item weights hold of theirs, for so many items that they have. Local.
void plan_histories(MemoryPlan& plan, Count num_pairs);

/// Whether a rank with so many of all rows has more than the mean. Local.
inline bool lends_rows(Count rows, Count all_rows, Count num_ranks) {
  return rows * num_ranks > all_rows;
}

/// What the search holds on a rank beside model, request and lists. Threads are those of OpenMP here. Local.
void plan_lists(MemoryPlan& plan, const ListSizes& sizes, Count n);

/// A row on its way to another rank that serves it.
struct LentListRow {
  Count num_excluded = 0, name_length = 0;
};

/// Rows (users, or items for similar) of a rank served in the first batch, where lists can be stopped and
/// taken up: all, if the work is small. Every batch sees the whole catalogue again. Local.
/// @param num_rows     of the rank that has most
/// @param num_threads  of the rank that has fewest
Count first_batch_rows(Count num_rows, Count num_items, Count num_columns, int num_threads);

/// How a user's row is named in messages: on its way to other ranks its name goes along. Local.
std::string list_row_name(std::string_view user_id);

/// What each rank receives in a search by bias and factors alone, all items being allowed: exactly what
/// ScoringReport counts. Local.
/// @param rows   whose lists are asked for, by rank
/// @param items  owned, by rank
/// @param row    of a rank's rows by position, what goes along if it is lent
std::vector<Count> list_received_bytes(std::span<const Count> rows, std::span<const Count> items,
                                       Count num_columns, Count n,
                                       const std::function<LentListRow(int rank, Count row)>& row);

}  // namespace pushcart
