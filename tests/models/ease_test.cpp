#include "pushcart/models/ease.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <tuple>

#include "models/linear/symmetric_blocks.hpp"
#include "models/linear_reference.hpp"
#include "pushcart/models/item_knn.hpp"
#include "support/world.hpp"

namespace pushcart::ease_test {
namespace {

using test::SmallDataset;
using test::world;
using testing::HasSubstr;

EaseResult train(const Communicator& comm, const Dataset& dataset, const EaseConfig& config) {
  PhaseLog phases;
  return train_ease(comm, dataset, config, phases);
}

EaseConfig settings(double lambda, Count neighbours) {
  EaseConfig config;
  config.lambda = lambda;
  config.neighbours = neighbours;
  return config;
}

/// B by its definition, dense and in double, of the first `size` items.
Eigen::MatrixXd reference_weights(const Eigen::MatrixXd& r, double lambda, Count size) {
  const Eigen::MatrixXd head = r.leftCols(size);
  const Eigen::MatrixXd gram = head.transpose() * head + lambda * Eigen::MatrixXd::Identity(size, size);
  const Eigen::MatrixXd inverse = gram.inverse();
  Eigen::MatrixXd b = Eigen::MatrixXd::Zero(r.cols(), r.cols());
  for (Count j = 0; j < size; ++j) {
    for (Count i = 0; i < size; ++i) {
      if (i != j) b(j, i) = -inverse(j, i) / inverse(i, i);
    }
  }
  return b;
}

TEST(Ease, WeightsAgreeWithAnExplicitInverse) {
  // One block, and five of which the last is not full.
  for (const auto& [users, items] : {std::pair<Count, Count>{40, 30}, std::pair<Count, Count>{300, 150}}) {
    const Dataset dataset =
        test::small_dataset(world(), {.num_users = users, .num_items = items, .density = 0.1, .types = {}});
    const Eigen::MatrixXd r = test::dense_ratings(world(), dataset);
    for (const double lambda : {0.5, 40.0}) {
      const EaseResult result = train(world(), dataset, settings(lambda, items));
      const Eigen::MatrixXd expected = reference_weights(r, lambda, items);
      const Eigen::MatrixXd weights = test::dense_weights(world(), result.model);
      EXPECT_LT((weights - expected).cwiseAbs().maxCoeff(), 2e-4 * expected.cwiseAbs().maxCoeff());
      EXPECT_LT(result.report.inverse_residual, 1e-3);
      EXPECT_EQ(result.report.num_items, items);
      EXPECT_NEAR(result.report.kept_share, 1, 1e-12);
    }
  }
}

TEST(Ease, KeepsTheLargestOfEachRowAndSaysWhatShareTheyHold) {
  const Dataset dataset =
      test::small_dataset(world(), {.num_users = 100, .num_items = 70, .density = 0.1, .types = {}});
  const Eigen::MatrixXd all = test::dense_weights(world(), train(world(), dataset, settings(3, 70)).model);
  const EaseResult cut = train(world(), dataset, settings(3, 6));
  const Eigen::MatrixXd kept = test::dense_weights(world(), cut.model);
  for (Count row = 0; row < all.rows(); ++row) {
    std::vector<std::pair<double, Count>> order;
    for (Count column = 0; column < all.cols(); ++column)
      order.emplace_back(-std::abs(all(row, column)), column);
    std::ranges::sort(order);
    for (std::size_t n = 0; n < order.size(); ++n) {
      const Count column = order[n].second;
      EXPECT_EQ(kept(row, column), n < 6 ? all(row, column) : 0.0);
    }
  }
  EXPECT_NEAR(cut.report.kept_share, kept.squaredNorm() / all.squaredNorm(), 1e-12);
  EXPECT_LT(cut.report.kept_share, 0.9);
}

TEST(Ease, OfTheHeadLeavesTheTailWithoutWeights) {
  const Dataset dataset =
      test::small_dataset(world(), {.num_users = 100, .num_items = 70, .density = 0.1, .types = {}});
  const Eigen::MatrixXd r = test::dense_ratings(world(), dataset);
  EaseConfig config = settings(2, 70);
  config.head_items = 37;
  const EaseResult result = train(world(), dataset, config);
  const Eigen::MatrixXd expected = reference_weights(r, 2, 37);
  const Eigen::MatrixXd weights = test::dense_weights(world(), result.model);
  EXPECT_LT((weights - expected).cwiseAbs().maxCoeff(), 2e-4 * expected.cwiseAbs().maxCoeff());
  EXPECT_EQ(weights.bottomRows(33).cwiseAbs().maxCoeff(), 0);
  EXPECT_EQ(weights.rightCols(33).cwiseAbs().maxCoeff(), 0);
}

TEST(Ease, OfTheHeadWithNeighboursForTheTail) {
  const Dataset dataset =
      test::small_dataset(world(), {.num_users = 100, .num_items = 70, .density = 0.1, .types = {}});
  const Eigen::MatrixXd r = test::dense_ratings(world(), dataset);
  EaseConfig config = settings(2, 70);
  config.head_items = 37;
  config.tail = EaseTail::knn;
  config.similarity = {.metric = SimilarityMetric::cosine, .shrinkage = 3};
  for (const Count neighbours : {70, 9}) {
    config.neighbours = neighbours;
    const EaseResult result = train(world(), dataset, config);
    const Eigen::MatrixXd weights = test::dense_weights(world(), result.model);
    PhaseLog phases;
    ItemKnnConfig knn{.similarity = config.similarity};
    knn.similarity.k = neighbours;
    const Eigen::MatrixXd similar =
        test::dense_weights(world(), train_item_knn(world(), dataset, knn, "itemknn", phases));
    const Eigen::MatrixXd b = reference_weights(r, 2, 37), in_head = similar.topLeftCorner(37, 37);
    const double scale = in_head.cwiseProduct(b.topLeftCorner(37, 37)).sum() / in_head.squaredNorm();
    EXPECT_GT(scale, 0);
    EXPECT_NEAR(result.report.tail_scale, scale, 1e-4 * scale);
    Eigen::MatrixXd expected = result.report.tail_scale * similar;
    config.tail = EaseTail::none;  // the head's weights do not depend on the tail
    expected.topLeftCorner(37, 37) =
        test::dense_weights(world(), train(world(), dataset, config).model).topLeftCorner(37, 37);
    config.tail = EaseTail::knn;
    EXPECT_LT((weights - expected).cwiseAbs().maxCoeff(), 1e-6 * expected.cwiseAbs().maxCoeff());
  }
}

TEST(Ease, SameBitsOnAnyNumberOfRanks) {
  const Communicator alone = world().split(world().rank(), 0);
  for (const SmallDataset& shape :
       {SmallDataset{.num_users = 300, .num_items = 200, .density = 0.05, .seed = 3, .types = {}},
        SmallDataset{.num_users = 3, .num_items = 2, .density = 0.9, .types = {}}}) {
    EaseConfig config = settings(4, std::min<Count>(11, shape.num_items));
    const auto train_on = [&](const Communicator& comm) {
      const Dataset dataset = test::small_dataset(comm, shape);
      const EaseResult result = train(comm, dataset, config);
      return std::tuple{test::whole_model(comm, result.model), result.report.kept_share,
                        result.report.tail_scale};
    };
    for (const Count head_items : {Count{0}, shape.num_items / 2}) {
      config.head_items = head_items;
      config.tail = head_items > 0 ? EaseTail::knn : EaseTail::none;
      config.batch_bytes = EaseConfig{}.batch_bytes;
      const auto expected = train_on(alone);
      EXPECT_EQ(train_on(world()), expected);
      {
        const test::WithThreads two(2);
        EXPECT_EQ(train_on(world()), expected);
      }
      const test::WithThreads three(3);
      config.batch_bytes = 1;
      EXPECT_EQ(train_on(world()), expected);
    }
  }
}

TEST(Ease, SettingsAreRefusedByTheNameOfTheOption) {
  const Dataset dataset = test::small_dataset(world(), {});  // 40 x 30
  const std::vector<std::pair<std::string, std::function<void(EaseConfig&)>>> bad{
      {"--lambda", [](EaseConfig& c) { c.lambda = 0; }},
      {"--lambda", [](EaseConfig& c) { c.lambda = std::numeric_limits<double>::quiet_NaN(); }},
      {"--neighbours 31", [](EaseConfig& c) { c.neighbours = 31; }},
      {"--neighbours 0", [](EaseConfig& c) { c.neighbours = 0; }},
      {"--head-items 31", [](EaseConfig& c) { c.head_items = 31; }},
      {"--event-weight", [](EaseConfig& c) {
         c.event_weights = {{"vent", 1.0}};
       }}};
  for (const auto& [text, spoil] : bad) {
    EaseConfig config = settings(3, 5);
    spoil(config);
    try {
      train(world(), dataset, config);
      ADD_FAILURE() << text << ": nothing was thrown";
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), HasSubstr(text));
    }
  }
}

