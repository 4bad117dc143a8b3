#include "models/als/biases.hpp"

#include <gtest/gtest.h>

#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::als::als_biases_test {
namespace {

using test::world;

/// The same alternation on the list of all ratings, in double.
struct DenseBiases {
  double mean = 0;
  std::vector<double> users, items;
};

DenseBiases dense_biases(const std::vector<Interaction>& pairs, std::size_t num_users, std::size_t num_items,
                         double strength, int passes) {
  DenseBiases biases{0, std::vector<double>(num_users, 0), std::vector<double>(num_items, 0)};
  for (const Interaction& pair : pairs) biases.mean += static_cast<double>(pair.value);
  if (!pairs.empty()) biases.mean /= static_cast<double>(pairs.size());
  const auto half_pass = [&](std::vector<double>& solved, const std::vector<double>& fixed,
                             Count Interaction::*row, Count Interaction::*column) {
    std::vector<double> sums(solved.size(), 0), counts(solved.size(), 0);
    for (const Interaction& pair : pairs) {
      const auto r = static_cast<std::size_t>(pair.*row);
      sums[r] +=
          static_cast<double>(pair.value) - biases.mean - fixed[static_cast<std::size_t>(pair.*column)];
      counts[r] += 1;
    }
    for (std::size_t r = 0; r < sums.size(); ++r)
      solved[r] = counts[r] > 0 ? sums[r] / (counts[r] + strength) : 0;
  };
  for (int pass = 0; pass < passes; ++pass) {
    half_pass(biases.items, biases.users, &Interaction::item, &Interaction::user);
    half_pass(biases.users, biases.items, &Interaction::user, &Interaction::item);
  }
  return biases;
}

Dataset some_ratings() {
  test::SmallDataset shape;
  shape.density = 0.3;
  shape.value_kind = ValueKind::rating;
  return test::small_dataset(world(), shape);
}

class Rated {
 public:
  explicit Rated(const Dataset& dataset)
      : user_rows_(dataset.by_user),
        item_rows_(dataset.by_item),
        users_exchange_(world(), user_rows_, dataset.items, in_small_batches),
        items_exchange_(world(), item_rows_, dataset.users, in_small_batches),
        users{dataset.by_user, dataset.by_user.values, users_exchange_, dataset.num_users()},
        items{dataset.by_item, dataset.by_item.values, items_exchange_, dataset.num_items()} {}

 private:
  static inline const ExchangeSettings in_small_batches{ExchangeMethod::stream, Overlap::on, sizeof(float),
                                                        64};
  const WorkRows user_rows_, item_rows_;
  FactorExchange users_exchange_, items_exchange_;

 public:
  const RatingSide users, items;
};

TEST(Biases, EqualThePlainAlternation) {
  const Dataset dataset = some_ratings();
  Rated rated(dataset);
  for (const int passes : {0, 1, 6}) {
    const Biases found = fit_biases(world(), rated.users, rated.items, 2.5, passes);
    const DenseBiases expected = dense_biases(test::all_pairs(world(), dataset), 40, 30, 2.5, passes);
    EXPECT_NEAR(found.mean, expected.mean, 1e-12);
    const auto users = test::all_rows(world(), found.users), items = test::all_rows(world(), found.items);
    for (std::size_t u = 0; u < 40; ++u) EXPECT_NEAR(users[u], expected.users[u], 1e-6);
    for (std::size_t i = 0; i < 30; ++i) EXPECT_NEAR(items[i], expected.items[i], 1e-6);
  }
}

TEST(Biases, ResidualsAreTheSameBitsOnBothSides) {
  const Dataset dataset = some_ratings();
  Rated rated(dataset);
  const Biases biases = fit_biases(world(), rated.users, rated.items, 1, 3);
  const auto by_user = rating_residuals(rated.users, biases.mean, biases.users, biases.items);
  const auto by_item = rating_residuals(rated.items, biases.mean, biases.items, biases.users);
  const auto users = test::all_rows(world(), biases.users), items = test::all_rows(world(), biases.items);
  const auto gather = [&](const SparseRows& rows, const std::vector<float>& residuals, bool transposed) {
    std::vector<Interaction> pairs;
    for (Count row = 0; row < rows.num_rows(); ++row) {
      for (Count entry = rows.offsets[static_cast<std::size_t>(row)];
           entry < rows.offsets[static_cast<std::size_t>(row) + 1]; ++entry) {
        const Count column = rows.columns[static_cast<std::size_t>(entry)], global = rows.rows.begin + row;
        pairs.push_back({transposed ? column : global, transposed ? global : column, 0,
                         residuals[static_cast<std::size_t>(entry)]});
      }
    }
    auto all = world().allgather(std::span<const Interaction>(pairs)).data;
    std::sort(all.begin(), all.end(), [](const Interaction& a, const Interaction& b) {
      return std::pair{a.user, a.item} < std::pair{b.user, b.item};
    });
    return all;
  };
  const auto left = gather(dataset.by_user, by_user, false), right = gather(dataset.by_item, by_item, true);
  const auto ratings = test::all_pairs(world(), dataset);
  ASSERT_EQ(left.size(), right.size());
  ASSERT_EQ(left.size(), ratings.size());
  for (std::size_t n = 0; n < left.size(); ++n) {
    EXPECT_EQ(left[n].value, right[n].value);
    const double expected = static_cast<double>(ratings[n].value) - biases.mean -
                            static_cast<double>(users[static_cast<std::size_t>(ratings[n].user)]) -
                            static_cast<double>(items[static_cast<std::size_t>(ratings[n].item)]);
    EXPECT_NEAR(left[n].value, expected, 1e-6);
  }
}

TEST(Biases, NoRatingsAtAllGiveZero) {
  const Dataset dataset = test::dataset_of(world(), 2, 2, {}, ValueKind::rating);
  Rated rated(dataset);
  const Biases biases = fit_biases(world(), rated.users, rated.items, 0, 2);
  EXPECT_EQ(biases.mean, 0);
  for (float bias : test::all_rows(world(), biases.users)) EXPECT_EQ(bias, 0.0F);
}

}  // namespace
}  // namespace pushcart::als::als_biases_test
