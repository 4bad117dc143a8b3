#include "pushcart/topn/top_items.hpp"

#include <gtest/gtest.h>
#include <omp.h>

#include "pushcart/comm/collectively.hpp"
#include "topn/cpu_paths.hpp"
#include "topn/reference.hpp"

namespace pushcart::test {
namespace {

/// More items than a block of the engine holds, so that thresholds of one block meet scores of another.
constexpr Count many_items = 4500;

Dataset wide_dataset(Count num_users, Count num_items) {
  SmallDataset shape;
  shape.num_users = num_users;
  shape.num_items = num_items;
  shape.density = std::min(0.2, 20.0 / static_cast<double>(num_items));
  return small_dataset(world(), shape);
}

void expect_equal(const TopLists& lists, const TopLists& expected) {
  EXPECT_EQ(lists.rows, expected.rows);
  EXPECT_EQ(lists.offsets, expected.offsets);
  EXPECT_EQ(lists.items, expected.items);
  EXPECT_EQ(lists.scores, expected.scores);
  EXPECT_EQ(lists.sources.size(), lists.items.size());
}

void expect_brute_force(const Model& model, const Dataset& dataset, const TopRequest& request) {
  PhaseLog phases;
  const TopLists expected = brute_force(model, dataset, request);
  for (const ScreenChoice& choice : screen_choices()) {
    SCOPED_TRACE(choice.name());
    const ScopedScreen scoped(choice);
    expect_equal(top_items(world(), model, dataset, request, phases), expected);
  }
}

TEST(TopItems, EqualsBruteForceForManyWidthsAndLengths) {
  const Dataset dataset = wide_dataset(37, 600);
  for (Count k : {1, 3, 8, 17, 63, 64, 65, 130}) {
    const Model model = factor_model(dataset, k, normal_cells(1), normal_cells(2));
    for (Count n : {1, 5, 20}) {
      TopRequest request = all_users(dataset, n);
      exclude_seen(dataset, request);
      expect_brute_force(model, dataset, request);
    }
  }
}

/// Only users of the first rank ask, so the others serve nearly all of them in its place.
TEST(TopItems, EqualsBruteForceWhereOneRankHasAllWhoAsk) {
  const Dataset dataset = wide_dataset(150, 600);
  const auto only_first = [&](Count n) {
    TopRequest request = all_users(dataset, n);
    if (!world().is_root()) request.users.clear();
    exclude_seen(dataset, request);
    return request;
  };
  Model model = factor_model(dataset, 16, normal_cells(23), normal_cells(24));
  expect_brute_force(model, dataset, only_first(20));
  set_bias(model, [](Count item) { return static_cast<float>(item % 7); });
  set_weights(model, 0.05, 25);
  expect_brute_force(model, dataset, only_first(20));
  Model linear = model;  // weights without factors
  linear.user_factors = {};
  linear.item_factors = {};
  expect_brute_force(linear, dataset, only_first(5));
}

TEST(TopItems, EqualsBruteForceAcrossBlocks) {
  const Dataset dataset = wide_dataset(150, many_items);
  Model model = factor_model(dataset, 16, normal_cells(3), normal_cells(4));
  TopRequest request = all_users(dataset, 20);
  exclude_seen(dataset, request);
  expect_brute_force(model, dataset, request);
  set_bias(model, [](Count item) { return 3.0F - static_cast<float>(item % 100) * 0.1F; });
  expect_brute_force(model, dataset, request);
}

TEST(TopItems, EqualsBruteForceForRandomShapes) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    SCOPED_TRACE(seed);
    RandomStream random(seed, 77);
    const auto draw = [&](int most) { return static_cast<Count>(1 + random.next_uniform() * most); };
    const Dataset dataset = wide_dataset(draw(50), draw(5000));
    const Count k = draw(90);
    const double spread = random.next_uniform();  // of norms, as a power of the row
    const auto cells = [&](std::uint64_t stream) {
      return [=](Count row, Count column) {
        const double size = std::pow(1.0 + static_cast<double>(row * 7919 % 1009), -spread);
        return static_cast<float>(size * static_cast<double>(normal_cells(stream)(row, column)));
      };
    };
    Model model = factor_model(dataset, k, cells(2 * seed), cells(2 * seed + 1));
    if (seed % 3 == 1) set_bias(model, [](Count item) { return static_cast<float>(item * 31 % 17) - 8.0F; });
    if (seed % 4 == 2) set_weights(model, 0.01, seed);
    TopRequest request = all_users(dataset, draw(60));
    if (seed % 2 == 0) exclude_seen(dataset, request);
    expect_brute_force(model, dataset, request);
  }
}

