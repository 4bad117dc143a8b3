#include "feed/item_labels.hpp"

#include "pushcart/ids/fetch_strings.hpp"

namespace pushcart {

ItemLabels::ItemLabels(const Communicator& comm, const Dataset& dataset, std::span<const Count> items)
    : items_(dataset.items.num_rows(), items) {
  const std::vector<Count> distinct = items_.members();
  ids_ = fetch_strings(comm, dataset.items, dataset.item_ids, distinct);
  if (!comm.any(dataset.item_names.size() > 0)) return;
  if (comm.all(dataset.item_names.size() == dataset.items.range(comm.rank()).size())) {
    names_ = fetch_strings(comm, dataset.items, dataset.item_names, distinct);
  } else {
    names_ = fetch_strings(comm, dataset.items, owned_item_names(comm, dataset), distinct);
  }
}

StringTable owned_item_names(const Communicator& comm, const Dataset& dataset) {
  StringTable names = dataset.item_names;
  while (names.size() < dataset.items.range(comm.rank()).size()) names.push_back({});
  return names;
}

}  // namespace pushcart
