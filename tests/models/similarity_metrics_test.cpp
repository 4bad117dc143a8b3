#include <gtest/gtest.h>

#include <numeric>

#include "models/similarity_reference.hpp"
#include "support/world.hpp"

namespace pushcart::similarity_metrics_test {
namespace {

using test::DensePair;
using test::DenseSimilarity;
using test::world;

enum class Of : int { items, users };

/// Neighbours of all rows, on every rank, with list ends by row.
struct WholeLists {
  std::vector<Count> lengths, columns, support;
  std::vector<float> scores;
};

WholeLists whole(const Communicator& comm, const Neighbours& mine) {
  std::vector<Count> lengths;
  for (std::size_t row = 1; row < mine.offsets.size(); ++row)
    lengths.push_back(mine.offsets[row] - mine.offsets[row - 1]);
  return {test::all_rows(comm, lengths), test::all_rows(comm, mine.columns),
          test::all_rows(comm, mine.support), test::all_rows(comm, mine.scores)};
}

WholeLists nearest(const Dataset& dataset, const SimilarityConfig& config, Of of) {
  PhaseLog phases;
  return whole(world(), of == Of::items ? nearest_items(world(), dataset, config, phases)
                                        : nearest_users(world(), dataset, config, phases));
}

/// Every row's list holds the columns with the largest reference scores above 0, in that order (near ties
/// either way).
void expect_best(const WholeLists& lists, const DenseSimilarity& reference, Count num_rows, Count k,
                 bool has_support) {
  ASSERT_EQ(static_cast<Count>(lists.lengths.size()), num_rows);
  std::size_t next = 0;
  for (Count j = 0; j < num_rows; ++j) {
    std::vector<double> expected;
    for (Count i = 0; i < num_rows; ++i) {
      const double score = i == j ? 0 : reference.score(j, i);
      if (score > 1e-7) expected.push_back(score);
    }
    std::sort(expected.rbegin(), expected.rend());
    if (static_cast<Count>(expected.size()) > k) expected.resize(static_cast<std::size_t>(k));
    ASSERT_EQ(lists.lengths[static_cast<std::size_t>(j)], static_cast<Count>(expected.size())) << "row " << j;
    for (std::size_t n = 0; n < expected.size(); ++n, ++next) {
      const Count i = lists.columns[next];
      EXPECT_NE(i, j);
      const double tolerance = 2e-6 + 2e-5 * expected[n];
      EXPECT_NEAR(static_cast<double>(lists.scores[next]), expected[n], tolerance)
          << "row " << j << " place " << n;
      EXPECT_NEAR(static_cast<double>(lists.scores[next]), reference.score(j, i), tolerance) << "row " << j;
      if (has_support) {
        EXPECT_EQ(static_cast<double>(lists.support[next]), reference.count(j, i));
      }
      if (n > 0) {
        const bool in_order = lists.scores[next - 1] > lists.scores[next] ||
                              (lists.scores[next - 1] == lists.scores[next] && lists.columns[next - 1] < i);
        EXPECT_TRUE(in_order) << "row " << j << " place " << n;
      }
    }
  }
  EXPECT_EQ(next, lists.columns.size());
}

std::vector<DensePair> dense_pairs(const Dataset& dataset) {
  std::vector<DensePair> pairs;
  for (const auto& pair : test::all_pairs(world(), dataset)) {
    pairs.push_back({pair.user, pair.item, static_cast<double>(pair.value), pair.last_time});
  }
  return pairs;
}

void expect_matches_dense(const Dataset& dataset, const SimilarityConfig& config) {
  SCOPED_TRACE(std::string(similarity_metric_name(config.metric)) + ", values " +
               std::string(similarity_values_name(config.values)) + ", k " + std::to_string(config.k));
  const auto pairs = dense_pairs(dataset);
  for (const Of of : {Of::items, Of::users}) {
    SCOPED_TRACE(of == Of::items ? "items" : "users");
    const auto side = test::dense_side(pairs, dataset.num_users(), dataset.num_items(), of == Of::items);
    expect_best(nearest(dataset, config, of), DenseSimilarity(side, side, config), side.num_rows, config.k,
                config.support == SupportColumn::wanted);
  }
}

constexpr SimilarityMetric all_metrics[] = {
    SimilarityMetric::cosine,   SimilarityMetric::jaccard, SimilarityMetric::tanimoto,
    SimilarityMetric::tfidf,    SimilarityMetric::bm25,    SimilarityMetric::llr,
    SimilarityMetric::adjusted, SimilarityMetric::pearson, SimilarityMetric::rp3beta};

bool of_ratings(SimilarityMetric metric) {
  return metric == SimilarityMetric::adjusted || metric == SimilarityMetric::pearson;
}

class Metric : public testing::TestWithParam<SimilarityMetric> {};

TEST_P(Metric, MatchesTheDenseFormula) {
  const ValueKind kind = of_ratings(GetParam()) ? ValueKind::rating : ValueKind::strength;
  const Dataset dataset = test::small_dataset(world(), {.seed = 3, .value_kind = kind});
  SimilarityConfig config{.metric = GetParam(), .k = 6, .alpha = 0.8, .beta = 0.4};
  for (const SimilarityValues values : {SimilarityValues::binary, SimilarityValues::as_is}) {
    config.values = values;
    config.exponent = values == SimilarityValues::binary ? 0.5 : 0.3;
    config.shrinkage = 0;
    config.min_support = 1;
    config.support = SupportColumn::none;
    expect_matches_dense(dataset, config);
    config.k = 29;
    config.shrinkage = 2.5;
    config.min_support = 3;
    config.support = SupportColumn::wanted;
    expect_matches_dense(dataset, config);
  }
}

INSTANTIATE_TEST_SUITE_P(Similarity, Metric, testing::ValuesIn(all_metrics), [](const auto& metric) {
  return std::string(similarity_metric_name(metric.param));
});

TEST(Similarity, ComparesLongDenseRows) {
  // 300 users of an item: more than a byte counts.
  const Dataset dataset =
      test::small_dataset(world(), {.num_users = 330, .num_items = 70, .density = 0.6, .seed = 8});
  for (const auto metric : {SimilarityMetric::cosine, SimilarityMetric::jaccard, SimilarityMetric::llr}) {
    const auto side = test::dense_side(dense_pairs(dataset), 330, 70, true);
    const SimilarityConfig config{.metric = metric, .k = 5, .support = SupportColumn::wanted};
    expect_best(nearest(dataset, config, Of::items), DenseSimilarity(side, side, config), 70, 5, true);
  }
}

/// Pairs that have an event of the type, each worth its strength.
std::vector<DensePair> pairs_with(const Dataset& dataset, const std::string& type) {
  std::vector<DensePair> mine;
  for (const EventColumn& events : dataset.events) {
    if (events.type != type) continue;
    for (Count row = 0; row < dataset.by_user.num_rows(); ++row) {
      for (auto at = static_cast<std::size_t>(dataset.by_user.offsets[static_cast<std::size_t>(row)]);
           at < static_cast<std::size_t>(dataset.by_user.offsets[static_cast<std::size_t>(row) + 1]); ++at) {
        if (events.strength[at] == 0) continue;
        mine.push_back({dataset.by_user.rows.begin + row, dataset.by_user.columns[at],
                        static_cast<double>(events.strength[at]), events.last_time[at]});
      }
    }
  }
  return test::all_rows(world(), mine);
}

TEST(Similarity, GoesFromOneEventTypeToAnotherWithinAWindow) {
  const Dataset dataset =
      test::small_dataset(world(), {.density = 0.3, .seed = 5, .types = {"buy", "view"}, .has_times = true});
  for (const double days : {0.0, 20.0}) {
    for (const auto metric : {SimilarityMetric::cosine, SimilarityMetric::tfidf, SimilarityMetric::llr,
                              SimilarityMetric::bm25, SimilarityMetric::rp3beta}) {
      for (const auto values : {SimilarityValues::binary, SimilarityValues::as_is}) {
        SimilarityConfig config{.metric = metric, .values = values, .k = 7};
        config.from_events = {"view"};
        config.to_events = {"buy"};
        config.window_days = days;
        SCOPED_TRACE(std::string(similarity_metric_name(metric)) + ", days " + std::to_string(days));
        const auto left = test::dense_side(pairs_with(dataset, "view"), 40, 30, true);
        const auto right = test::dense_side(pairs_with(dataset, "buy"), 40, 30, true);
        expect_best(nearest(dataset, config, Of::items), DenseSimilarity(left, right, config), 30, 7, false);
      }
    }
  }
}

TEST(Similarity, TakesEitherOrderWithinAWindowOfTheSameEvents) {
  const Dataset dataset = test::small_dataset(world(), {.density = 0.3, .seed = 6, .has_times = true});
  for (const auto metric : {SimilarityMetric::cosine, SimilarityMetric::tfidf}) {
    SimilarityConfig config{.metric = metric, .k = 29, .shrinkage = 1, .support = SupportColumn::wanted};
    config.window_days = 15;
    const auto side = test::dense_side(dense_pairs(dataset), 40, 30, true);
    expect_best(nearest(dataset, config, Of::items), DenseSimilarity(side, side, config), 30, 29, true);
  }
}

TEST(Similarity, TurnsSidesRound) {
  const Dataset dataset = test::small_dataset(world(), {.density = 0.3, .seed = 7});
  SimilarityConfig config{.metric = SimilarityMetric::rp3beta, .values = SimilarityValues::as_is, .k = 30};
  const auto forward = nearest(dataset, config, Of::items);
  config.row_side = RowSide::to;
  const auto backward = nearest(dataset, config, Of::items);
  const auto dense = [](const WholeLists& lists, bool transposed) {
    std::vector<double> scores(30 * 30, 0);
    std::size_t next = 0;
    for (std::size_t row = 0; row < 30; ++row) {
      for (Count n = 0; n < lists.lengths[row]; ++n, ++next) {
        const auto column = static_cast<std::size_t>(lists.columns[next]);
        scores[transposed ? column * 30 + row : row * 30 + column] = static_cast<double>(lists.scores[next]);
      }
    }
    return scores;
  };
  const auto a = dense(forward, false), b = dense(backward, true);
  EXPECT_GT(std::accumulate(a.begin(), a.end(), 0.0), 1.0);
  for (std::size_t at = 0; at < a.size(); ++at) EXPECT_NEAR(a[at], b[at], 1e-6);
}

}  // namespace
}  // namespace pushcart::similarity_metrics_test
