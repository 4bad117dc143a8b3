#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "feed/item_labels.hpp"
#include "feed/named_lists.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart {

/// Calls `use(position in rows, labels)` for the given rows of this rank in order, with the labels of the
/// row's items at hand, those of its reasons too. Labels are fetched for at most `batch_entries` of them at a
/// time (one row at least).
/// `use` must not communicate; if it throws on one rank, all ranks throw. Collective; ranks may have
/// different numbers of rows.
template <class Use>
void for_each_row(const Communicator& comm, const Dataset& dataset, const NamedLists& named,
                  std::span<const Count> rows, Count batch_entries, std::string_view stage, Use&& use) {
  Progress progress(std::string(stage), static_cast<Count>(rows.size()));
  std::size_t next = 0;
  while (comm.any(next < rows.size())) {
    const std::size_t first = next;
    std::vector<Count> items;
    for (; next < rows.size(); ++next) {
      if (next > first && static_cast<Count>(items.size()) + named.num_mentioned(rows[next]) > batch_entries)
        break;
      named.append_mentioned(rows[next], items);
    }
    const ItemLabels labels(comm, dataset, items);
    collectively(comm, stage, [&] {
      for (std::size_t position = first; position < next; ++position) {
        use(position, labels);
        progress.advance(static_cast<Count>(position));
      }
    });
  }
}

/// All positions of a range of rows, as for_each_row takes them.
inline std::vector<Count> positions(Range rows) {
  std::vector<Count> all;
  for (Count row = rows.begin; row < rows.end; ++row) all.push_back(row);
  return all;
}

}  // namespace pushcart