TEST(TopItems, EqualsBruteForceForLongLists) {
  const Dataset dataset = wide_dataset(9, 33000);  // enough items for a sample to seed such lists
  const Model model = factor_model(dataset, 5, normal_cells(30), normal_cells(31));
  for (const Count n : {100, 1000}) {
    TopRequest request = all_users(dataset, n);
    exclude_seen(dataset, request);
    expect_brute_force(model, dataset, request);
  }
}

TEST(TopItems, SeedsDoNotCountExcludedItems) {
  // The best items of everyone are excluded, nearly as many as a sample has.
  const Dataset dataset = wide_dataset(6, many_items);
  const auto falling = [](Count row, Count column) {
    return column == 0 ? 1.0F - static_cast<float>(row) / 5000.0F : 0.01F * normal_cells(32)(row, column);
  };
  const Model model = factor_model(
      dataset, 8, [](Count, Count column) { return column == 0 ? 1.0F : 0.1F; }, falling);
  TopRequest request = all_users(dataset, 20);
  request.excluded.num_columns = dataset.num_items();
  for (std::size_t user = 0; user < request.users.size(); ++user) {
    for (Count item = 0; item < many_items - 30; ++item) request.excluded.columns.push_back(item);
    request.excluded.offsets.push_back(request.excluded.num_entries());
  }
  request.excluded.rows = {0, static_cast<Count>(request.users.size())};
  request.excluded.values.assign(request.excluded.columns.size(), 1.0F);
  expect_brute_force(model, dataset, request);
}

TEST(TopItems, ReportsWhatScoringCost) {
  const Dataset dataset = wide_dataset(70, many_items);
  const Model model = factor_model(dataset, 32, normal_cells(33), normal_cells(34));
  for (const ScreenChoice& choice : screen_choices()) {
    const ScopedScreen scoped(choice);
    PhaseLog phases;
    const TopLists lists = top_items(world(), model, dataset, all_users(dataset, 10), phases);
    const ScoringReport all = sum_over_ranks(world(), lists.scoring);
    EXPECT_EQ(all.pairs, 70 * many_items);
    EXPECT_GE(all.scored, 70 * 10);
    EXPECT_LT(all.scored, all.pairs / 10) << choice.name();  // most are ruled out by bounds
    EXPECT_LE(all.skipped, all.pairs);
    EXPECT_GT(all.seconds, 0);
    EXPECT_EQ(all.num_threads, world().size() * omp_get_max_threads());
  }
}

TEST(TopItems, BreaksTiesByIndex) {
  const Dataset dataset = wide_dataset(9, many_items);
  const auto coarse = [](Count row, Count column) { return static_cast<float>((row * 7 + column) % 3 - 1); };
  const Model model = factor_model(dataset, 6, coarse, coarse);
  expect_brute_force(model, dataset, all_users(dataset, 25));
}

TEST(TopItems, SurvivesScoresThatDifferByLessThanFloatRounding) {
  // Items differ in the last bits only: nearly every item is within the rounding error of the products.
  const Dataset dataset = wide_dataset(11, 3000);
  const auto close = [](Count row, Count column) {
    const auto bits =
        RandomStream(9, static_cast<std::uint64_t>(row)).below(static_cast<std::uint64_t>(column), 3);
    return 1.0F + static_cast<float>(bits) * 0x1p-23F;
  };
  const Model model = factor_model(dataset, 33, normal_cells(5), close);
  expect_brute_force(model, dataset, all_users(dataset, 20));
}

