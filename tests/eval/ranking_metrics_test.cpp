#include "pushcart/eval/ranking_metrics.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "pushcart/base/error.hpp"

namespace pushcart::test {
namespace {

RankingMetrics metrics_of(std::vector<Count> list, std::vector<Count> relevant, Count n) {
  return ranking_metrics(list, relevant, n);
}

void expect_metrics(const RankingMetrics& m, double recall, double precision, double ndcg, double map,
                    double mrr, double hit_rate) {
  EXPECT_DOUBLE_EQ(m.recall, recall);
  EXPECT_DOUBLE_EQ(m.precision, precision);
  EXPECT_DOUBLE_EQ(m.ndcg, ndcg);
  EXPECT_DOUBLE_EQ(m.map, map);
  EXPECT_DOUBLE_EQ(m.mrr, mrr);
  EXPECT_DOUBLE_EQ(m.hit_rate, hit_rate);
}

const double log3 = std::log2(3.0);

TEST(RankingMetrics, OfACaseWorkedByHand) {
  // Places:        1  2  3  4  5 ; hits at 2 and 5; T = {1, 4, 8}.
  // DCG = 1/log2(3) + 1/log2(6); ideal = 1/log2(2) + 1/log2(3) + 1/log2(4); AP = (1/2 + 2/5) / 3.
  expect_metrics(metrics_of({9, 4, 7, 3, 1}, {1, 4, 8}, 5), 2.0 / 3, 2.0 / 5,
                 (1 / log3 + 1 / (1 + log3)) / (1 + 1 / log3 + 0.5), 0.9 / 3, 0.5, 1);
}

TEST(RankingMetrics, LookAtTheFirstPlacesOnly) {
  // The first two places: one hit at place 2, at most two are possible.
  expect_metrics(metrics_of({9, 4, 7, 3, 1}, {1, 4, 8}, 2), 1.0 / 3, 1.0 / 2, (1 / log3) / (1 + 1 / log3),
                 0.5 / 2, 0.5, 1);
  expect_metrics(metrics_of({9, 4, 7, 3, 1}, {1, 4, 8}, 1), 0, 0, 0, 0, 0, 0);
}

TEST(RankingMetrics, AreOneForAPerfectList) {
  expect_metrics(metrics_of({5, 2, 8}, {2, 5, 8}, 3), 1, 1, 1, 1, 1, 1);
  expect_metrics(metrics_of({5, 2, 8}, {2, 5, 8, 10, 11}, 3), 3.0 / 5, 1, 1, 1, 1,
                 1);  // more relevant than places
}

TEST(RankingMetrics, CountMissingPlacesAsNoHits) {
  expect_metrics(metrics_of({5}, {5, 6}, 10), 0.5, 0.1, 1 / (1 + 1 / log3), 0.5, 1, 1);
  expect_metrics(metrics_of({}, {5}, 10), 0, 0, 0, 0, 0, 0);
}

TEST(RankingMetrics, NeedSomethingToFind) {
  EXPECT_THROW(metrics_of({1}, {}, 3), InternalError);
}

}  // namespace
}  // namespace pushcart::test
