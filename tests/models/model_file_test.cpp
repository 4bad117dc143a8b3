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

namespace pushcart::test::model_file_test {
namespace {

TEST(TrainPopular, CountsUsersOrStrengths) {
  const Dataset dataset =
      dataset_of(world(), 3, 3, {{0, 0, 0, 2}, {1, 0, 0, 0.5}, {2, 0, 0, 1}, {0, 1, 0, 4}});
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
  EXPECT_EQ(all_rows(world(), train_popular(world(), dataset, config).item_bias),
            (std::vector<float>{1.5, 0.25}));
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

TEST(ModelFile, HasTheSameDigestOnAnyNumberOfRanks) {
  const Communicator alone = world().split(world().rank(), 0);
  const SmallDataset shape{.density = 0.3, .value_kind = ValueKind::rating, .types = {}};
  const std::string folder = scratch_folder("model_digest");
  const Dataset together = small_dataset(world(), shape), whole = small_dataset(alone, shape);
  PhaseLog phases;
  AlsConfig config;
  config.k = 5;
  config.sweeps = 1;
  Model of_all = train_als(world(), together, config, {}, phases).model;
  Model of_one = train_als(alone, whole, config, {}, phases).model;
  write_model(world(), folder + "/all.h5", of_all);
  write_model(alone, folder + "/one" + std::to_string(world().rank()) + ".h5", of_one);
  EXPECT_EQ(of_all.digest, of_one.digest);
  const Model back = read_model(alone, folder + "/all.h5", whole);
  EXPECT_EQ(back.item_factors.values, of_one.item_factors.values);
  EXPECT_EQ(back.user_factors.values, of_one.user_factors.values);
  EXPECT_EQ(back.item_bias, of_one.item_bias);
  EXPECT_EQ(back.user_bias, of_one.user_bias);
  EXPECT_EQ(back.mean, of_one.mean);
  EXPECT_TRUE(back.predicts_ratings);
}

TEST(ModelFile, GivesBackItemWeightsWithoutFactors) {
  const Dataset dataset =
      small_dataset(world(), {.num_users = 9, .num_items = 9, .density = 0.4, .types = {}});
  Model model = train_popular(world(), dataset, {});
  SparseRows weights;  // item j: weight j + 0.5 on item (j + 1) mod 9
  weights.rows = dataset.items.range(world().rank());
  weights.num_columns = 9;
  for (Count item = weights.rows.begin; item < weights.rows.end; ++item) {
    weights.columns.push_back((item + 1) % 9);
    weights.values.push_back(static_cast<float>(item) + 0.5F);
    weights.offsets.push_back(static_cast<Count>(weights.columns.size()));
  }
  model.item_weights = weights;
  const std::string path = scratch_folder("model_weights") + "/model.h5";
  write_model(world(), path, model);
  const Model back = read_model(world(), path, dataset);
  EXPECT_TRUE(back.user_factors.empty());
  EXPECT_EQ(back.item_bias, model.item_bias);
  ASSERT_TRUE(back.item_weights.has_value());
  EXPECT_EQ(back.item_weights->offsets, weights.offsets);
  EXPECT_EQ(back.item_weights->columns, weights.columns);
  EXPECT_EQ(back.item_weights->values, weights.values);
}

TEST(ModelFile, SaysWhereFactorsComeFrom) {
  const std::string folder = scratch_folder("model_origins");
  const Dataset dataset = small_dataset(world(), {});
  Model model = train_popular(world(), dataset, {});
  const Range users = dataset.users.range(world().rank()), items = dataset.items.range(world().rank());
  constexpr Count k = 6;
  model.user_factors = {users, k, std::vector<float>(static_cast<std::size_t>(users.size() * k), 0.5F)};
  model.item_factors = {items, k, std::vector<float>(static_cast<std::size_t>(items.size() * k), 0.25F)};
  model.factor_origins = {{3, LeastSquaresOrigin{{AlsTarget::confidence, 0.1, 1.0 / 3, 0.9, 40},
                                                 ValueTransform::log1p,
                                                 {{"buy", 0.1}}}},
                          {2, LinearOrigin{{0.1, -1.0 / 3}, {0.4, 0}, {}}},
                          {1, ItemBiasOrigin{}}};
  for (Count user = users.begin; user < users.end; ++user) {
    for (const float scale : {0.5F, 1.5F, 1.0F})
      model.origin_scales.push_back(scale + static_cast<float>(user));
  }
  write_model(world(), folder + "/model.h5", model);
  const Model back = read_model(world(), folder + "/model.h5", dataset);
  EXPECT_EQ(back.factor_origins, model.factor_origins);
  EXPECT_EQ(back.origin_scales, model.origin_scales);

  model.origin_scales.clear();
  write_model(world(), folder + "/plain.h5", model);
  EXPECT_TRUE(read_model(world(), folder + "/plain.h5", dataset).origin_scales.empty());
}

TEST(FactorOrigins, OfDamagedTextAreRefused) {
  const std::string sound =
      R"([{"kind":"linear","columns":2,"gains":[1,2],"exponents":[0,0.5],"event_weights":{}}])";
  EXPECT_EQ(factor_origins_of(sound, 2, "model.h5").size(), 1U);
  const auto with = [&](const std::string& part, const std::string& other) {
    std::string text = sound;
    return text.replace(text.find(part), part.size(), other);
  };
  for (const std::string& text :
       {with("[1,2]", "[1]"), with("\"columns\":2", "\"columns\":3"), with("linear", "cubic"),
        with("gains", "pains"), with("linear", "least_squares"), with("[{", "{"), std::string("[]"),
        std::string("")}) {
    EXPECT_THROW(factor_origins_of(text, 2, "model.h5"), InputError) << text;
  }
  EXPECT_THROW(factor_origins_of(sound, 3, "model.h5"), InputError);
}

TEST(ModelFile, IsNeverWrittenWithNumbersThatAreNotFinite) {
  const std::string folder = scratch_folder("model_nan");
  Dataset dataset = small_dataset(world(), {});
  PhaseLog phases;
  AlsConfig config;
  config.k = 2;
  config.sweeps = 1;
  Model model = train_als(world(), dataset, config, {}, phases).model;
  if (dataset.items.owner(17) == world().rank())
    model.item_factors.row(17 - model.item_factors.rows.begin)[1] = NAN;
  try {
    write_model(world(), folder + "/model.h5", model);
    FAIL() << "a NaN was written";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

}  // namespace
}  // namespace pushcart::test::model_file_test
