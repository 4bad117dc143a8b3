#pragma once

#include <functional>
#include <span>
#include <string>

#include "pushcart/base/memory.hpp"
#include "pushcart/topn/top_lists.hpp"
#include "topn/item_block.hpp"

namespace pushcart::detail {

/// Rows to be served against a catalogue: users, or items for `similar`.
struct SearchTask {
  ItemSide items;
  const FactorTable& queries;   ///< this rank's rows x k; may be empty
  std::span<const Count> rows;  ///< global indices of the rows to serve, ascending, owned
  const SparseRows& excluded;   ///< row r belongs to rows[r]; no rows = nothing is excluded
  Count n = 0;
  const SparseRows* weights = nullptr;  ///< W by owned items, with `history` by owned rows; both or none
  const SparseRows* history = nullptr;
  std::function<std::string(Count row)> row_name;  ///< for error messages
  const SparseRows* row_items =
      nullptr;  ///< a term of each owned row's own, items ascending; with weights only
};

/// Bounds of the items with which lists begin: they should stay in a cache.
inline constexpr Count most_first_items = 8192;
inline constexpr Count most_first_factors = Count{1} << 21;

/// Items of the largest norms with which lists of n begin, all at once, of `num_items` that may be listed; 0
/// = none. Local. @param has_codes  items are screened by 8-bit codes, not by products
Count first_block_size(Count num_items, Count num_columns, Count n, bool has_codes);

/// The exact best n of every row (design, section 6). Screening (screen.hpp) only decides what is worth an
/// exact score: an item is dropped only if a rigorous bound says that it cannot enter the list. Collective;
/// NumericError on all ranks if a score is not a number. Sources are left to the caller.
TopLists search_top(const Communicator& comm, const SearchTask& task);

}  // namespace pushcart::detail
