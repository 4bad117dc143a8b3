#include "pushcart/models/category_vectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <omp.h>

#include <cstring>

#include "content_reference.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/matrix/categories.hpp"

namespace pushcart::test::category_vectors_test {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using testing::HasSubstr;

/// How many events stand for a pair.
double events_of(Count user, Count item) {
  return static_cast<double>(1 + (user + item) % 3);
}

/// Every seventh item has no tags, and nobody has an event on the items with this one.
bool has_events(Count item) {
  const auto tags = tags_of(item);
  return !tags.empty() && std::find(tags.begin(), tags.end(), "tag 5") == tags.end();
}

/// A data set, and who has how many events on items with which text of tags.
struct Shop {
  Dataset dataset;
  Categories categories;
  SparseRows events;
};

Shop make_shop(const Communicator& comm) {
  Shop shop{content_dataset(comm), {}, {}};
  shop.categories = categories_of(comm, shop.dataset, "tags");
  const auto text_of_item = all_rows(comm, shop.categories.of_item);
  const auto pairs = all_pairs(comm, shop.dataset);
  shop.events.rows = shop.dataset.users.range(comm.rank());
  shop.events.num_columns = shop.categories.partition.num_rows();
  for (Count user = shop.events.rows.begin; user < shop.events.rows.end; ++user) {
    std::map<Count, double> of_text;
    for (const Interaction& pair : pairs) {
      if (pair.user == user && has_events(pair.item))
        of_text[text_of_item[static_cast<std::size_t>(pair.item)]] += events_of(user, pair.item);
    }
    for (const auto& [text, count] : of_text) {
      shop.events.columns.push_back(text);
      shop.events.values.push_back(static_cast<float>(count));
    }
    shop.events.offsets.push_back(static_cast<Count>(shop.events.columns.size()));
  }
  return shop;
}

CategoryVectorsConfig by_tags(Count dimensions) {
  CategoryVectorsConfig config;
  config.attribute = "tags";
  config.dimensions = dimensions;
  config.svd.tolerance = 1e-5;
  config.svd.max_rounds = 100;
  return config;
}

CategoryVectors make(const Communicator& comm, const Shop& shop, const CategoryVectorsConfig& config) {
  PhaseLog phases;
  return category_vectors(comm, shop.dataset, {shop.events, shop.categories.partition, shop.categories.names},
                          config, phases);
}

/// By the formulas, in double.
struct Reference {
  std::map<std::string, Index> column;      ///< of each category with events
  std::map<std::string, double> num_items;  ///< of each category
  MatrixXd weights;                         ///< M: users x categories with events

  explicit Reference(const Dataset& dataset) {
    Frequencies users(static_cast<std::size_t>(dataset.num_users()));
    for (const Interaction& pair : all_pairs(world(), dataset)) {
      if (!has_events(pair.item)) continue;
      for (const auto& tag : tags_of(pair.item))
        users[static_cast<std::size_t>(pair.user)][tag] += events_of(pair.user, pair.item);
    }
    std::map<std::string, double> num_users;
    for (const auto& user : users) {
      for (const auto& [tag, count] : user) num_users[tag] += 1;
    }
    for (const auto& [tag, count] : num_users) column.emplace(tag, static_cast<Index>(column.size()));
    for (Count item = 0; item < content_items; ++item) {
      for (const auto& tag : tags_of(item)) num_items[tag] += 1;
    }
    const auto total = static_cast<double>(users.size());
    weights = MatrixXd::Zero(static_cast<Index>(users.size()), static_cast<Index>(column.size()));
    for (std::size_t u = 0; u < users.size(); ++u) {
      auto row = weights.row(static_cast<Index>(u));
      for (const auto& [tag, count] : users[u])
        row(column.at(tag)) = std::sqrt(count) * std::log((2 + total) / (1 + num_users.at(tag)));
      if (row.norm() > 0) row.normalize();
    }
  }

