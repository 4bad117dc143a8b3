#pragma once

#include <string>
#include <vector>

#include "app/evaluate.hpp"
#include "app/ingest_checkpoints.hpp"
#include "app/ingest_options.hpp"
#include "app/option_set.hpp"
#include "app/recommend.hpp"
#include "app/report.hpp"
#include "app/stopping.hpp"
#include "app/train.hpp"
#include "pushcart/store/gate.hpp"

namespace pushcart::app {

/// All that `retrain` can be told.
struct RetrainOptions {
  std::string store = "store";
  Count window_days = 0;  ///< of the log, before the night; 0 = all of it
  std::vector<std::string> skip_logs;
  std::string now;  ///< a time; empty = the clock
  bool no_kept_events = false;  ///< all log files are parsed every night
  Count keep = 7;
  Count cold_every =
      7;  ///< published nights from one cold start to the next; 1 = all cold, 0 = only the first
  Count warm_sweeps = 0;  ///< 0 = half of the cold ones
  std::string metric = "recall@20";
  GateBounds bounds;
  bool dry_run = false;
  std::string on_finish;
  double on_finish_seconds = 60;
  double lock_hours = 24;
  Count memory_per_rank = 0;
  PageOptions page;
  StopOptions stop;

  ReadingInterval reading_every;
  IngestOptions ingest;
  TrainOptions train;
  EvaluateOptions evaluate;
  RecommendOptions recommend;
  OptionSet ingest_settings, train_settings;
};
void declare_retrain(OptionSet& options, RetrainOptions& retrain);

/// Puts together what depends on several options; ConfigError. Local.
void complete_retrain(RetrainOptions& retrain);

/// "recall@20" -> "coverage@20".
std::string coverage_beside(const std::string& metric);

}  // namespace pushcart::app
