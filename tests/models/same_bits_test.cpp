#include <gtest/gtest.h>
#include <omp.h>

#include "pushcart/base/cpu_path.hpp"
#include "pushcart/models/als.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::same_bits_test {
namespace {

using test::SmallDataset;
using test::world;

/// A whole model, on every rank.
struct WholeModel {
  std::vector<float> user_factors, item_factors, user_bias, item_bias;
  double mean = 0;
  std::string history, config;
  friend bool operator==(const WholeModel&, const WholeModel&) = default;
};

WholeModel train(const Communicator& comm, const SmallDataset& shape, const AlsConfig& config) {
  const Dataset dataset = test::small_dataset(comm, shape);
  PhaseLog phases;
  const Model model = train_als(comm, dataset, config, {}, phases).model;
  return {test::all_rows(comm, model.user_factors.values),
          test::all_rows(comm, model.item_factors.values),
          test::all_rows(comm, model.user_bias),
          test::all_rows(comm, model.item_bias),
          model.mean,
          model.history,
          model.config};
}

class WithThreads {
 public:
  explicit WithThreads(int threads) : before_(omp_get_max_threads()) { omp_set_num_threads(threads); }
  ~WithThreads() { omp_set_num_threads(before_); }
  WithThreads(const WithThreads&) = delete;
  WithThreads& operator=(const WithThreads&) = delete;

 private:
  int before_;
};

AlsConfig settings(AlsPreset preset, Count k) {
  AlsConfig config;
  config.preset = preset;
  config.k = k;
  config.sweeps = 2;
  return config;
}

/// All ranks together, each rank alone, two threads, and batches of as few rows as there may be.
void expect_same_bits(const SmallDataset& shape, AlsConfig config) {
  const Communicator alone = world().split(world().rank(), 0);
  ASSERT_EQ(alone.size(), 1);
  const WholeModel expected = train(alone, shape, config);
  ASSERT_EQ(expected.item_factors.size(), static_cast<std::size_t>(shape.num_items * config.k));
  EXPECT_EQ(train(world(), shape, config), expected);
  {
    const WithThreads two(2);
    EXPECT_EQ(train(world(), shape, config), expected);
  }
  const WithThreads three(3);
  config.batch_bytes = 1;
  EXPECT_EQ(train(world(), shape, config), expected);
}

const SmallDataset middling{.num_users = 600, .num_items = 150, .density = 0.04, .seed = 3, .types = {}};

TEST(SameBits, OfStrengths) {
  for (AlsPreset preset : {AlsPreset::rendle, AlsPreset::hkv})
    expect_same_bits(middling, settings(preset, 19));
}

TEST(SameBits, OfSplitRows) {
  for (Count split_length : {5, 11}) {
    AlsConfig config = settings(AlsPreset::rendle, 8);
    config.split_length = split_length;
    expect_same_bits(middling, config);
  }
}

TEST(SameBits, OfEverySolverOnEveryPath) {
  const CpuPath before = cpu_path();
  for (CpuPath path : runnable_cpu_paths()) {
    set_cpu_path(path);
    for (AlsSolver solver : {AlsSolver::exact, AlsSolver::cg, AlsSolver::automatic}) {
      AlsConfig config = settings(AlsPreset::rendle, 10);
      config.solver = solver;
      config.gather_precision =
          solver == AlsSolver::cg ? GatherPrecision::bfloat16 : GatherPrecision::float32;
      expect_same_bits(middling, config);
    }
  }
  set_cpu_path(before);
}

TEST(SameBits, OfRatings) {
  SmallDataset shape = middling;
  shape.value_kind = ValueKind::rating;
  expect_same_bits(shape, settings(AlsPreset::alswr, 12));
}

TEST(SameBits, OfWeightedEventTypes) {
  SmallDataset shape{.num_users = 60, .num_items = 50, .seed = 4, .types = {"buy", "view"}};
  AlsConfig config = settings(AlsPreset::hkv, 6);
  config.event_weights = {{"buy", 2.5}};
  config.transform = ValueTransform::log1p;
  expect_same_bits(shape, config);
}

TEST(SameBits, OfFewerRowsThanRanks) {
  const SmallDataset shape{.num_users = 3, .num_items = 2, .density = 0.7, .types = {}};
  for (Count k : {1, 5}) expect_same_bits(shape, settings(AlsPreset::rendle, k));
}

TEST(SameBits, StartValuesDependOnTheSeed) {
  AlsConfig config = settings(AlsPreset::rendle, 6);
  const WholeModel first = train(world(), {}, config);
  EXPECT_EQ(train(world(), {}, config), first);
  config.seed = 2;
  const WholeModel second = train(world(), {}, config);
  EXPECT_NE(second.item_factors, first.item_factors);
}

}  // namespace
}  // namespace pushcart::same_bits_test
