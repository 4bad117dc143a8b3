#include "pushcart/models/model_file.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "pushcart/comm/collectively.hpp"
#include "pushcart/matrix/dataset_file.hpp"
#include "pushcart/models/als.hpp"
#include "pushcart/models/popular.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::test {
namespace {

TEST(TrainPopular, CountsUsersOrStrengths) {
  const Dataset dataset = dataset_of(world(), 3, 3, {{0, 0, 0, 2}, {1, 0, 0, 0.5}, {2, 0, 0, 1}, {0, 1, 0, 4}});
  const auto by_users = train_popular(world(), dataset, {});
  EXPECT_EQ(all_rows(world(), by_users.item_bias), (std::vector<float>{3, 1, 0}));
  PopularConfig strengths;
  strengths.measure = PopularMeasure::strength;
  EXPECT_EQ(all_rows(world(), train_popular(world(), dataset, strengths).item_bias),
            (std::vector<float>{3.5, 4, 0}));
}

TEST(TrainPopular, HalvesWithAge) {
  constexpr std::int64_t day = 86400;
  const Dataset dataset =
      dataset_of(world(), 2, 2, {{0, 0, 100 * day, 1}, {1, 0, 90 * day, 1}, {1, 1, 80 * day, 1}});
  PopularConfig config;
  config.half_life_days = 10;
  EXPECT_EQ(all_rows(world(), train_popular(world(), dataset, config).item_bias), (std::vector<float>{1.5, 0.25}));
}

TEST(ModelFile, GivesBackTheModelOfItsDatasetOnly) {
  const std::string folder = scratch_folder("model_file");
  SmallDataset shape;
  Dataset dataset = small_dataset(world(), shape);
  write_dataset(world(), folder + "/data.h5", dataset);
  PhaseLog phases;
  AlsConfig config;
  config.k = 4;
  config.sweeps = 2;
  Model model = train_als(world(), dataset, config, {}, phases).model;
  model.dataset_digest = dataset.digest;
  write_model(world(), folder + "/model.h5", model);
  const Model back = read_model(world(), folder + "/model.h5", dataset);
  EXPECT_EQ(back.user_factors.values, model.user_factors.values);
  EXPECT_EQ(back.item_factors.values, model.item_factors.values);
  EXPECT_EQ(back.digest, model.digest);
  EXPECT_EQ(back.history, model.history);

  shape.seed = 2;
  Dataset other = small_dataset(world(), shape);
  write_dataset(world(), folder + "/other.h5", other);
  try {
    read_model(world(), folder + "/model.h5", other);
    FAIL() << "a model of another dataset was taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_input);
  }
}

TEST(ModelFile, IsNeverWrittenWithNumbersThatAreNotFinite) {
  const std::string folder = scratch_folder("model_nan");
  Dataset dataset = small_dataset(world(), {});
  PhaseLog phases;
  AlsConfig config;
  config.k = 2;
  config.sweeps = 1;
  Model model = train_als(world(), dataset, config, {}, phases).model;
  if (world().is_root() && !model.item_factors.values.empty()) model.item_factors.values.front() = NAN;
  try {
    write_model(world(), folder + "/model.h5", model);
    FAIL() << "a NaN was written";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
  }
  EXPECT_FALSE(std::filesystem::exists(folder + "/model.h5"));
}

}  // namespace
}  // namespace pushcart::test
