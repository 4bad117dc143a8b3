#include "app/retrain/retrain_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "app/ingest.hpp"
#include "app/training_checkpoints.hpp"
#include "pushcart/base/error.hpp"

namespace pushcart::app {

namespace {

constexpr double usual_hold_out_days = 3;

void declare_bounds(OptionSet& options, GateBounds& bounds) {
  options.add("min-new-events", bounds.min_new_events, "gate: new events, at least");
  options.add("max-bad-share", bounds.max_bad_share, "gate: bad rows in the new part of the log, as a share");
  options.add("max-duplicate-share", bounds.max_duplicate_share, "gate: repeated rows there, as a share");
  options.add("max-drift", bounds.max_drift,
              "gate: a type's events of a day, over or under the usual, at most so many times");
  options.add("min-users", bounds.min_users, "gate: users, at least");
  options.add("min-test-users", bounds.min_test_users, "gate: users with something held out, at least");
  options.add("max-worse", bounds.max_worse, "gate: metric under the model in service, as a share of it");
  options.add("min-over-popular", bounds.min_over_popular,
              "gate: metric over popularity, as a share of it; negative = may be under it");
  options.add(
      "min-over-category", bounds.min_over_category,
      "gate: metric over popularity by category (evaluate.category-baseline), as a share of it; negative = "
      "may be under it, -1 = not looked at");
  options.add("min-coverage", bounds.min_coverage, "gate: share of the catalogue in the lists, at least");
  options.add("max-coverage-drop", bounds.max_coverage_drop,
              "gate: that share under the model in service, as a share of it");
  options.add("max-churn", bounds.max_churn, "gate: mean share of a list's places that changed");
}

Count length_of(const std::string& metric) {
  const std::size_t at = metric.find('@');
  Count n = 0;
  if (at != std::string::npos) std::from_chars(metric.data() + at + 1, metric.data() + metric.size(), n);
  return n;
}

}  // namespace

std::string coverage_beside(const std::string& metric) {
  return fmt::format("coverage@{}", length_of(metric));
}

void declare_retrain(OptionSet& options, RetrainOptions& retrain) {
  options.add("store", retrain.store, "folder with the versions, the one in service and the history");
  options.add("window-days", retrain.window_days, "days of the log to learn from, before the night; 0 = all");
  options.add("skip-logs", retrain.skip_logs, "log files to leave out: globs on path or name");
  options.add("now", retrain.now,
              "the night's time, for nights made up for later: later events are left out");
  options.add_flag("no-kept-events", retrain.no_kept_events,
                   "parse all log files, and keep nothing of them for the next night");
  options.add("keep", retrain.keep, "versions kept, at least 1; the one in service always is");
  options.add("cold-every", retrain.cold_every,
              "every so many published nights from start values, else from the factors in service; 0 = the "
              "first only");
  options.add("warm-sweeps", retrain.warm_sweeps, "sweeps of a warm night; 0 = half of --train.sweeps");
  options.add("metric", retrain.metric,
              "gate: the metric compared, of those that evaluate prints at its --at");
  declare_bounds(options, retrain.bounds);
  options.add_flag("dry-run", retrain.dry_run, "do all but publish and write the history");
  options.add("on-finish", retrain.on_finish, "command run at the end, with the night as JSON on its stdin");
  options.add("on-finish-seconds", retrain.on_finish_seconds, "it is stopped after so many seconds");
  options.add("lock-hours", retrain.lock_hours, "a lock held on another host for longer is stale");
  options.add_bytes(
      "memory-per-rank", retrain.memory_per_rank,
      "refuse a step that needs more (2GiB), for steps without such a setting of their own; 0 = no limit");
  declare_page(options, retrain.page);
  declare_stop(options, retrain.stop);
  CheckpointOptions& checkpoints = retrain.train.checkpoints.emplace();
  checkpoints.other_work = OtherWork::begin_anew;  // of an earlier night
  declare_checkpoints(options, checkpoints, CheckpointFolderOption::decided_by_run);
  declare_stop_after_sweeps(options, checkpoints);
  declare_ingest(retrain.ingest_settings, retrain.ingest, OutputOption::decided_by_run);
  declare_train(retrain.train_settings, retrain.train, TrainPaths::decided_by_run);
  OptionSet evaluate, recommend;
  declare_evaluate(evaluate, retrain.evaluate, EvaluatePaths::decided_by_run);
  declare_recommend(recommend, retrain.recommend, RecommendPaths::decided_by_run);
  options.add_section("ingest", retrain.ingest_settings);
  declare_reading_interval(options, retrain.reading_every);
  options.add_section("train", retrain.train_settings);
  options.add_section("evaluate", std::move(evaluate));
  options.add_section("recommend", std::move(recommend));
}

void complete_retrain(RetrainOptions& retrain) {
  if (retrain.store.empty()) throw ConfigError("--store: no folder is given");
  if (retrain.keep < 1) throw ConfigError(fmt::format("--keep {}: must be at least 1", retrain.keep));
  if (retrain.window_days < 0) throw ConfigError("--window-days: must not be negative");
  if (retrain.on_finish_seconds <= 0) throw ConfigError("--on-finish-seconds: must be above 0");
  if (retrain.cold_every < 0) throw ConfigError("--cold-every: must not be negative");
  if (retrain.warm_sweeps < 0) throw ConfigError("--warm-sweeps: must not be negative");
  check_bounds(retrain.bounds);
  check_chooser(retrain.evaluate.chooser);
  check_chooser(retrain.recommend.chooser);
  const Count length = length_of(retrain.metric);
  const auto& at = retrain.evaluate.config.at;
  if (std::find(at.begin(), at.end(), length) == at.end()) {
    throw ConfigError(fmt::format("--metric {}: give a metric of lists at one of evaluate's --at ({})",
                                  retrain.metric, fmt::join(at, ", ")));
  }
  if (retrain.train.family == "blend") {
    throw ConfigError(
        "--train.family blend: its saved models are not of tonight's data; retrain one of its parts");
  }
  if (retrain.train.hold_out != "none") {
    throw ConfigError("--train.hold-out: retrain holds out by time (ingest.hold-out-days)");
  }
  if (!retrain.evaluate.test.empty()) throw ConfigError("--evaluate.test: retrain holds out by time");
  if (!holds_out_by_time(retrain.ingest)) retrain.ingest.hold_out_days = usual_hold_out_days;
  for (Count* budget : {&retrain.ingest.config.memory_per_rank, &retrain.train.memory_per_rank,
                        &retrain.evaluate.memory_per_rank, &retrain.recommend.memory_per_rank}) {
    if (*budget == 0) *budget = retrain.memory_per_rank;
  }
}

}  // namespace pushcart::app
