#include <gtest/gtest.h>

#include <cmath>

#include "pushcart/checkpoint/checkpoint_folder.hpp"
#include "pushcart/models/als.hpp"
#include "pushcart/models/als_checkpoint.hpp"
#include "support/attributes.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::als_resume_test {
namespace {

using test::scratch_folder;
using test::world;

struct Stopped {};

/// A validation metric that takes these values by sweep.
AlsCallbacks scripted(std::vector<double> metrics, std::size_t first) {
  AlsCallbacks callbacks;
  if (metrics.empty()) return callbacks;
  callbacks.validate = [metrics, sweep = first](const Model&) mutable { return metrics.at(sweep++); };
  return callbacks;
}

/// Trains at one go, and with a stop after each sweep; expects the same.
void expect_same_after_any_stop(const AlsConfig& config, const std::vector<double>& metrics = {}) {
  Dataset dataset = test::small_dataset(world(), {});
  dataset.user_attributes = test::attribute_columns(dataset.users.range(world().rank()));
  const std::string path = scratch_folder("als_resume") + "/state.h5";
  PhaseLog phases;
  const AlsResult whole = train_als(world(), dataset, config, scripted(metrics, 0), phases);
  const auto num_sweeps = whole.report.sweeps.size();
  for (std::size_t stop = 1; stop < num_sweeps; ++stop) {
    SCOPED_TRACE(stop);
    AlsCallbacks first = scripted(metrics, 0);
    first.between_sweeps = [&](const AlsStateView& state) {
      if (state.sweeps.size() != stop) return;
      EXPECT_GT(write_als_state(world(), path, state, {}), 0);
      throw Stopped();
    };
    EXPECT_THROW(train_als(world(), dataset, config, first, phases), Stopped);
    AlsCallbacks second = scripted(metrics, stop);
    second.resume = [&] {
      return read_als_state(world(), FileReader(world(), path, als_checkpoint_kind), dataset);
    };
    const AlsResult rest = train_als(world(), dataset, config, second, phases);
    EXPECT_EQ(rest.report.resumed_after, static_cast<int>(stop));
    EXPECT_EQ(rest.report.best_sweep, whole.report.best_sweep);
    EXPECT_EQ(rest.report.stopped_by, whole.report.stopped_by);
    EXPECT_EQ(rest.model.history, whole.model.history);
    EXPECT_EQ(rest.model.config, whole.model.config);
    EXPECT_EQ(rest.model.user_factors.values, whole.model.user_factors.values);
    EXPECT_EQ(rest.model.item_factors.values, whole.model.item_factors.values);
  }
}

AlsConfig small_config(AlsSolver solver) {
  AlsConfig config;
  config.k = 6;
  config.sweeps = 5;
  config.solver = solver;
  return config;
}

TEST(AlsResume, SameBitsByEitherSolver) {
  expect_same_after_any_stop(small_config(AlsSolver::exact));
  expect_same_after_any_stop(small_config(AlsSolver::cg));
}

TEST(AlsResume, RowsInPartsAndRoundedRows) {
  AlsConfig config = small_config(AlsSolver::cg);
  config.split_length = 3;
  config.gather_precision = GatherPrecision::bfloat16;
  expect_same_after_any_stop(config);
}

TEST(AlsResume, MapsLearnedJointly) {
  AlsConfig config = small_config(AlsSolver::cg);
  config.attributes.users = {"tastes"};
  config.attribute_map = AttributeFit::joint;
  config.lambda = 0.1;
  expect_same_after_any_stop(config);
}

TEST(AlsResume, ToleranceComparesWithTheSweepBeforeTheStop) {
  AlsConfig config = small_config(AlsSolver::exact);
  config.sweeps = 30;
  config.tolerance = 0.02;
  expect_same_after_any_stop(config);
}

TEST(AlsResume, PatienceKeepsTheBestSweep) {
  AlsConfig config = small_config(AlsSolver::cg);
  config.sweeps = 8;
  config.patience = 3;
  expect_same_after_any_stop(config, {0.1, 0.4, 0.3, 0.2, 0.39, 0.1, 0.1, 0.1});
  config.patience = 9;
  expect_same_after_any_stop(config, {0.1, 0.4, 0.3, 0.2, 0.5, 0.1, 0.1, 0.1});
}

TEST(AlsResume, NothingBetweenTheLastSweepAndTheEnd) {
  const Dataset dataset = test::small_dataset(world(), {});
  PhaseLog phases;
  std::vector<int> seen;
  AlsCallbacks callbacks;
  callbacks.between_sweeps = [&](const AlsStateView& state) { seen.push_back(state.sweeps.back().sweep); };
  train_als(world(), dataset, small_config(AlsSolver::exact), callbacks, phases);
  EXPECT_EQ(seen, (std::vector<int>{1, 2, 3, 4}));
}

TEST(AlsResume, StateOfAnotherShapeIsRefused) {
  const Dataset dataset = test::small_dataset(world(), {});
  const std::string path = scratch_folder("als_resume_shape") + "/state.h5";
  FactorTable users{dataset.users.range(world().rank()), 2, {}};
  FactorTable items{dataset.items.range(world().rank()), 2, {}};
  users.values.assign(static_cast<std::size_t>(users.rows.size() * 2), 1.0F);
  items.values.assign(static_cast<std::size_t>((items.rows.size() + 1) * 2), 1.0F);
  const std::vector<SweepReport> sweeps(2);
  write_als_state(world(), path, {users, items, sweeps, 1, {}, {}}, {});
  const FileReader file(world(), path, als_checkpoint_kind);
  EXPECT_THROW(read_als_state(world(), file, dataset), Error);
}

}  // namespace
}  // namespace pushcart::als_resume_test
