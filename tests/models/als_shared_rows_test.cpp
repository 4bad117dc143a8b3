#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>

#include "models/als/half_sweep.hpp"
#include "models/als/memory.hpp"
#include "models/als/training_data.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::als::als_shared_rows_test {
namespace {

using test::world;

constexpr AlsObjective ials{AlsTarget::ones, 0.005, 0.008, 1, 1};
constexpr SharingSettings nothing{};
/// All rows, one by one, and each rank takes from the others first.
constexpr SharingSettings everything{1, 1, 4096, true};

/// Users solved twice and what became of them.
struct Solved {
  std::vector<float> users;
  Count num_unsolved = 0, first_unsolved = 0;
  double observed = 0, unobserved = 0;
  friend bool operator==(const Solved&, const Solved&) = default;
};

struct Sweeps {
  Solved solved;
  double counted_work = 0, predicted_work = 0;
  TakenWork taken;
};

Sweeps solve_users(const Communicator& comm, const Dataset& dataset, const AlsObjective& objective,
                   AlsSolver solver, const SharingSettings& sharing,
                   GatherPrecision precision = GatherPrecision::float32) {
  constexpr Count k = 9;
  const ObservedRows observed(dataset.by_user, objective, {});
  const HalfSweepSettings settings{k, 40, {solver, 1e-3, precision}, sharing};
  HalfSweep sweep(comm, observed, dataset.num_users(), dataset.items, objective, settings,
                  share_half_sweep(comm, observed, dataset.items, settings, HeavyBlocks::anywhere),
                  {ExchangeMethod::replicate, Overlap::on, k * Count{sizeof(float)}});
  const Range users = dataset.users.range(comm.rank()), items = dataset.items.range(comm.rank());
  FactorTable fixed{items, k, std::vector<float>(static_cast<std::size_t>(items.size() * k))};
  FactorTable solved{users, k, std::vector<float>(static_cast<std::size_t>(users.size() * k))};
  start_factors(fixed, dataset.item_ids, 3, 1.0);
  sweep.run(fixed, solved, Loss::skip);
  const HalfSweepOutcome outcome = sweep.run(fixed, solved, Loss::measure);
  return {{test::all_rows(comm, solved.values), outcome.num_unsolved, outcome.first_unsolved,
           outcome.observed, outcome.unobserved},
          sweep.counted_work(),
          2 * sweep.shares().predicted_work[static_cast<std::size_t>(comm.rank())],
          sweep.taken_work()};
}

const test::SmallDataset middling{.num_users = 300, .num_items = 140, .density = 0.1, .seed = 3, .types = {}};

TEST(SharedRows, HaveTheSameBitsWhoeverSolvesThem) {
  const Communicator alone = world().split(world().rank(), 0);
  const int threads = omp_get_max_threads();
  for (const AlsSolver solver : {AlsSolver::exact, AlsSolver::cg, AlsSolver::automatic}) {
    for (const GatherPrecision precision : {GatherPrecision::float32, GatherPrecision::bfloat16}) {
      const Solved expected =
          solve_users(alone, test::small_dataset(alone, middling), ials, solver, nothing, precision).solved;
      const Dataset dataset = test::small_dataset(world(), middling);
      for (const SharingSettings& sharing : {nothing, SharingSettings{0.4, 2000, 30, false}, everything}) {
        omp_set_num_threads(sharing.others_first ? 2 : 1);
        const Sweeps run = solve_users(world(), dataset, ials, solver, sharing, precision);
        EXPECT_EQ(run.solved, expected) << als_solver_name(solver) << " " << sharing.part;
        const Count taken = world().sum(run.taken.rows);
        if (sharing.part == 0) {
          EXPECT_EQ(taken, 0);
        }
      }
      omp_set_num_threads(threads);
    }
  }
}

TEST(SharedRows, AreTakenFromOthersOfTheNode) {
  // Of equal length, so that every rank has room for every row.
  std::vector<Interaction> pairs;
  for (Count user = 0; user < 90; ++user) {
    for (Count n = 0; n < 3; ++n) pairs.push_back({user, (user + 7 * n) % 30, 0, 1});
  }
  const Dataset dataset = test::dataset_of(world(), 90, 30, pairs);
  const Sweeps run = solve_users(world(), dataset, ials, AlsSolver::exact, everything);
  EXPECT_EQ(world().sum(run.taken.rows) > 0, world().ranks_on_node() > 1);
  const Communicator alone = world().split(world().rank(), 0);
  const Dataset whole = test::dataset_of(alone, 90, 30, pairs);
  EXPECT_EQ(run.solved, solve_users(alone, whole, ials, AlsSolver::exact, nothing).solved);
}

TEST(SharedRows, CountAsTheWorkOfTheirOwner) {
  const Dataset dataset = test::small_dataset(world(), middling);
  const Sweeps run = solve_users(world(), dataset, ials, AlsSolver::exact, everything);
  EXPECT_NEAR(run.counted_work, run.predicted_work, 1e-9 * run.predicted_work);
  EXPECT_EQ(run.taken.rows > 0, run.taken.work > 0);
}

TEST(SharedRows, AreOfferedLongestFirstUpToTheWantedPart) {
  const Communicator alone = world().split(world().rank(), 0);
  const Dataset dataset = test::small_dataset(alone, middling);
  const ObservedRows observed(dataset.by_user, ials, {});
  HalfSweepSettings settings{
      9, 40, {AlsSolver::exact, 1e-3, GatherPrecision::float32}, {0.3, 5000, 20, false}};
  const WorkShares shares = share_half_sweep(alone, observed, dataset.items, settings, HeavyBlocks::anywhere);
  const SharedRows::Offer offer = shared_offer(shares, settings);
  double whole = 0, offered = 0;
  for (Count row = 0; row < dataset.by_user.num_rows(); ++row) {
    const Count length = dataset.by_user.row_length(row);
    if (length < settings.heavy_length) whole += cost_of(settings, length);
  }
  Count last = settings.sharing.longest_row;
  std::vector<Count> rows;
  for (const RowPiece& piece : offer.pieces) {
    const Count length = piece.end - piece.begin;
    EXPECT_EQ(length, dataset.by_user.row_length(piece.row));
    EXPECT_LE(length, last);
    last = length;
    offered += cost_of(settings, length);
    rows.push_back(piece.row);
  }
  std::sort(rows.begin(), rows.end());
  EXPECT_EQ(std::adjacent_find(rows.begin(), rows.end()), rows.end());
  EXPECT_GE(offered, 0.3 * whole);
  EXPECT_LT(offered - cost_of(settings, last), 0.3 * whole);
  EXPECT_NEAR(offer.work, offered, 1e-9 * offered);
  ASSERT_GT(offer.batch_begin.size(), 3U);
  for (std::size_t batch = 0; batch + 2 < offer.batch_begin.size(); ++batch) {
    double work = 0;
    for (Count n = offer.batch_begin[batch]; n < offer.batch_begin[batch + 1]; ++n) {
      const RowPiece& piece = offer.pieces[static_cast<std::size_t>(n)];
      work += cost_of(settings, piece.end - piece.begin);
    }
    EXPECT_GE(work, 5000);
  }
  settings.sharing.part = 0;
  EXPECT_TRUE(shared_offer(shares, settings).pieces.empty());
}

TEST(SharedRows, ThatCannotBeSolvedAreCountedByTheirOwner) {
  // Fewer rows than seven ranks have; strength times alpha is beyond a float for user 3 alone.
  constexpr AlsObjective hkv{AlsTarget::confidence, 1, 0.1, 0, 40};
  const Dataset dataset = test::dataset_of(
      world(), 5, 2, {{0, 0, 0, 1}, {1, 0, 0, 1}, {2, 1, 0, 1}, {3, 1, 0, 3e38F}, {4, 1, 0, 1}});
  for (const SharingSettings& sharing : {nothing, everything}) {
    const Solved solved = solve_users(world(), dataset, hkv, AlsSolver::exact, sharing).solved;
    EXPECT_EQ(solved.num_unsolved, 1);
    EXPECT_EQ(solved.first_unsolved, 3);
  }
}

TEST(SharedRows, NeedRoomInTheBudgetAndInSharedMemory) {
  const SharingTask task{10, 30, 100, 1000};
  EXPECT_TRUE(has_room_to_share(task, 0, 131));
  EXPECT_FALSE(has_room_to_share(task, 0, 130));
  EXPECT_TRUE(has_room_to_share(task, 1010, 131));
  EXPECT_FALSE(has_room_to_share(task, 1009, 131));
}

}  // namespace
}  // namespace pushcart::als::als_shared_rows_test
