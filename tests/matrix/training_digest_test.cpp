#include "pushcart/matrix/training_digest.hpp"

#include <gtest/gtest.h>

#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart {
namespace {

using test::small_dataset;
using test::SmallDataset;
using test::world;

const SmallDataset shape{.types = {"view", "buy"}, .has_times = true};

TEST(TrainingDigest, DoesNotDependOnRanks) {
  const Communicator alone = world().split(world().rank(), 0);
  EXPECT_EQ(training_digest(world(), small_dataset(world(), shape)),
            training_digest(alone, small_dataset(alone, shape)));
}

TEST(TrainingDigest, ChangesWithEverythingThatIsLearnedFrom) {
  const Dataset before = small_dataset(world(), shape);
  const std::string digest = training_digest(world(), before);
  ASSERT_FALSE(before.by_user.columns.empty());
  const auto expect_other = [&](const char* what, auto change) {
    Dataset after = before;
    if (world().rank() == world().size() - 1) change(after);
    EXPECT_NE(training_digest(world(), after), digest) << what;
  };
  expect_other("value", [](Dataset& data) { data.by_user.values.back() += 1; });
  expect_other("item of a pair", [](Dataset& data) { data.by_user.columns.back() += 1; });
  expect_other("time", [](Dataset& data) { data.last_time.front() += 1; });
  expect_other("strength of a type", [](Dataset& data) { data.events[1].strength.back() += 1; });
  expect_other("time of a type", [](Dataset& data) { data.events[0].last_time.back() += 1; });
  expect_other("name of a type", [](Dataset& data) { data.events[0].type = "look"; });
  expect_other("user", [](Dataset& data) { std::swap(data.user_ids, data.item_ids); });
  expect_other("name of an item", [](Dataset& data) { std::swap(data.item_names, data.user_ids); });
  expect_other("attribute", [](Dataset& data) { data.item_attributes.push_back({"genre", data.item_ids}); });
  expect_other("vector", [](Dataset& data) {
    data.item_vectors.push_back(
        {"v", 1, std::vector<float>(static_cast<std::size_t>(data.item_ids.size()), 1.0F)});
  });
  Dataset after = before;
  after.cutoff_time += 1;
  EXPECT_NE(training_digest(world(), after), digest);
}

}  // namespace
}  // namespace pushcart
