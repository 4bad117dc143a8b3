#include "feed/item_labels.hpp"

#include <algorithm>

#include "pushcart/base/error.hpp"
#include "pushcart/ids/fetch_strings.hpp"

namespace pushcart {

ItemLabels::ItemLabels(const Communicator& comm, const Dataset& dataset, std::span<const Count> items)
    : items_(items.begin(), items.end()) {
  std::sort(items_.begin(), items_.end());
  items_.erase(std::unique(items_.begin(), items_.end()), items_.end());
  ids_ = fetch_strings(comm, dataset.items, dataset.item_ids, items_);
  if (!comm.any(dataset.item_names.size() > 0)) return;
  if (comm.all(dataset.item_names.size() == dataset.items.range(comm.rank()).size())) {
    names_ = fetch_strings(comm, dataset.items, dataset.item_names, items_);
  } else {
    names_ = fetch_strings(comm, dataset.items, owned_item_names(comm, dataset), items_);
  }
}

Count ItemLabels::position(Count item) const {
  const auto found = std::lower_bound(items_.begin(), items_.end(), item);
  PUSHCART_CHECK(found != items_.end() && *found == item);
  return found - items_.begin();
}

StringTable owned_item_names(const Communicator& comm, const Dataset& dataset) {
  StringTable names = dataset.item_names;
  while (names.size() < dataset.items.range(comm.rank()).size()) names.push_back({});
  return names;
}

}  // namespace pushcart
