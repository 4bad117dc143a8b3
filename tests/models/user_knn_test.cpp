#include "pushcart/models/user_knn.hpp"

#include <gtest/gtest.h>

#include "models/similarity_reference.hpp"
#include "pushcart/models/model_file.hpp"
#include "pushcart/topn/pair_scores.hpp"
#include "pushcart/topn/top_items.hpp"
#include "support/world.hpp"

namespace pushcart::user_knn_test {
namespace {

using test::world;

constexpr Count num_users = 40, num_items = 30;

/// score(u, i) = sum over the k users nearest u of s_uv r_vi, in double.
std::vector<double> dense_scores(const Dataset& dataset, const SimilarityConfig& config) {
  std::vector<test::DensePair> pairs;
  for (const auto& pair : test::all_pairs(world(), dataset)) {
    pairs.push_back({pair.user, pair.item, static_cast<double>(pair.value), 0});
  }
  const auto side = test::dense_side(pairs, num_users, num_items, false);
  const test::DenseSimilarity similarity(side, side, config);
  std::vector<double> scores(static_cast<std::size_t>(num_users * num_items), 0);
  for (Count u = 0; u < num_users; ++u) {
    std::vector<std::pair<double, Count>> others;
    for (Count v = 0; v < num_users; ++v) {
      if (v != u) others.emplace_back(-similarity.score(u, v), v);
    }
    std::sort(others.begin(), others.end());
    for (Count n = 0; n < config.k; ++n) {
      const auto [minus_score, v] = others[static_cast<std::size_t>(n)];
      for (Count i = 0; i < num_items; ++i) {
        const double value = config.values == SimilarityValues::binary ? 1.0 : side.value[side.at(v, i)];
        if (side.has[side.at(v, i)])
          scores[static_cast<std::size_t>(u * num_items + i)] -= minus_score * value;
      }
    }
  }
  return scores;
}

std::vector<Count> owned_users(const Dataset& dataset) {
  std::vector<Count> users;
  for (Count user = dataset.by_user.rows.begin; user < dataset.by_user.rows.end; ++user)
    users.push_back(user);
  return users;
}

TEST(UserKnn, ScoresWhatTheNearestUsersHave) {
  const Dataset dataset = test::small_dataset(world(), {.density = 0.3, .seed = 12, .types = {}});
  for (const auto values : {SimilarityValues::binary, SimilarityValues::as_is}) {
    UserKnnConfig config{.similarity = {.values = values, .k = 5}};
    PhaseLog phases;
    const Model model = train_user_knn(world(), dataset, config, phases);
    const auto expected = dense_scores(dataset, config.similarity);
    const SparseRows& rows = *model.user_items;
    ASSERT_EQ(rows.rows, dataset.users.range(world().rank()));
    Count checked = 0;
    for (Count row = 0; row < rows.num_rows(); ++row) {
      std::vector<double> dense(num_items, 0);
      for (std::size_t n = 0; n < rows.row_columns(row).size(); ++n) {
        dense[static_cast<std::size_t>(rows.row_columns(row)[n])] =
            static_cast<double>(rows.row_values(row)[n]);
      }
      for (Count i = 0; i < num_items; ++i, ++checked) {
        EXPECT_NEAR(dense[static_cast<std::size_t>(i)],
                    expected[static_cast<std::size_t>((rows.rows.begin + row) * num_items + i)], 1e-5);
      }
    }
    EXPECT_EQ(world().sum(checked), num_users * num_items);
  }
}

TEST(UserKnn, ServesListsPairsAndFiles) {
  const Dataset dataset = test::small_dataset(world(), {.density = 0.3, .seed = 13, .types = {}});
  UserKnnConfig config{.similarity = {.k = 6}, .kept_items = 12};
  PhaseLog phases;
  Model model = train_user_knn(world(), dataset, config, phases);
  const std::string path = test::scratch_folder("userknn") + "/model.h5";
  write_model(world(), path, model);
  const Model stored = read_model(world(), path, dataset);
  ASSERT_TRUE(stored.user_items.has_value());
  EXPECT_EQ(stored.user_items->columns, model.user_items->columns);
  EXPECT_EQ(stored.user_items->values, model.user_items->values);

  const TopLists lists = top_items(world(), stored, dataset, {owned_users(dataset), 12, {}, {}}, phases);
  SparseRows pairs{dataset.by_user.rows, num_items, {0}, {}, {}};
  std::vector<float> listed;
  for (Count row = 0; row < lists.num_rows(); ++row) {
    std::vector<std::pair<Count, float>> entries;
    for (auto at = static_cast<std::size_t>(lists.offsets[static_cast<std::size_t>(row)]);
         at < static_cast<std::size_t>(lists.offsets[static_cast<std::size_t>(row) + 1]); ++at) {
      entries.emplace_back(lists.items[at], lists.scores[at]);
    }
    const auto kept = model.user_items->row_columns(row);
    EXPECT_LE(kept.size(), 12U);
    std::sort(entries.begin(), entries.end());
    std::size_t found = 0;
    for (const auto& [item, score] : entries) {
      pairs.columns.push_back(item);
      listed.push_back(score);
      const auto place = std::lower_bound(kept.begin(), kept.end(), item);
      const bool is_kept = place != kept.end() && *place == item;
      found += is_kept ? 1 : 0;
      EXPECT_EQ(score, is_kept
                           ? model.user_items->row_values(row)[static_cast<std::size_t>(place - kept.begin())]
                           : 0.0F);
    }
    EXPECT_EQ(found, kept.size());  // the best 12 of all items are these
    pairs.offsets.push_back(static_cast<Count>(pairs.columns.size()));
  }
  EXPECT_EQ(pair_scores(world(), stored, dataset, pairs), listed);
}

TEST(UserKnn, GivesTheSameBitsOnAnyRanks) {
  const Communicator alone = world().split(world().rank(), 0);
  const auto train = [](const Communicator& comm) {
    const Dataset dataset =
        test::small_dataset(comm, {.num_users = 90, .num_items = 60, .seed = 14, .types = {}});
    PhaseLog phases;
    UserKnnConfig config{.similarity = {.metric = SimilarityMetric::tfidf, .k = 9}, .kept_items = 20};
    config.similarity.block_columns = comm.size() == 1 ? 65536 : 17;
    const Model model = train_user_knn(comm, dataset, config, phases);
    return std::pair(test::all_rows(comm, model.user_items->columns),
                     test::all_rows(comm, model.user_items->values));
  };
  const auto expected = train(alone);
  ASSERT_GT(expected.first.size(), 500U);
  EXPECT_EQ(train(world()), expected);
}

}  // namespace
}  // namespace pushcart::user_knn_test
