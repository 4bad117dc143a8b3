#pragma once

#include <optional>
#include <string>

#include "app/session.hpp"
#include "app/toml_file.hpp"
#include "app/train.hpp"
#include "app/tuning/search_plan.hpp"
#include "app/tuning/trial.hpp"
#include "pushcart/eval/split.hpp"

namespace pushcart::app {

/// The options of `train` with a trial's settings put in, and those of the family chosen.
class TrialSettings {
 public:
  TrialSettings(const TuneOptions& options, const Assignment& assignment) {
    train_.dataset = options.dataset;
    train_.memory_per_rank = options.memory_per_rank;
    declare_train(settings_, train_, TrainPaths::declared);
    OptionValues values{{"family", {options.family}}};
    for (const auto& [key, text] : assignment) values[key] = {text};
    settings_.apply(values);
  }
  TrainOptions& train() { return train_; }
  std::string toml() const { return to_toml(settings_, "train"); }

 private:
  TrainOptions train_;
  OptionSet settings_;
};

/// The ranks that train one model together, and their part of the data.
class TrialGroup {
 public:
  TrialGroup(Session& session, const TuneOptions& options);

  Count number() const { return number_; }
  const Communicator& comm() const { return comm_; }
  const std::string& dataset_digest() const { return digest_; }

  /// Trains and measures. Settings that a family refuses, or cannot solve, are a failed trial. Collective in
  /// the group.
  Trial run(Count number, int rung, Assignment assignment, const Rung& plan);

 private:
  double measure(const Assignment& assignment, const Rung& plan);
  /// What trials learn from that get so many of the users.
  const Dataset& learning_part(double share);

  const TuneOptions& options_;
  Count number_;
  Communicator comm_;
  Session session_;
  Split split_;
  double part_share_ = 1;
  std::optional<Dataset> part_;
  std::string digest_;
};

}  // namespace pushcart::app
