#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pushcart/base/string_table.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/topn/top_lists.hpp"

namespace pushcart {

/// This rank's lists with the outside ids of their rows: known rows (owned, ascending) first, then rows of
/// -1, users who are not in the dataset. Refers to its arguments.
class NamedLists {
 public:
  /// `rows` and `row_ids`: whose the lists are (users, or items). Local. InternalError if rows, items or
  /// scores make no sense.
  NamedLists(const TopLists& lists, Range rows, Count num_items, const StringTable& row_ids,
             const StringTable& unknown_ids);

  const TopLists& lists() const { return lists_; }
  Range known() const { return {0, num_known_}; }  ///< positions in lists().rows
  Range unknown() const { return {num_known_, lists_.num_rows()}; }
  Range entries(Range rows) const { return {offset(rows.begin), offset(rows.end)}; }
  Range entries(Count row) const { return {offset(row), offset(row + 1)}; }
  std::string_view row_id(Count row) const;
  const std::string& source(Count entry) const {
    return lists_.source_names[lists_.sources[static_cast<std::size_t>(entry)]];
  }
  /// Of all entries of a row together.
  Count num_reasons(Count row) const;
  /// The items of a row and of its reasons; may repeat.
  Count num_mentioned(Count row) const;
  void append_mentioned(Count row, std::vector<Count>& items) const;

 private:
  Count offset(Count row) const { return lists_.offsets[static_cast<std::size_t>(row)]; }

  const TopLists& lists_;
  const StringTable& row_ids_;
  const StringTable& unknown_ids_;
  Count first_row_ = 0;
  Count num_known_ = 0;
};

/// Whether reason n says something that a reason can say. Local.
bool is_sound(const Reasons& reasons, std::size_t n, Count num_items);

/// Labels that occur in the lists of any rank, sorted; equal on all ranks. Collective.
std::vector<std::string> labels_in_use(const Communicator& comm, const TopLists& lists);

/// Digest of row ids, items, scores, labels and reasons, the same for any number of ranks. Collective.
std::string lists_digest(const Communicator& comm, const NamedLists& lists);

}  // namespace pushcart
