#include "pushcart/models/text_vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <omp.h>

#include "content_reference.hpp"
#include "pushcart/base/error.hpp"

namespace pushcart::test::text_vectors_test {
namespace {

using Eigen::MatrixXd;
using testing::HasSubstr;

/// Every seventh item has no tags.
TextVectorsConfig by_tags() {
  TextVectorsConfig config;
  config.terms.fields = {{TextKind::tags, "tags"}};
  config.dimensions = 5;
  config.svd.tolerance = 1e-5;
  config.svd.max_rounds = 100;
  return config;
}

TextVectors make(const Communicator& comm, const Dataset& dataset, const TextVectorsConfig& config) {
  PhaseLog phases;
  return text_vectors(comm, dataset, config, phases);
}

/// U S of a dense decomposition in double, signs as TextVectorsConfig says.
MatrixXd dense_vectors(const MatrixXd& terms, Eigen::Index dimensions) {
  const Eigen::JacobiSVD<MatrixXd> svd(terms, Eigen::ComputeThinU);
  EXPECT_GT(svd.singularValues()(dimensions - 1), 1.02 * svd.singularValues()(dimensions))
      << "no gap: the test cannot tell";
  MatrixXd vectors = svd.matrixU().leftCols(dimensions) * svd.singularValues().head(dimensions).asDiagonal();
  for (auto column : vectors.colwise()) {
    Eigen::Index largest = 0;
    for (Eigen::Index row = 1; row < column.size(); ++row) {
      if (std::abs(column(row)) > std::abs(column(largest)) + 1e-9) largest = row;
    }
    if (column(largest) < 0) column = -column;
  }
  return vectors;
}

void expect_close_columns(const MatrixXd& found, const MatrixXd& expected, double tolerance) {
  ASSERT_EQ(found.cols(), expected.cols());
  for (Eigen::Index c = 0; c < found.cols(); ++c)
    EXPECT_LT((found.col(c) - expected.col(c)).cwiseAbs().maxCoeff(), tolerance) << "column " << c;
}

TEST(TextVectors, AreThoseOfADenseDecomposition) {
  const auto config = by_tags();
  const auto text = make(world(), content_dataset(world()), config);
  const MatrixXd terms = field_matrix(tag_frequencies(), 0.5, 1, 2, 1);
  EXPECT_EQ(text.num_terms, terms.cols());
  const MatrixXd expected = dense_vectors(terms, config.dimensions);
  expect_close_columns(whole_table(world(), text.vectors), expected, 2e-4);

  const Eigen::JacobiSVD<MatrixXd> svd(terms);
  ASSERT_EQ(text.singular_values.size(), 5U);
  for (std::size_t n = 0; n < 5; ++n)
    EXPECT_NEAR(text.singular_values[n], svd.singularValues()(static_cast<Eigen::Index>(n)), 1e-4);
  EXPECT_NEAR(text.kept_share_of_all, expected.squaredNorm() / terms.squaredNorm(), 1e-4);
  const auto shares = world().allgather(std::span<const double>(text.kept_share)).data;
  Count num_without = 0;
  for (Eigen::Index item = 0; item < content_items; ++item) {
    const double share = shares[static_cast<std::size_t>(item)];
    EXPECT_EQ(std::isnan(share), tags_of(item).empty()) << item;
    if (std::isnan(share)) {
      ++num_without;
      EXPECT_EQ(terms.row(item).norm(), 0);
    } else {
      EXPECT_NEAR(share, expected.row(item).squaredNorm(), 1e-4) << item;
    }
  }
  EXPECT_EQ(text.num_items_without, num_without);
}

TEST(TextVectors, HaveFieldsByTheirWeights) {
  auto config = by_tags();
  config.terms.fields = {{TextKind::tags, "tags", 3}, {TextKind::words, "name", 1}};
  config.terms.tf_exponent = 1;
  config.dimensions = 3;
  const MatrixXd tags = field_matrix(tag_frequencies(), 1, 1, 2, 0.75);
  const MatrixXd words = field_matrix(word_frequencies(), 1, 1, 2, 0.25);
  MatrixXd terms(content_items, tags.cols() + words.cols());
  terms << tags, words;
  const auto text = make(world(), content_dataset(world()), config);
  expect_close_columns(whole_table(world(), text.vectors), dense_vectors(terms, 3), 2e-4);
}

TEST(TextVectors, AreZeroBeyondTheRankAndWithoutTerms) {
  auto config = by_tags();
  config.dimensions = 40;
  const auto text = make(world(), content_dataset(world()), config);
  const MatrixXd vectors = whole_table(world(), text.vectors);
  ASSERT_EQ(vectors.cols(), 40);
  EXPECT_NEAR(text.kept_share_of_all, 1, 1e-5);
  EXPECT_EQ(vectors.rightCols(26).cwiseAbs().maxCoeff(), 0);
  EXPECT_LE(text.singular_values.size(), 14U);

  config.terms.min_items = content_items + 1;
  const auto none = make(world(), content_dataset(world()), config);
  EXPECT_EQ(none.num_terms, 0);
  EXPECT_EQ(none.num_items_without, content_items);
  EXPECT_EQ(whole_table(world(), none.vectors).cwiseAbs().maxCoeff(), 0);
}

TEST(TextVectors, HaveTheSameBitsOnAnyRanksAndThreads) {
  TextVectorsConfig config;  // words and n-grams of names
  config.dimensions = 4;
  const auto one = world().split(world().rank(), 0);
  const auto alone = make(one, content_dataset(one), config);
  config.svd.batch_bytes = 1;
  omp_set_num_threads(2);
  const auto together = make(world(), content_dataset(world()), config);
  omp_set_num_threads(1);
  EXPECT_EQ(all_rows(world(), together.vectors.values), alone.vectors.values);
  EXPECT_EQ(all_rows(world(), together.kept_share), alone.kept_share);
  EXPECT_EQ(together.singular_values, alone.singular_values);
  EXPECT_EQ(together.kept_share_of_all, alone.kept_share_of_all);
}

TEST(TextVectors, RefuseSettingsWithoutSense) {
  const Dataset dataset = content_dataset(world());
  const auto refuse = [&](const std::string& words, auto&& change) {
    auto config = by_tags();
    change(config);
    try {
      make(world(), dataset, config);
      ADD_FAILURE() << words;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(words));
    }
  };
  refuse("--text-vectors", [](TextVectorsConfig& c) { c.dimensions = 0; });
  refuse("did you mean 'tags'", [](TextVectorsConfig& c) { c.terms.fields.front().column = "tag"; });
  refuse("all their weights are 0", [](TextVectorsConfig& c) { c.terms.fields.front().weight = 0; });
  refuse("--min-items", [](TextVectorsConfig& c) { c.terms.min_items = 0; });
  refuse("--tolerance", [](TextVectorsConfig& c) { c.svd.tolerance = 0; });
  refuse("--max-rounds", [](TextVectorsConfig& c) { c.svd.max_rounds = 0; });
  refuse("memory", [](TextVectorsConfig& c) { c.svd.memory_budget_bytes = 1000; });
}

}  // namespace
}  // namespace pushcart::test::text_vectors_test
