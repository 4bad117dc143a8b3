#pragma once

#include <string>
#include <vector>

#include "pushcart/topn/top_items.hpp"
#include "topn/top_buffer.hpp"

namespace pushcart::detail {

/// A list that has fewer entries than places, and what it is filled with.
struct ShortList {
  Count row = 0;                ///< position in the lists
  std::vector<Count> unwanted;  ///< excluded or there already, ascending
  std::vector<ScoredItem> added;
  Count missing = 0;

  bool wants(Count item) const;  ///< if anything is missing
  /// Takes an item that it wants, each once, while anything is missing.
  void add(const ScoredItem& entry);
};

/// The lists with fewer than request.n entries. Rows of `lists` beyond those of the request have nothing
/// excluded. Local.
std::vector<ShortList> find_short_lists(const TopRequest& request, const TopLists& lists);

/// Puts what was added behind what was there, labelled with `source`. The scoring report stays. Local.
/// @param short_lists  by row ascending
void append_added(TopLists& lists, const std::vector<ShortList>& short_lists, const std::string& source);

}  // namespace pushcart::detail