TEST(TopItems, SurvivesHugeSpreadOfNorms) {
  const Dataset dataset = wide_dataset(13, 3000);
  const auto spread = [](Count row, Count column) {
    return static_cast<float>(normal_cells(6)(row, column) *
                              std::pow(10.0, static_cast<double>(row % 61) - 30.0));
  };
  expect_brute_force(factor_model(dataset, 12, spread, spread), dataset, all_users(dataset, 20));
  const auto one_giant = [](Count row, Count column) {
    return normal_cells(7)(row, column) * (row == 17 ? 1e18F : 1.0F);
  };
  expect_brute_force(factor_model(dataset, 12, normal_cells(8), one_giant), dataset, all_users(dataset, 20));
}

TEST(TopItems, SurvivesOverflowOfSinglePrecision) {
  // Partial sums overflow in float while the exact score is finite, or the score itself does.
  const Dataset dataset = wide_dataset(8, 300);
  const auto large = [](Count row, Count column) {
    return (column % 2 ? -1.0F : 1.0F) * (1e19F + 1e17F * static_cast<float>(row % 50));
  };
  const auto larger = [](Count row, Count column) {
    return 1e19F + 1e16F * static_cast<float>((row * 31 + column * 17) % 97);
  };
  expect_brute_force(factor_model(dataset, 8, large, larger), dataset, all_users(dataset, 20));
  const auto too_large = [](Count row, Count column) { return 3e37F * normal_cells(3)(row, column); };
  expect_brute_force(factor_model(dataset, 2, too_large, too_large), dataset, all_users(dataset, 20));
}

TEST(TopItems, SurvivesOverflowOfPartialSumsToMinusInfinity) {
  // The first half of every product sums to less than any float, the second half brings it back.
  const Dataset dataset = wide_dataset(8, 1500);
  const auto users = [](Count, Count) { return 1e19F; };
  const auto items = [](Count row, Count column) {
    const auto lift = static_cast<float>(RandomStream(4, static_cast<std::uint64_t>(row)).uniform(0));
    return column < 8 ? -1.5e19F : 1.5e19F * (0.95F + 0.1F * lift);
  };
  expect_brute_force(factor_model(dataset, 16, users, items), dataset, all_users(dataset, 20));
}

TEST(TopItems, SeesDifferencesInTheLastBit) {
  const Dataset dataset = wide_dataset(3, 300);
  Model model;
  model.family = "popular";
  model.users = dataset.users;
  model.items = dataset.items;
  set_bias(model, [](Count item) { return 1.0F + static_cast<float>(item % 200) * 0x1p-23F; });
  expect_brute_force(model, dataset, all_users(dataset, 1));
}

TEST(TopItems, SurvivesDenormalsAndZeroRows) {
  const Dataset dataset = wide_dataset(12, 2500);
  const auto tiny = [](Count row, Count column) { return normal_cells(10)(row, column) * 1e-22F; };
  expect_brute_force(factor_model(dataset, 9, tiny, tiny), dataset, all_users(dataset, 20));
  const auto with_zeros = [](Count row, Count column) {
    return row % 3 == 0 ? 0.0F : normal_cells(11)(row, column);
  };
  Model model = factor_model(dataset, 9, with_zeros, with_zeros);
  expect_brute_force(model, dataset, all_users(dataset, 20));
  set_bias(model, [](Count item) { return static_cast<float>(item % 7) * -0.5F; });
  expect_brute_force(model, dataset, all_users(dataset, 20));
}

TEST(TopItems, ServesUsersWithoutFactors) {
  const Dataset dataset = wide_dataset(12, 2500);
  const auto zero = [](Count, Count) { return 0.0F; };
  Model model = factor_model(dataset, 9, zero, normal_cells(35));
  TopRequest request = all_users(dataset, 20);
  exclude_seen(dataset, request);
  expect_brute_force(model, dataset, request);
  set_bias(model, [](Count item) { return static_cast<float>(item * 7 % 300); });  // many ties
  expect_brute_force(model, dataset, request);
  set_weights(model, 0.01, 36);
  expect_brute_force(model, dataset, request);
}

