#include "matrix/add_items.hpp"

#include <limits>

#include "matrix/match_rows.hpp"
#include "pushcart/base/indices_of.hpp"
#include "pushcart/ids/number_texts.hpp"
#include "pushcart/matrix/assemble.hpp"

namespace pushcart::detail {

namespace {

/// Item vectors to their new owners; new items have zeros.
std::vector<float> moved(const Communicator& comm, const Partition& items, Range before,
                         const ItemVectors& set) {
  std::vector<Count> counts(static_cast<std::size_t>(comm.size()), 0);
  for (Count item = before.begin; item < before.end; ++item) {
    counts[static_cast<std::size_t>(items.owner(item))] += set.num_columns;
  }
  // Old and new owners have contiguous ranges: what comes by rank is in the order of the items.
  auto values = comm.alltoallv(std::span<const float>(set.values), counts).data;
  values.resize(static_cast<std::size_t>(items.range(comm.rank()).size() * set.num_columns), 0.0F);
  return values;
}

}  // namespace

Count add_items(const Communicator& comm, Dataset& dataset, const StringTable& ids) {
  const TextNumbers numbers =
      number_texts(comm, ids, std::vector<Count>(static_cast<std::size_t>(ids.size()), 1),
                   {1, std::numeric_limits<Count>::max()});
  if (numbers.total == 0) return 0;
  const Range before = dataset.items.range(comm.rank());
  const Count num_before = dataset.num_items(), num_items = num_before + numbers.total;
  dataset.by_user.num_columns = dataset.held_out.num_columns = num_items;
  dataset.items = partition_by_entries(comm, num_items, dataset.by_user.columns);
  dataset.by_item = transpose(comm, dataset.by_user, dataset.items, dataset.num_users());

  const std::vector<Count> indices = indices_of(before);
  const auto move = [&](StringTable& texts) {
    texts = strings_by_owner(comm, dataset.items, indices, texts);
  };
  move(dataset.item_names);
  for (TextColumn& column : dataset.item_attributes) move(column.values);
  for (ItemVectors& set : dataset.item_vectors) set.values = moved(comm, dataset.items, before, set);

  std::vector<Count> new_indices;
  for (const Count number : numbers.index) new_indices.push_back(num_before + number);
  dataset.item_ids = ids_at_owners(comm, dataset.items, before, dataset.item_ids, ids, new_indices);
  return numbers.total;
}

}  // namespace pushcart::detail
