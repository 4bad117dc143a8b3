#include "support/small_dataset.hpp"

#include <algorithm>
#include <cmath>

#include "pushcart/base/random.hpp"

namespace pushcart::test {
namespace {

constexpr std::int64_t cutoff = 1'700'000'000;
constexpr std::int64_t day_seconds = 86'400;

float random_value(const SmallDataset& shape, RandomStream& random, Count user, Count item) {
  if (shape.value_kind == ValueKind::strength) return static_cast<float>(4.0 * (1.0 - random.next_uniform()));
  const double effect = static_cast<double>(user % 3) * 0.5 - static_cast<double>(item % 4) * 0.4;
  return static_cast<float>(std::clamp(std::round(3.5 + effect + random.next_normal()), 1.0, 5.0));
}

void add_events(const SmallDataset& shape, RandomStream& random, const Interaction& pair,
                Interactions& result) {
  const std::size_t certain = random.next_below(shape.types.size());
  for (std::size_t type = 0; type < shape.types.size(); ++type) {
    const bool happened = type == certain || random.next_uniform() < 0.4;
    result.type_strength.push_back(happened ? static_cast<float>(1.0 + random.next_uniform()) : 0.0F);
    result.type_last_time.push_back(happened ? pair.last_time : 0);
  }
}

StringTable numbered(const std::string& prefix, Range rows) {
  StringTable table;
  for (Count row = rows.begin; row < rows.end; ++row) table.push_back(prefix + std::to_string(row));
  return table;
}

Dataset named(const Communicator& comm, Count num_users, Count num_items, Interactions mine,
              ValueKind value_kind) {
  Dataset dataset = assemble_dataset(comm, num_users, num_items, std::move(mine), value_kind);
  dataset.user_ids = numbered("u", dataset.users.range(comm.rank()));
  dataset.item_ids = numbered("i", dataset.items.range(comm.rank()));
  dataset.item_names = numbered("Item ", dataset.items.range(comm.rank()));
  dataset.provenance = "{}";
  dataset.digest = digest_text(hash_text("small dataset"));
  return dataset;
}

}  // namespace

Dataset small_dataset(const Communicator& comm, const SmallDataset& shape) {
  Interactions mine;
  mine.types = shape.types;
  for (Count user = 0; user < shape.num_users; ++user) {
    for (Count item = 0; item < shape.num_items; ++item) {
      const auto pair_number = static_cast<std::uint64_t>(user * shape.num_items + item);
      if (static_cast<int>(pair_number % static_cast<std::uint64_t>(comm.size())) != comm.rank()) continue;
      RandomStream random(shape.seed, pair_number);
      const double user_pull = 1.5 - static_cast<double>(user) / static_cast<double>(shape.num_users);
      const double item_pull = 1.5 - static_cast<double>(item) / static_cast<double>(shape.num_items);
      if (random.next_uniform() >= shape.density * user_pull * item_pull) continue;
      Interaction pair{user, item, 0, random_value(shape, random, user, item)};
      if (shape.has_times)
        pair.last_time = cutoff - static_cast<std::int64_t>(random.next_below(100 * day_seconds));
      mine.pairs.push_back(pair);
      if (!shape.types.empty()) add_events(shape, random, pair, mine);
    }
  }
  Dataset dataset = named(comm, shape.num_users, shape.num_items, std::move(mine), shape.value_kind);
  if (shape.has_times) dataset.cutoff_time = cutoff;
  return dataset;
}

Dataset dataset_of(const Communicator& comm, Count num_users, Count num_items,
                   const std::vector<Interaction>& pairs, ValueKind value_kind) {
  Interactions mine;
  for (std::size_t n = 0; n < pairs.size(); ++n) {
    if (static_cast<int>(n % static_cast<std::size_t>(comm.size())) == comm.rank())
      mine.pairs.push_back(pairs[n]);
  }
  Dataset dataset = named(comm, num_users, num_items, std::move(mine), value_kind);
  for (const Interaction& pair : pairs) dataset.cutoff_time = std::max(dataset.cutoff_time, pair.last_time);
  return dataset;
}

std::vector<Interaction> all_pairs(const Communicator& comm, const Dataset& dataset) {
  std::vector<Interaction> mine;
  const SparseRows& rows = dataset.by_user;
  for (Count row = 0; row < rows.num_rows(); ++row) {
    for (Count entry = rows.offsets[static_cast<std::size_t>(row)];
         entry < rows.offsets[static_cast<std::size_t>(row) + 1]; ++entry) {
      const auto at = static_cast<std::size_t>(entry);
      mine.push_back({rows.rows.begin + row, rows.columns[at], dataset.last_time[at], rows.values[at]});
    }
  }
  return comm.allgather(std::span<const Interaction>(mine)).data;
}

}  // namespace pushcart::test
