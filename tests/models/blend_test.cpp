#include "pushcart/models/blend.hpp"

#include <gtest/gtest.h>

#include "pushcart/base/error.hpp"
#include "pushcart/base/random.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::blend_test {
namespace {

using test::all_rows;
using test::small_dataset;
using test::SmallDataset;
using test::world;

enum Parts : unsigned { factors = 1, bias = 2, weights = 4 };

/// A number that depends on what it is for, not on ranks.
float number(std::uint64_t seed, Count row, Count column) {
  RandomStream random(seed, static_cast<std::uint64_t>(row * 1000 + column));
  return static_cast<float>(random.next_uniform() - 0.3);
}

FactorTable random_factors(Range rows, Count k, std::uint64_t seed) {
  FactorTable table{rows, k, {}};
  for (Count row = rows.begin; row < rows.end; ++row) {
    for (Count c = 0; c < k; ++c) table.values.push_back(number(seed, row, c));
  }
  return table;
}

Model random_model(const Dataset& dataset, unsigned parts, Count k, std::uint64_t seed) {
  const Range users = dataset.users.range(world().rank()), items = dataset.items.range(world().rank());
  Model model;
  model.family = "random";
  model.users = dataset.users;
  model.items = dataset.items;
  if (parts & factors) {
    model.user_factors = random_factors(users, k, seed);
    model.item_factors = random_factors(items, k, seed + 1);
  }
  if (parts & bias) {
    for (Count item = items.begin; item < items.end; ++item)
      model.item_bias.push_back(number(seed + 2, item, 0));
  }
  if (parts & weights) {
    SparseRows w;
    w.rows = items;
    w.num_columns = dataset.num_items();
    for (Count item = items.begin; item < items.end; ++item) {
      for (Count other = 0; other < dataset.num_items(); ++other) {
        if (number(seed + 3, item, other) < 0.3F) continue;
        w.columns.push_back(other);
        w.values.push_back(number(seed + 4, item, other));
      }
      w.offsets.push_back(static_cast<Count>(w.columns.size()));
    }
    model.item_weights = std::move(w);
  }
  return model;
}

/// All scores, users x items, in double, on every rank.
std::vector<std::vector<double>> dense_scores(const Dataset& dataset, const Model& model) {
  const auto x = all_rows(world(), model.user_factors.values),
             y = all_rows(world(), model.item_factors.values);
  const auto b = all_rows(world(), model.item_bias);
  std::vector<float> dense_weights(
      static_cast<std::size_t>(dataset.num_items() * dataset.items.range(world().rank()).size()));
  if (model.item_weights) {
    for (Count row = 0; row < model.item_weights->num_rows(); ++row) {
      const auto columns = model.item_weights->row_columns(row);
      for (std::size_t e = 0; e < columns.size(); ++e) {
        dense_weights[static_cast<std::size_t>(row * dataset.num_items() + columns[e])] =
            model.item_weights->row_values(row)[e];
      }
    }
  }
  const auto w = all_rows(world(), dense_weights);
  const Count k = world().allreduce(model.item_factors.num_columns, Reduce::max);
  std::vector<std::vector<double>> scores(static_cast<std::size_t>(dataset.num_users()));
  for (Count user = 0; user < dataset.num_users(); ++user) {
    for (Count item = 0; item < dataset.num_items(); ++item) {
      double score = b.empty() ? 0.0 : static_cast<double>(b[static_cast<std::size_t>(item)]);
      for (Count c = 0; c < k; ++c) {
        score += static_cast<double>(x[static_cast<std::size_t>(user * k + c)]) *
                 static_cast<double>(y[static_cast<std::size_t>(item * k + c)]);
      }
      scores[static_cast<std::size_t>(user)].push_back(score);
    }
  }
  for (const Interaction& pair : test::all_pairs(world(), dataset)) {
    for (Count item = 0; item < dataset.num_items(); ++item) {
      scores[static_cast<std::size_t>(pair.user)][static_cast<std::size_t>(item)] +=
          static_cast<double>(pair.value) *
          static_cast<double>(w[static_cast<std::size_t>(pair.item * dataset.num_items() + item)]);
    }
  }
  return scores;
}

double weight_of(std::size_t part, Count user) {
  return part == 0 ? 0.5 + 0.01 * static_cast<double>(user)
                   : 1.0 + static_cast<double>((user * 7 + static_cast<Count>(part)) % 5);
}

std::vector<float> user_weights(const Dataset& dataset, std::size_t part) {
  const Range users = dataset.users.range(world().rank());
  std::vector<float> result;
  for (Count user = users.begin; user < users.end; ++user)
    result.push_back(static_cast<float>(weight_of(part, user)));
  return result;
}

/// Blends models of these parts and compares every score with the weighted sum over the weight of part
/// `lead`.
void expect_weighted_sum(const std::vector<unsigned>& parts, std::optional<std::size_t> lead) {
  const Dataset dataset = small_dataset(world(), SmallDataset{});
  std::vector<Model> models;
  for (std::size_t p = 0; p < parts.size(); ++p)
    models.push_back(random_model(dataset, parts[p], 3 + static_cast<Count>(p), 10 * p + 1));
  std::vector<BlendPart> blend;
  for (std::size_t p = 0; p < parts.size(); ++p) blend.push_back({&models[p], user_weights(dataset, p)});
  const auto scores = dense_scores(dataset, blend_models(world(), dataset, blend));
  std::vector<std::vector<std::vector<double>>> of_part;
  for (const Model& model : models) of_part.push_back(dense_scores(dataset, model));
  for (Count user = 0; user < dataset.num_users(); ++user) {
    const auto u = static_cast<std::size_t>(user);
    for (std::size_t item = 0; item < scores[u].size(); ++item) {
      double sum = 0;
      for (std::size_t p = 0; p < parts.size(); ++p) sum += weight_of(p, user) * of_part[p][u][item];
      ASSERT_NEAR(scores[u][item], lead ? sum / weight_of(*lead, user) : sum, 2e-4) << user << ' ' << item;
    }
  }
}

TEST(BlendModels, IsTheWeightedSumOfFactorModels) {
  expect_weighted_sum({factors, factors, factors | bias}, std::nullopt);
}
TEST(BlendModels, IsTheWeightedSumWithABiasModel) {
  expect_weighted_sum({bias, factors}, std::nullopt);
}
TEST(BlendModels, DividesByTheWeightOfTheModelWithItemWeights) {
  expect_weighted_sum({factors, weights | factors | bias, bias}, 1);
}
TEST(BlendModels, OfItemWeightsAloneIsThatModel) {
  expect_weighted_sum({weights}, 0);
}

TEST(BlendModels, AddsItemWeightsExactlyWhenTheRatiosAreAlike) {
  const Dataset dataset = small_dataset(world(), SmallDataset{});
  const Model a = random_model(dataset, weights, 0, 3), b = random_model(dataset, weights | factors, 4, 9);
  const auto num_users = static_cast<std::size_t>(dataset.users.range(world().rank()).size());
  const std::vector<BlendPart> parts{{&a, std::vector<float>(num_users, 2.0F)},
                                     {&b, std::vector<float>(num_users, 0.5F)}};
  const auto scores = dense_scores(dataset, blend_models(world(), dataset, parts));
  const auto of_a = dense_scores(dataset, a), of_b = dense_scores(dataset, b);
  for (std::size_t u = 0; u < scores.size(); ++u) {
    for (std::size_t i = 0; i < scores[u].size(); ++i)
      ASSERT_NEAR(scores[u][i], of_a[u][i] + 0.25 * of_b[u][i], 1e-4);
  }
}

TEST(BlendModels, RefusesNothingToBlend) {
  const Dataset dataset = small_dataset(world(), SmallDataset{});
  const auto num_users = static_cast<std::size_t>(dataset.users.range(world().rank()).size());
  Model a = random_model(dataset, factors, 2, 1);
  EXPECT_THROW(blend_models(world(), dataset, std::vector<BlendPart>{}), Error);
  const std::vector<BlendPart> nothing{{&a, std::vector<float>(num_users, 0.0F)}};
  EXPECT_THROW(blend_models(world(), dataset, nothing), ConfigError);
  a.predicts_ratings = true;
  const std::vector<BlendPart> ratings{{&a, std::vector<float>(num_users, 1.0F)}};
  EXPECT_THROW(blend_models(world(), dataset, ratings), Error);
}

}  // namespace
}  // namespace pushcart::blend_test
