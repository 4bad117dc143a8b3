#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pushcart/models/als.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::als_stopping_test {
namespace {

using test::world;

AlsConfig small_config(int sweeps) {
  AlsConfig config;
  config.k = 6;
  config.sweeps = sweeps;
  return config;
}

AlsResult train(const AlsConfig& config, const AlsCallbacks& callbacks = {}) {
  const Dataset dataset = test::small_dataset(world(), {});
  PhaseLog phases;
  return train_als(world(), dataset, config, callbacks, phases);
}

/// A validation metric that takes these values, sweep after sweep.
AlsCallbacks scripted(std::vector<double> metrics) {
  AlsCallbacks callbacks;
  callbacks.validate = [metrics, sweep = std::size_t{0}](const Model& model) mutable {
    EXPECT_EQ(model.item_factors.num_columns, 6);
    return metrics.at(sweep++);
  };
  return callbacks;
}

TEST(AlsStopping, GoesThroughAllSweepsUnlessTold) {
  int seen = 0;
  AlsCallbacks callbacks;
  callbacks.after_sweep = [&](const SweepReport& sweep) { EXPECT_EQ(sweep.sweep, ++seen); };
  const AlsResult result = train(small_config(4), callbacks);
  EXPECT_EQ(seen, 4);
  EXPECT_EQ(result.report.stopped_by, "sweeps");
  EXPECT_EQ(result.report.best_sweep, 4);
}

TEST(AlsStopping, AtTheFirstFallBelowTheTolerance) {
  const auto objectives = train(small_config(30)).report.sweeps;
  const auto fall = [&](std::size_t sweep) {
    return 1 - objectives[sweep].objective / objectives[sweep - 1].objective;
  };
  AlsConfig config = small_config(30);
  config.tolerance = 0.02;
  const AlsResult result = train(config);
  ASSERT_EQ(result.report.stopped_by, "tolerance") << "the last sweep's fall: " << fall(29);
  const std::size_t last = result.report.sweeps.size() - 1;
  EXPECT_LT(fall(last), 0.02);
  for (std::size_t sweep = 1; sweep < last; ++sweep) EXPECT_GE(fall(sweep), 0.02);
}

TEST(AlsStopping, PatienceKeepsTheBestSweep) {
  AlsConfig config = small_config(9);
  config.patience = 2;
  const AlsResult result = train(config, scripted({0.1, 0.3, 0.3, 0.2, 0.9, 0.9, 0.9, 0.9, 0.9}));
  EXPECT_EQ(result.report.stopped_by, "validation");
  EXPECT_EQ(result.report.sweeps.size(), 4U);
  EXPECT_EQ(result.report.best_sweep, 2);
  const Model two_sweeps = train(small_config(2)).model;
  EXPECT_EQ(result.model.user_factors.values, two_sweeps.user_factors.values);
  EXPECT_EQ(result.model.item_factors.values, two_sweeps.item_factors.values);
}

TEST(AlsStopping, BestSweepIsKeptWhenSweepsRunOut) {
  AlsConfig config = small_config(3);
  config.patience = 5;
  const AlsResult result = train(config, scripted({0.5, 0.2, 0.1}));
  EXPECT_EQ(result.report.stopped_by, "sweeps");
  EXPECT_EQ(result.report.best_sweep, 1);
  EXPECT_EQ(result.model.item_factors.values, train(small_config(1)).model.item_factors.values);
}

TEST(AlsStopping, ValidationWithoutPatienceOnlyWatches) {
  const AlsResult result = train(small_config(3), scripted({0.5, 0.2, 0.1}));
  EXPECT_EQ(result.report.best_sweep, 3);
  EXPECT_EQ(result.model.item_factors.values, train(small_config(3)).model.item_factors.values);
}

TEST(AlsReport, TellsPartsStepsAndFloor) {
  AlsConfig config = small_config(2);
  config.solver = AlsSolver::cg;
  const TrainingReport report = train(config).report;
  for (const SweepReport& sweep : report.sweeps) {
    double parts = 0;
    for (const HalfSweepSeconds* half : {&sweep.users, &sweep.items})
      parts += half->gram + half->eigen + half->rotate + half->exchange + half->solve;
    EXPECT_GT(parts, 0);
    EXPECT_LE(parts, sweep.seconds);
    if (report.product_flops_per_second > 0) {
      EXPECT_GT(sweep.floor_seconds, 0);
      EXPECT_GT(sweep.gradient_steps, 0);
    }
  }
}

TEST(AlsStopping, HistoryTellsEverySweepAndNoTimes) {
  const AlsResult result = train(small_config(3), scripted({0.5, 0.2, 0.25}));
  const auto history = nlohmann::json::parse(result.model.history);
  ASSERT_EQ(history.size(), 3U);
  for (std::size_t n = 0; n < 3; ++n) {
    const SweepReport& sweep = result.report.sweeps[n];
    const nlohmann::json expected = {{"sweep", n + 1},
                                     {"objective", sweep.objective},
                                     {"observed", sweep.observed},
                                     {"unobserved", sweep.unobserved},
                                     {"regularization", sweep.regularization},
                                     {"validation", *sweep.validation}};
    EXPECT_EQ(history[n], expected);
    EXPECT_DOUBLE_EQ(sweep.objective, sweep.observed + sweep.unobserved + sweep.regularization);
  }
}

}  // namespace
}  // namespace pushcart::als_stopping_test