TEST(TopItems, TakesNegativeAndDominatingBiases) {
  const Dataset dataset = wide_dataset(14, 2500);
  Model model = factor_model(dataset, 5, normal_cells(12), normal_cells(13));
  set_bias(model, [](Count item) { return -1e6F + static_cast<float>(item % 11); });
  expect_brute_force(model, dataset, all_users(dataset, 20));
}

TEST(TopItems, AddsItemWeights) {
  const Dataset dataset = wide_dataset(40, 2300);
  Model model = factor_model(dataset, 7, normal_cells(14), normal_cells(15));
  set_weights(model, 0.01, 16);
  TopRequest request = all_users(dataset, 20);
  exclude_seen(dataset, request);
  expect_brute_force(model, dataset, request);
  set_bias(model, [](Count item) { return static_cast<float>(item % 13) * 0.25F; });
  request.item_allowed.assign(static_cast<std::size_t>(dataset.items.range(world().rank()).size()), 1);
  for (std::size_t i = 0; i < request.item_allowed.size(); i += 2) request.item_allowed[i] = 0;
  expect_brute_force(model, dataset, request);
}

TEST(TopItems, AddsItemWeightsToItemsFarApart) {
  const Dataset dataset = wide_dataset(12, 70000);
  Model model = factor_model(dataset, 6, normal_cells(40), normal_cells(41));
  set_weights(model, 0.0005, 42);
  TopRequest request = all_users(dataset, 20);
  for (Count item = 0; item < dataset.items.range(world().rank()).size(); ++item) {
    request.item_allowed.push_back((item + dataset.items.range(world().rank()).begin) % 53 == 5);
  }
  expect_brute_force(model, dataset, request);
}

TEST(TopItems, AddsItemWeightsOfAllMagnitudes) {
  const Dataset dataset = wide_dataset(25, 2300);
  Model model = factor_model(dataset, 7, normal_cells(43), normal_cells(44));
  set_weights(model, 0.02, 45);
  for (const double exponent : {-40.0, 10.0, 18.0, 37.0}) {
    SCOPED_TRACE(exponent);
    Model scaled = model;
    for (std::size_t e = 0; e < scaled.item_weights->values.size(); ++e) {
      if (e % 3 == 0) scaled.item_weights->values[e] *= static_cast<float>(std::pow(10.0, exponent));
    }
    expect_brute_force(scaled, dataset, all_users(dataset, 20));
  }
  // Weights that nearly cancel factors and bias: what is left is below the rounding of single precision.
  for (float& value : model.item_weights->values) value = -1e6F;
  set_bias(model, [](Count item) { return 1e6F + static_cast<float>(item % 9); });
  expect_brute_force(model, dataset, all_users(dataset, 20));
}

TEST(TopItems, ServesModelsOfItemWeightsOrBiasAlone) {
  const Dataset dataset = wide_dataset(30, 2300);
  Model model;
  model.family = "itemknn";
  model.users = dataset.users;
  model.items = dataset.items;
  set_weights(model, 0.005, 17);
  TopRequest request = all_users(dataset, 15);
  exclude_seen(dataset, request);
  expect_brute_force(model, dataset, request);
  model.item_weights.reset();
  expect_brute_force(model, dataset, request);  // every score is zero
  set_bias(model, [](Count item) { return static_cast<float>((item * 37) % 101); });
  expect_brute_force(model, dataset, request);
}