TEST(Ease, AnInverseOverTheBudgetIsRefusedWithAHeadThatFits) {
  const Dataset dataset =
      test::small_dataset(world(), {.num_users = 100, .num_items = 700, .density = 0.02, .types = {}});
  EaseConfig config = settings(3, 5);
  config.batch_bytes = 1;
  config.memory_budget_bytes = 1'200'000;
  std::string text;
  try {
    train(world(), dataset, config);
  } catch (const ConfigError& error) {
    text = error.what();
  }
  if (text.empty()) {
    EXPECT_GT(world().size(), 1);  // shared among more ranks it fits
    return;
  }
  ASSERT_THAT(text, HasSubstr("over --memory-per-rank"));
  const std::size_t at = text.find("--head-items ");
  ASSERT_NE(at, std::string::npos);
  config.head_items = std::stoll(text.substr(at + 13));
  EXPECT_GT(config.head_items, 50);
  EXPECT_EQ(train(world(), dataset, config).report.num_items, config.head_items);

  config.head_items = 0;  // with a tail, as many as fit are fitted
  config.tail = EaseTail::knn;
  const EaseResult chosen = train(world(), dataset, config);
  EXPECT_GT(chosen.report.num_items, 50);
  EXPECT_LT(chosen.report.num_items, 700);
  EXPECT_LE(chosen.report.planned_bytes, config.memory_budget_bytes);
}

