#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "models/als/exchange_choice.hpp"
#include "models/als/half_sweep.hpp"
#include "models/als/training_data.hpp"
#include "pushcart/base/random.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::als::als_exchange_test {
namespace {

using test::world;

constexpr ExchangeMethod methods[] = {ExchangeMethod::replicate, ExchangeMethod::sparse,
                                      ExchangeMethod::stream};

struct Factors {
  std::vector<float> users, items;
  std::string history;
  friend bool operator==(const Factors&, const Factors&) = default;
};

AlsResult train(const Communicator& comm, const Dataset& dataset, const AlsConfig& config) {
  PhaseLog phases;
  return train_als(comm, dataset, config, {}, phases);
}

Factors factors_of(const Communicator& comm, const test::SmallDataset& shape, const AlsConfig& config) {
  const Model model = train(comm, test::small_dataset(comm, shape), config).model;
  return {test::all_rows(comm, model.user_factors.values), test::all_rows(comm, model.item_factors.values),
          model.history};
}

const test::SmallDataset middling{
    .num_users = 500, .num_items = 140, .density = 0.05, .seed = 3, .types = {}};

TEST(AlsExchange, EveryMethodGivesTheSameBits) {
  const Communicator alone = world().split(world().rank(), 0);
  const int threads = omp_get_max_threads();
  for (const AlsSolver solver : {AlsSolver::exact, AlsSolver::cg}) {
    for (const Count split_length : {9, 4096}) {
      AlsConfig config;
      config.k = 13;
      config.sweeps = 2;
      config.solver = solver;
      config.split_length = split_length;
      const Factors expected = factors_of(alone, middling, config);
      for (const ExchangeMethod method : methods) {
        for (const Overlap overlap : {Overlap::on, Overlap::off}) {
          config.exchange = method;
          config.exchange_overlap = overlap;
          config.batch_bytes = method == ExchangeMethod::stream ? 4000 : Count{1} << 28;
          omp_set_num_threads(overlap == Overlap::on ? 1 : 2);
          EXPECT_EQ(factors_of(world(), middling, config), expected) << exchange_method_name(method);
        }
      }
      omp_set_num_threads(threads);
    }
  }
}

TEST(AlsExchange, CountedBytesAreThePlannedOnes) {
  const Dataset dataset = test::small_dataset(world(), middling);
  for (const AlsSolver solver : {AlsSolver::exact, AlsSolver::cg}) {
    for (const Count split_length : {9, 4096}) {
      for (const ExchangeMethod method : methods) {
        AlsConfig config;
        config.k = 8;
        config.sweeps = 3;
        config.solver = solver;
        config.split_length = split_length;
        config.exchange = method;
        config.batch_bytes = 3000;
        const TrainingReport report = train(world(), dataset, config).report;
        EXPECT_EQ(report.counted_traffic, report.planned_traffic);
        const Count sent = world().sum(report.counted_traffic.sent_bytes);
        EXPECT_EQ(sent, world().sum(report.counted_traffic.received_bytes));
        if (world().size() > 1 && method != ExchangeMethod::replicate) {
          EXPECT_GT(sent, 0);
        }
        if (world().size() > 1) {
          EXPECT_EQ(report.exchange, method);
        }
      }
    }
  }
}

/// What is chosen where rows of 32 bytes are gathered so often, and by sparse so many bytes are received.
ExchangeMethod chosen_for(Count num_gathered, Count sparse_bytes, bool shares_rows) {
  AlsConfig config;
  config.k = 8;
  return choose_method(config, {32, num_gathered, 0, shares_rows},
                            [&](const ExchangeSettings& settings) {
                              ExchangeFigures figures;
                              figures.settings = settings;
                              if (settings.method != ExchangeMethod::replicate) figures.received_bytes = sparse_bytes;
                              if (settings.method == ExchangeMethod::stream) figures.received_bytes += 1;
                              return figures;
                            })
      .settings.method;
}

TEST(AlsExchange, CountsSmallPagesAsAnEighthOfWhatIsGatheredWhereNoRowsAreShared) {
  // 400 rows are gathered: 400 * 32 / 8 = 1600 bytes lost to small pages.
  EXPECT_EQ(chosen_for(400, 1601, false), ExchangeMethod::replicate);
  EXPECT_EQ(chosen_for(400, 1599, false), ExchangeMethod::sparse);
  EXPECT_EQ(chosen_for(400, 1599, true), ExchangeMethod::replicate);
}

TEST(AlsExchange, ChoosesTheFewestBytesThatFit) {
  const Dataset dataset = test::small_dataset(world(), middling);
  AlsConfig config;
  config.k = 8;
  config.sweeps = 1;
  if (world().size() > 1 && world().ranks_on_node() == world().size()) {
    // Within a node nothing travels by replicate, however much is gathered, since ranks share rows.
    const test::SmallDataset few_pairs{.num_users = 400, .num_items = 300, .density = 0.005, .types = {}};
    EXPECT_EQ(train(world(), test::small_dataset(world(), few_pairs), config).report.exchange, ExchangeMethod::replicate);
    const test::SmallDataset many_pairs{.num_users = 300, .num_items = 150, .density = 0.9, .types = {}};
    EXPECT_EQ(train(world(), test::small_dataset(world(), many_pairs), config).report.exchange, ExchangeMethod::replicate);
  }
  config.memory_budget_bytes = 1000;
  EXPECT_THROW(train(world(), dataset, config), ConfigError);
}

/// User u touches `degree(u)` items, drawn with weights (item + 1)^-exponent, without repeats.
Dataset zipf_dataset(Count num_users, Count num_items, double exponent, Count mean_degree) {
  std::vector<double> cumulative;
  double total = 0;
  for (Count item = 0; item < num_items; ++item) {
    cumulative.push_back(total += std::pow(static_cast<double>(item + 1), -exponent));
  }
  Interactions mine;
  for (Count user = world().rank(); user < num_users; user += world().size()) {
    RandomStream random(11, static_cast<std::uint64_t>(user));
    const auto degree = static_cast<std::size_t>(
        1 + static_cast<double>(mean_degree) / 2 *
                std::pow(static_cast<double>(num_users) / static_cast<double>(user + 1), 0.5));
    std::set<Count> items;
    for (std::size_t trial = 0; trial < 4 * degree && items.size() < degree; ++trial) {
      const auto at = std::ranges::upper_bound(cumulative, total * random.next_uniform());
      items.insert(std::min<Count>(at - cumulative.begin(), num_items - 1));
    }
    for (const Count item : items) mine.pairs.push_back({user, item, 0, 1.0F});
  }
  return assemble_dataset(world(), num_users, num_items, std::move(mine), ValueKind::strength);
}

/// Item 0 is of all users, user 0 touched half of the items; the others a few.
Dataset blockbuster_dataset(Count num_users, Count num_items) {
  Interactions mine;
  for (Count user = world().rank(); user < num_users; user += world().size()) {
    std::set<Count> items{0};
    if (user == 0) {
      for (Count item = 1; item < num_items / 2; ++item) items.insert(item);
    }
    RandomStream random(12, static_cast<std::uint64_t>(user));
    for (int n = 0; n < 5; ++n)
      items.insert(static_cast<Count>(random.next_below(static_cast<std::uint64_t>(num_items))));
    for (const Count item : items) mine.pairs.push_back({user, item, 0, 1.0F});
  }
  return assemble_dataset(world(), num_users, num_items, std::move(mine), ValueKind::strength);
}

double slowest_over_mean(const std::vector<double>& work) {
  return *std::ranges::max_element(work) /
         (std::accumulate(work.begin(), work.end(), 0.0) / static_cast<double>(work.size()));
}

/// Half sweeps of both sides: the work that each rank counted, and had been predicted to do, is even.
void expect_even_work(const Dataset& dataset, Count heavy_length) {
  constexpr Count k = 12;
  const AlsObjective objective{AlsTarget::ones, 0.005, 0.008, 1, 1};
  const ObservedRows by_user(dataset.by_user, objective, {}), by_item(dataset.by_item, objective, {});
  FactorTable users, items;
  for (auto [table, partition] : {std::pair{&users, &dataset.users}, std::pair{&items, &dataset.items}}) {
    table->rows = partition->range(world().rank());
    table->num_columns = k;
    const auto floats = static_cast<std::size_t>(table->rows.size() * k);
    for (std::size_t n = 0; n < floats; ++n) {
      const auto at = static_cast<std::uint64_t>(table->rows.begin * k) + n;
      table->values.push_back(static_cast<float>(RandomStream(5, at).normal(0)));
    }
  }
  for (const AlsSolver solver : {AlsSolver::exact, AlsSolver::cg}) {
    for (const ExchangeMethod method :
         {ExchangeMethod::replicate, ExchangeMethod::sparse, ExchangeMethod::stream}) {
      SCOPED_TRACE(testing::Message() << als_solver_name(solver) << " " << exchange_method_name(method));
      const HalfSweepSettings settings{k, heavy_length, {solver, 1e-3, GatherPrecision::float32}};
      const HeavyBlocks blocks =
          method == ExchangeMethod::stream ? HeavyBlocks::at_column_owner : HeavyBlocks::anywhere;
      const ExchangeSettings exchange{method, Overlap::on, k * Count{sizeof(float)}};
      const auto check = [&](const ObservedRows& observed, Count num_rows, const Partition& fixed_rows,
                             FactorTable& fixed, FactorTable& solved) {
        HalfSweep sweep(world(), observed, num_rows, fixed_rows, objective, settings,
                        share_half_sweep(world(), observed, fixed_rows, settings, blocks), exchange);
        EXPECT_EQ(sweep.run(fixed, solved, Loss::skip).num_unsolved, 0);
        const std::vector<double> counted = world().allgather(sweep.counted_work());
        EXPECT_LE(slowest_over_mean(counted), 1.1);
        EXPECT_LE(slowest_over_mean(sweep.shares().predicted_work), 1.1);
        if (solver == AlsSolver::exact) {
          const double predicted = sweep.shares().predicted_work[static_cast<std::size_t>(world().rank())];
          EXPECT_NEAR(sweep.counted_work(), predicted, 1e-9 * predicted);
        }
      };
      check(by_user, dataset.num_users(), dataset.items, items, users);
      check(by_item, dataset.num_items(), dataset.users, users, items);
    }
  }
}

TEST(WorkShares, AreEvenForZipfExponentsFromFlatToSteep) {
  for (const double exponent : {0.6, 1.0, 1.4}) {
    SCOPED_TRACE(exponent);
    expect_even_work(zipf_dataset(3000, 1000, exponent, 12), 256);
  }
}

TEST(WorkShares, AreEvenForAnItemOfAllUsersAndAUserOfHalfTheItems) {
  expect_even_work(blockbuster_dataset(3000, 2000), 512);
}

TEST(WorkShares, EveryEntryIsWorkedOnOnce) {
  const Dataset dataset = zipf_dataset(700, 300, 1.2, 10);
  const AlsObjective objective{AlsTarget::ones, 0.005, 0.008, 1, 1};
  const ObservedRows by_item(dataset.by_item, objective, {});
  for (const HeavyBlocks blocks : {HeavyBlocks::anywhere, HeavyBlocks::at_column_owner}) {
    const WorkShares shares = share_half_sweep(world(), by_item, dataset.users, {8, 60, {}}, blocks);
    Count here = 0, columns = 0;
    for (Count row = 0; row < shares.rows.num_rows(); ++row) {
      if (!shares.rows.is_here(row)) continue;
      here += shares.rows.row_length(row);
      for (const Count column : shares.rows.columns(row)) {
        columns += column;
        const bool is_part = row >= shares.num_plain_rows();
        if (is_part && blocks == HeavyBlocks::at_column_owner) {
          EXPECT_TRUE(dataset.users.range(world().rank()).contains(column));
        }
      }
    }
    EXPECT_EQ(world().sum(here), world().sum(dataset.by_item.num_entries()));
    const auto& all = dataset.by_item.columns;
    EXPECT_EQ(world().sum(columns), world().sum(std::accumulate(all.begin(), all.end(), Count{0})));
    EXPECT_GT(shares.num_heavy, 0);
    Count expected_heavy = 0;
    for (Count row = 0; row < dataset.by_item.num_rows(); ++row)
      expected_heavy += dataset.by_item.row_length(row) >= 60;
    EXPECT_EQ(world().sum(expected_heavy), shares.num_heavy);
  }
}

}  // namespace
}  // namespace pushcart::als::als_exchange_test
