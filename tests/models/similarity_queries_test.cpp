#include <gtest/gtest.h>

#include <set>

#include "models/similarity_reference.hpp"
#include "pushcart/base/error.hpp"
#include "support/random_searches.hpp"
#include "support/world.hpp"

namespace pushcart::similarity_queries_test {
namespace {

using test::DenseSide;
using test::DenseSimilarity;
using test::world;

constexpr Count num_users = 60, num_items = 25, num_queries = 19;

Dataset dataset_with_searches(const Communicator& comm) {
  Dataset dataset = test::small_dataset(
      comm,
      {.num_users = num_users, .num_items = num_items, .density = 0.3, .seed = 9, .types = {"view", "buy"}});
  test::add_searches(comm, dataset, num_queries, 9);
  return dataset;
}

DenseSide empty_side(Count num_rows) {
  DenseSide side{num_rows, num_users, {}, {}, {}};
  const auto size = static_cast<std::size_t>(num_rows * num_users);
  side.value.assign(size, 0);
  side.has.assign(size, 0);
  side.time.assign(size, 0);
  return side;
}

void put(DenseSide& side, Count row, Count user, std::int64_t time) {
  side.value[side.at(row, user)] = 1;
  side.has[side.at(row, user)] = 1;
  side.time[side.at(row, user)] = std::max(side.time[side.at(row, user)], time);
}

DenseSide who_searched(const Dataset& dataset) {
  DenseSide side = empty_side(num_queries);
  for (const auto& search : test::all_searches(world(), dataset))
    put(side, search.query, search.user, search.time);
  return side;
}

DenseSide who_bought(const Dataset& dataset) {
  DenseSide side = empty_side(num_items);
  for (const auto& act : test::all_acts(world(), dataset))
    if (act.type == 1) put(side, act.item, act.user, act.time);
  return side;
}

Count size_of(const DenseSide& side, Count row) {
  Count size = 0;
  for (Count user = 0; user < num_users; ++user) size += side.has[side.at(row, user)];
  return size;
}

void expect_matches_dense(const Dataset& dataset, const SimilarityConfig& config) {
  const DenseSide searched = who_searched(dataset), bought = who_bought(dataset);
  const DenseSimilarity reference(searched, bought, config);
  PhaseLog phases;
  const Neighbours found = items_of_queries(world(), dataset, config, phases);
  EXPECT_EQ(found.rows.begin, dataset.searches->queries.range(world().rank()).begin);
  EXPECT_EQ(found.num_inner, num_users);
  Count num_found = 0;
  for (Count row = 0; row < found.rows.size(); ++row) {
    const Count query = found.rows.begin + row;
    std::vector<double> expected;
    for (Count item = 0; item < num_items; ++item)
      if (reference.score(query, item) > 1e-7) expected.push_back(reference.score(query, item));
    std::sort(expected.rbegin(), expected.rend());
    expected.resize(std::min(expected.size(), static_cast<std::size_t>(config.k)));
    const auto first = static_cast<std::size_t>(found.offsets[static_cast<std::size_t>(row)]);
    EXPECT_EQ(found.offsets[static_cast<std::size_t>(row) + 1] - found.offsets[static_cast<std::size_t>(row)],
              static_cast<Count>(expected.size()));
    EXPECT_EQ(found.row_sizes[static_cast<std::size_t>(row)], size_of(searched, query));
    for (std::size_t n = 0; n < expected.size() && first + n < found.columns.size(); ++n, ++num_found) {
      const Count item = found.columns[first + n];
      EXPECT_NEAR(static_cast<double>(found.scores[first + n]), expected[n], 1e-5 * (1 + expected[n]));
      EXPECT_NEAR(static_cast<double>(found.scores[first + n]), reference.score(query, item),
                  1e-5 * (1 + expected[n]));
      EXPECT_EQ(static_cast<double>(found.support[first + n]), reference.count(query, item));
      EXPECT_EQ(found.column_sizes[first + n], size_of(bought, item));
    }
  }
  EXPECT_GT(world().sum(num_found), 20);
}

TEST(SimilarityOfQueries, MatchesTheDenseFormula) {
  const Dataset dataset = dataset_with_searches(world());
  for (const auto metric : {SimilarityMetric::cosine, SimilarityMetric::jaccard, SimilarityMetric::llr}) {
    for (const double window_days : {0.0, 0.4}) {
      SCOPED_TRACE(std::string(similarity_metric_name(metric)) +
                   " within days: " + std::to_string(window_days));
      SimilarityConfig config{
          .metric = metric, .k = 7, .support = SupportColumn::wanted, .block_columns = 11};
      config.to_events = {"buy"};
      config.window_days = window_days;
      expect_matches_dense(dataset, config);
    }
  }
}

TEST(SimilarityOfQueries, IsTheSameBitsOnAnyRanks) {
  const Communicator self = world().split(world().rank(), 0);
  SimilarityConfig config{.metric = SimilarityMetric::cosine, .k = 5};
  PhaseLog phases;
  const Neighbours whole = items_of_queries(self, dataset_with_searches(self), config, phases);
  const Neighbours mine = items_of_queries(world(), dataset_with_searches(world()), config, phases);
  EXPECT_EQ(test::all_rows(world(), mine.columns), whole.columns);
  EXPECT_EQ(test::all_rows(world(), mine.scores), whole.scores);
}

TEST(SimilarityOfQueries, RefusesWhatMakesNoSense) {
  Dataset dataset = dataset_with_searches(world());
  PhaseLog phases;
  const auto refused = [&](const SimilarityConfig& config) {
    EXPECT_ANY_THROW(items_of_queries(world(), dataset, config, phases));
  };
  refused({.metric = SimilarityMetric::tfidf, .k = 5});
  refused({.metric = SimilarityMetric::cosine, .values = SimilarityValues::as_is, .k = 5});
  refused({.metric = SimilarityMetric::cosine, .k = 5, .from_events = {"view"}});
  refused({.metric = SimilarityMetric::cosine, .k = num_items + 1});
  dataset.searches.reset();
  refused({.metric = SimilarityMetric::cosine, .k = 5});
}

}  // namespace
}  // namespace pushcart::similarity_queries_test