TEST(Ease, AMatrixThatFloatCannotInvertIsNamed) {
  std::vector<Interaction> pairs;
  for (Count user = 0; user < 40; ++user) {
    for (Count item = 0; item < 40; ++item) pairs.push_back({user, item, 0, 1.0F});
  }
  const Dataset dataset = test::dataset_of(world(), 40, 40, pairs);
  EXPECT_THROW(train(world(), dataset, settings(1e-9, 5)), NumericError);
}

TEST(SymmetricBlocks, EveryBlockRowHasOneOwnerAndTheTriangleIsShared) {
  for (const Count size : {1, 31, 32, 33, 200, 1000}) {
    const linear::SymmetricBlocks blocks(world(), size);
    EXPECT_EQ(blocks.num_blocks(), (size + 31) / 32);
    std::vector<Count> shares(static_cast<std::size_t>(world().size()), 0);
    for (Count row = 0; row < size; ++row) {
      const int owner = blocks.owner_of_row(row);
      ASSERT_TRUE(0 <= owner && owner < world().size());
      shares[static_cast<std::size_t>(owner)] += row / 32 + 1;
    }
    const Count largest = *std::ranges::max_element(shares);
    EXPECT_LE(largest * Count{sizeof(float)} * 32,
              linear::SymmetricBlocks::owned_bytes(size, world().size()));
  }
}

}  // namespace
}  // namespace pushcart::ease_test