TEST(TopItems, LeavesDisallowedItemsOutAndMayFallShort) {
  const Dataset dataset = wide_dataset(10, 40);
  const Model model = factor_model(dataset, 4, normal_cells(18), normal_cells(19));
  TopRequest request = all_users(dataset, 1000);
  exclude_seen(dataset, request);
  const Range owned = dataset.items.range(world().rank());
  for (Count item = owned.begin; item < owned.end; ++item) request.item_allowed.push_back(item % 4 == 1);
  expect_brute_force(model, dataset, request);
  request.item_allowed.assign(request.item_allowed.size(), 0);
  PhaseLog phases;
  const TopLists none = top_items(world(), model, dataset, request, phases);
  EXPECT_TRUE(none.items.empty());
  EXPECT_EQ(none.num_rows(), static_cast<Count>(request.users.size()));
}

TEST(TopItems, WorksWithFewerRowsThanRanks) {
  const Dataset dataset = dataset_of(world(), 2, 3, {{0, 0, 0, 1.0F}, {0, 1, 0, 1.0F}, {1, 2, 0, 1.0F}});
  Model model = factor_model(dataset, 2, normal_cells(20), normal_cells(21));
  set_weights(model, 0.9, 22);
  TopRequest request = all_users(dataset, 5);
  exclude_seen(dataset, request);
  expect_brute_force(model, dataset, request);
}

TEST(TopItems, ListsDoNotDependOnWhoElseIsServed) {
  const Dataset dataset = wide_dataset(60, 2500);
  const Model model = factor_model(dataset, 24, normal_cells(23), normal_cells(24));
  TopRequest request = all_users(dataset, 10);
  std::erase_if(request.users, [](Count user) { return user % 7 != 2; });
  exclude_seen(dataset, request);
  expect_brute_force(model, dataset, request);
  if (world().rank() == 0) request = all_users(dataset, 10);
  if (world().rank() == 0) request.users.clear();
  if (world().rank() == 0) request.excluded = {};
  expect_brute_force(model, dataset, request);
}

TEST(TopItems, GivesTheSameListsOnTwoThreads) {
  const Dataset dataset = wide_dataset(300, 2500);
  const Model model = factor_model(dataset, 16, normal_cells(25), normal_cells(26));
  const int before = omp_get_max_threads();
  omp_set_num_threads(2);
  expect_brute_force(model, dataset, all_users(dataset, 10));
  omp_set_num_threads(before);
}

TEST(TopItems, RefusesScoresThatAreNoNumbersOnAllRanks) {
  const Dataset dataset = wide_dataset(20, 100);
  const auto broken = [](Count row, Count column) { return row == 7 && column == 1 ? NAN : 1.0F; };
  const Model model = factor_model(dataset, 3, broken, normal_cells(27));
  PhaseLog phases;
  try {
    top_items(world(), model, dataset, all_users(dataset, 5), phases);
    ADD_FAILURE() << "no error";
  } catch (const CollectiveError& error) {
    EXPECT_EQ(error.code(), ExitCode::numerical);
    EXPECT_NE(std::string(error.what()).find("user 'u7'"), std::string::npos) << error.what();
  }
}

TEST(TopItems, RefusesInfiniteFactorsThatCancel) {
  const Dataset dataset = wide_dataset(20, 100);
  const auto broken = [](Count row, Count column) {
    return row == 7 ? (column == 0 ? HUGE_VALF : -HUGE_VALF) : 1.0F;
  };
  const auto ones = [](Count, Count) { return 1.0F; };
  const Model model = factor_model(dataset, 3, ones, broken);
  for (const ScreenChoice& choice : screen_choices()) {
    const ScopedScreen scoped(choice);
    PhaseLog phases;
    EXPECT_THROW(top_items(world(), model, dataset, all_users(dataset, 5), phases), CollectiveError)
        << choice.name();
  }
}

TEST(TopItems, RefusesEmptyLists) {
  const Dataset dataset = wide_dataset(4, 4);
  const Model model = factor_model(dataset, 3, normal_cells(1), normal_cells(2));
  PhaseLog phases;
  EXPECT_THROW(top_items(world(), model, dataset, all_users(dataset, 0), phases), CollectiveError);
}

}  // namespace
}  // namespace pushcart::test