  /// A row an item; NaN without a category that has events.
  MatrixXd item_vectors(Index dimensions) const {
    const Eigen::JacobiSVD<MatrixXd> svd(weights, Eigen::ComputeThinV);
    const Index rank = std::min(dimensions, weights.cols());
    if (rank < weights.cols()) {
      EXPECT_GT(svd.singularValues()(rank - 1), 1.02 * svd.singularValues()(rank)) << "no gap";
    }
    MatrixXd vectors = MatrixXd::Zero(weights.cols(), dimensions);
    vectors.leftCols(rank) =
        svd.matrixV().leftCols(rank) * svd.singularValues().head(rank).cwiseSqrt().asDiagonal();
    for (auto each : vectors.colwise()) {
      Index largest = 0;
      each.cwiseAbs().maxCoeff(&largest);
      if (each(largest) < 0) each = -each;
    }
    vectors.rowwise().normalize();
    MatrixXd items = MatrixXd::Zero(content_items, dimensions);
    for (Count item = 0; item < content_items; ++item) {
      double sum = 0;
      for (const auto& tag : tags_of(item)) {
        if (!column.contains(tag)) continue;
        const double weight = std::pow(std::log((2.0 + content_items) / (1 + num_items.at(tag))), 2);
        items.row(item) += weight * vectors.row(column.at(tag));
        sum += weight;
      }
      items.row(item) /= sum;
    }
    return items;
  }
};

void expect_close(const MatrixXd& found, const MatrixXd& expected, double tolerance) {
  ASSERT_EQ(found.rows(), expected.rows());
  ASSERT_EQ(found.cols(), expected.cols());
  for (Index row = 0; row < found.rows(); ++row) {
    for (Index c = 0; c < found.cols(); ++c) {
      EXPECT_EQ(std::isnan(found(row, c)), std::isnan(expected(row, c))) << row;
      if (!std::isnan(expected(row, c))) {
        EXPECT_NEAR(found(row, c), expected(row, c), tolerance) << row << ' ' << c;
      }
    }
  }
}

Count items_without(const MatrixXd& vectors) {
  return static_cast<Count>(vectors.col(0).array().isNaN().count());
}

TEST(CategoryVectors, AreThoseOfADenseDecomposition) {
  const Shop shop = make_shop(world());
  const Reference reference(shop.dataset);
  const auto made = make(world(), shop, by_tags(4));
  const MatrixXd expected = reference.item_vectors(4);
  expect_close(whole_table(world(), made.vectors), expected, 2e-4);
  EXPECT_EQ(made.num_items_without, items_without(expected));
  EXPECT_GT(made.num_items_without, 0);
  EXPECT_LT(reference.column.size(), reference.num_items.size()) << "no category without events";
  EXPECT_EQ(made.num_categories, static_cast<Count>(reference.num_items.size()));
  EXPECT_EQ(made.num_entries, (reference.weights.array() > 0).count());

  const Eigen::JacobiSVD<MatrixXd> svd(reference.weights);
  ASSERT_EQ(made.singular_values.size(), 4U);
  for (Index n = 0; n < 4; ++n)
    EXPECT_NEAR(made.singular_values[static_cast<std::size_t>(n)], svd.singularValues()(n), 1e-4);
  EXPECT_NEAR(made.kept_share, svd.singularValues().head(4).squaredNorm() / reference.weights.squaredNorm(),
              1e-4);
}

TEST(CategoryVectors, AreZeroBeyondTheRank) {
  const Shop shop = make_shop(world());
  const Reference reference(shop.dataset);
  auto config = by_tags(40);
  config.svd.max_rounds = 2;  // the block spans all categories at once
  const auto made = make(world(), shop, config);
  const MatrixXd found = whole_table(world(), made.vectors);
  EXPECT_NEAR(made.kept_share, 1, 1e-5);
  for (Index item = 0; item < found.rows(); ++item) {
    if (!std::isnan(found(item, 0))) {
      EXPECT_EQ(found.row(item).tail(40 - reference.weights.cols()).cwiseAbs().maxCoeff(), 0) << item;
    }
  }
  // Products do not depend on how directions with close singular values are turned.
  const MatrixXd expected = reference.item_vectors(40);
  expect_close(found * found.transpose(), expected * expected.transpose(), 2e-3);
}

TEST(CategoryVectors, AreMissingWithoutEvents) {
  Shop shop = make_shop(world());
  shop.events.columns.clear();
  shop.events.values.clear();
  std::fill(shop.events.offsets.begin(), shop.events.offsets.end(), 0);
  const auto made = make(world(), shop, by_tags(3));
  EXPECT_EQ(made.num_entries, 0);
  EXPECT_EQ(made.num_items_without, content_items);
  EXPECT_EQ(items_without(whole_table(world(), made.vectors)), content_items);
}

TEST(CategoryVectors, HaveTheSameBitsOnAnyRanksAndThreads) {
  auto config = by_tags(6);
  config.svd.tolerance = 1e-3;
  config.svd.max_rounds = 10;
  const auto one = world().split(world().rank(), 0);
  const auto alone = make(one, make_shop(one), config);
  config.svd.batch_bytes = 1;
  omp_set_num_threads(2);
  const auto together = make(world(), make_shop(world()), config);
  omp_set_num_threads(1);
  const auto values = all_rows(world(), together.vectors.values);
  ASSERT_EQ(values.size(), alone.vectors.values.size());
  EXPECT_EQ(std::memcmp(values.data(), alone.vectors.values.data(), values.size() * sizeof(float)), 0);
  EXPECT_EQ(together.singular_values, alone.singular_values);
  EXPECT_EQ(together.kept_share, alone.kept_share);
}

TEST(CategoryVectors, RefuseSettingsWithoutSense) {
  const Shop shop = make_shop(world());
  const auto refuse = [&](const std::string& words, auto&& change) {
    auto config = by_tags(5);
    change(config);
    try {
      make(world(), shop, config);
      ADD_FAILURE() << words;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(words));
    }
  };
  refuse("--category-vectors", [](CategoryVectorsConfig& c) { c.dimensions = 0; });
  refuse("--tag-separator", [](CategoryVectorsConfig& c) { c.separator.clear(); });
  refuse("did you mean 'tags'", [](CategoryVectorsConfig& c) { c.attribute = "tag"; });
  refuse("--tolerance", [](CategoryVectorsConfig& c) { c.svd.tolerance = 0; });
  refuse("memory", [](CategoryVectorsConfig& c) { c.svd.memory_budget_bytes = 1000; });
}

}  // namespace
}  // namespace pushcart::test::category_vectors_test
