#pragma once

#include <string>

#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::test {

/// The outside number behind an index of other_numbering(): a shuffle of 0 .. num_rows + 1, two of which are
/// left out. `num_rows + 2` must not be a multiple of 7.
inline Count shuffled(Count index, Count num_rows) {
  return (index * 7 + 3) % (num_rows + 2);
}

/// A dataset whose users and items are called as those of small_dataset, but are numbered otherwise.
inline Dataset other_numbering(Count num_users, Count num_items) {
  Dataset dataset = small_dataset(world(), {.num_users = num_users, .num_items = num_items, .types = {}});
  const auto names = [](const char* prefix, Range rows, Count num_rows) {
    StringTable table;
    for (Count row = rows.begin; row < rows.end; ++row) {
      table.push_back(prefix + std::to_string(shuffled(row, num_rows)));
    }
    return table;
  };
  dataset.user_ids = names("u", dataset.users.range(world().rank()), num_users);
  dataset.item_ids = names("i", dataset.items.range(world().rank()), num_items);
  dataset.digest = "other";
  return dataset;
}

}  // namespace pushcart::test
