#include "pushcart/matrix/assemble.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "pushcart/base/random.hpp"
#include "pushcart/checkpoint/file_reader.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/matrix/dataset_file.hpp"
#include "support/world.hpp"

namespace pushcart {
namespace {

using test::world;
using Cells = std::map<std::pair<Count, Count>, float>;

/// Random pairs; pair n is given to rank n mod ranks.
Interactions random_pairs(const Communicator& comm, Count num_users, Count num_items, double density, Cells& all) {
  Interactions result;
  result.types = {"buy", "view"};
  RandomStream random(11, static_cast<std::uint64_t>(num_users * 1000 + num_items));
  Count n = 0;
  for (Count item = 0; item < num_items; ++item) {
    for (Count user = 0; user < num_users; ++user) {
      if (random.next_uniform() >= density) continue;
      const float value = static_cast<float>(random.next_uniform()) + 0.5f;
      all[{user, item}] = value;
      if (n++ % comm.size() != comm.rank()) continue;
      result.pairs.push_back({user, item, 1000 + n, value});
      result.type_strength.insert(result.type_strength.end(), {value / 4, value * 3 / 4});
      result.type_last_time.insert(result.type_last_time.end(), {0, 1000 + n});
    }
  }
  return result;
}

void expect_cells(const SparseRows& rows, const Cells& all, bool transposed) {
  for (Count row = 0; row < rows.num_rows(); ++row) {
    const auto columns = rows.row_columns(row);
    EXPECT_TRUE(std::is_sorted(columns.begin(), columns.end()));
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const Count global = rows.rows.begin + row;
      const auto found = all.find(transposed ? std::pair{columns[i], global} : std::pair{global, columns[i]});
      ASSERT_NE(found, all.end());
      EXPECT_EQ(rows.row_values(row)[i], found->second);
    }
  }
  EXPECT_EQ(world().sum(rows.num_entries()), static_cast<Count>(all.size()));
}

TEST(AssembleDataset, HoldsEveryPairByUserAndByItem) {
  for (const auto& [users, items, density] :
       {std::tuple{1, 1, 1.0}, {1, 40, 0.5}, {40, 1, 0.5}, {70, 90, 0.2}, {600, 50, 0.05}}) {
    Cells all;
    auto pairs = random_pairs(world(), users, items, density, all);
    const Dataset dataset = assemble_dataset(world(), users, items, std::move(pairs), ValueKind::strength);
    EXPECT_EQ(dataset.num_users(), users);
    EXPECT_EQ(dataset.num_items(), items);
    expect_cells(dataset.by_user, all, false);
    expect_cells(dataset.by_item, all, true);
    ASSERT_EQ(dataset.events.size(), 2u);
    for (std::size_t i = 0; i < dataset.by_user.values.size(); ++i) {
      EXPECT_EQ(dataset.events[0].strength[i], dataset.by_user.values[i] / 4);
      EXPECT_EQ(dataset.events[1].last_time[i], dataset.last_time[i]);
    }
    EXPECT_EQ(dataset.cutoff_time, 1000 + static_cast<Count>(all.size()));
  }
}

TEST(AssembleDataset, RefusesRepeatedPairs) {
  const auto one = world().split(world().rank(), 0);
  Interactions twice;
  twice.pairs = {{0, 0, 0, 1}, {0, 1, 0, 1}, {0, 0, 0, 2}};
  EXPECT_THROW(assemble_dataset(one, 1, 2, std::move(twice), ValueKind::strength), InternalError);
}

Dataset sample_dataset(const Communicator& comm, Cells& all) {
  Dataset dataset = assemble_dataset(comm, 50, 30, random_pairs(comm, 50, 30, 0.3, all), ValueKind::strength);
  const Range users = dataset.users.range(comm.rank()), items = dataset.items.range(comm.rank());
  for (Count user = users.begin; user < users.end; ++user) dataset.user_ids.push_back("user-" + std::to_string(user));
  TextColumn colour{"colour", {}};
  for (Count item = items.begin; item < items.end; ++item) {
    dataset.item_ids.push_back(std::string("i\0\"", 3) + std::to_string(item));
    dataset.item_names.push_back(item % 2 ? "" : "Name \xc3\xa4");
    colour.values.push_back("c" + std::to_string(item % 5));
  }
  dataset.item_attributes.push_back(std::move(colour));
  std::vector<Interaction> held_out;
  if (comm.is_root()) held_out = {{49, 3, 0, 2.5f}, {0, 29, 0, 1.0f}};
  dataset.held_out = rows_by_owner(comm, dataset.users, 30, held_out);
  dataset.provenance = "{\"made\": \"by a test\"}";
  return dataset;
}

TEST(DatasetFile, GivesBackTheDatasetOnAnyNumberOfRanks) {
  const std::string folder = test::scratch_folder("dataset_file");
  Cells all;
  Dataset dataset = sample_dataset(world(), all);
  write_dataset(world(), folder + "/data.h5", dataset);
  const Dataset back = read_dataset(world(), folder + "/data.h5");
  EXPECT_EQ(back.digest, dataset.digest);
  EXPECT_EQ(back.users, dataset.users);
  EXPECT_EQ(back.items, dataset.items);
  EXPECT_EQ(back.user_ids, dataset.user_ids);
  EXPECT_EQ(back.item_ids, dataset.item_ids);
  EXPECT_EQ(back.item_names, dataset.item_names);
  EXPECT_EQ(back.by_user.columns, dataset.by_user.columns);
  EXPECT_EQ(back.by_user.values, dataset.by_user.values);
  EXPECT_EQ(back.by_item.columns, dataset.by_item.columns);
  EXPECT_EQ(back.last_time, dataset.last_time);
  EXPECT_EQ(back.events[1].strength, dataset.events[1].strength);
  EXPECT_EQ(back.held_out.columns, dataset.held_out.columns);
  EXPECT_EQ(back.item_attributes.at(0).values, dataset.item_attributes.at(0).values);
  EXPECT_EQ(back.cutoff_time, dataset.cutoff_time);
  EXPECT_EQ(back.provenance, dataset.provenance);

  const auto one = world().split(world().rank(), 0);
  if (world().is_root()) {
    const Dataset alone = read_dataset(one, folder + "/data.h5");
    EXPECT_EQ(alone.by_user.num_entries(), static_cast<Count>(all.size()));
    Cells again;
    Dataset made_alone = sample_dataset(one, again);
    write_dataset(one, folder + "/alone.h5", made_alone);
    EXPECT_EQ(made_alone.digest, dataset.digest);
  }
}

}  // namespace
}  // namespace pushcart
