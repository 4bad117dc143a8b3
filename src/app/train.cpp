#include "app/train.hpp"

#include <fmt/core.h>

#include "app/changed_options.hpp"
#include "app/command.hpp"
#include "app/event_weight_option.hpp"
#include "app/families/family_options.hpp"
#include "app/inputs.hpp"
#include "app/paths.hpp"
#include "app/recorded_split.hpp"
#include "app/stopping.hpp"
#include "app/train_rerank.hpp"
#include "app/training_checkpoints.hpp"
#include "pushcart/base/dump_json.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/models/model_file.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

/// Settings that decide a model's numbers, for its file: no paths, no memory, nothing of other families.
Json model_settings(const OptionSet& settings, const TrainOptions& options) {
  Json config = config_json(settings);
  for (const char* key :
       {"dataset", "output", "memory-per-rank", "batch-memory", "block-columns", "exchange", "exchange-overlap",
        "warm-start", "warm-start-dataset"}) {
    config.erase(key);
  }
  for (const auto& key : keys_of_other_families(options.families, options.family)) config.erase(key);
  return config;
}

/// All that the bits of a model depend on.
WorkIdentity identity_of(const Dataset& dataset, const Json& settings) {
  WorkIdentity identity = identity_on(dataset);
  add_settings(identity, settings);
  return identity;
}

class Train : public Command {
 public:
  std::string name() const override { return "train"; }
  std::string summary() const override { return "fit a model to a dataset: " + family_names(options_.families); }
  std::string details() const override {
    std::string text = "families:\n";
    for (const auto& family : options_.families) text += fmt::format("  {:<10} {}\n", family->name(), family->summary());
    return text + fmt::format("\n  {:<10} no model, but what orders the candidates of several\n", rerank_name);
  }
  std::vector<std::string> positional() const override { return {"family"}; }
  std::string record_path() const override { return record_beside(options_.output); }
  void declare(OptionSet& options) override {
    declare_train(options, options_, TrainPaths::declared);
    declare_train(settings_, options_, TrainPaths::declared);
    options_.checkpoints.emplace();
    declare_checkpoints(options, *options_.checkpoints, CheckpointFolderOption::declared);
    declare_stop_after_sweeps(options, *options_.checkpoints);
    declare_stop(options, stop_);
    declare_rerank_training(options, rerank_);
    OptionSet of_rerank;
    declare_rerank_training(of_rerank, rerank_);
    set_for_rerank_ = ChangedOptions(std::move(of_rerank));
    set_for_models_ = ChangedOptions(settings_);
  }
  void run(Session& session) override {
    check_options();
    const bool is_rerank = options_.family == rerank_name;
    if (is_rerank || find_family(options_.families, options_.family).can_resume()) StopRequest::catch_signals();
    limit_time(session, stop_);
    if (options_.checkpoints->folder.empty())
      options_.checkpoints->folder = checkpoints_beside(options_.output);
    make_parent_folder(session.comm, options_.output);
    if (is_rerank) {
      return train_rerank(session, options_.dataset, options_.output, rerank_, *options_.checkpoints,
                          options_.memory_per_rank);
    }
    announce_inputs(session.comm, "train", {{"data set", options_.dataset}}, options_.memory_per_rank);
    const Dataset dataset = load_dataset(session, options_.dataset);
    Model model = fit(session, dataset, options_, settings_);
    {
      const auto timer = session.phases.time("write model");
      session.name_at_end(stage_model(session.comm, options_.output, model));
      remove_training_checkpoints(session, options_, options_.checkpoints->folder);
    }
    session.results["model"] = {{"path", options_.output}, {"digest", model.digest}};
    session.text += fmt::format("model: {} (digest {})\n", options_.output, model.digest);
  }

 private:
  /// Options that mean nothing for the family would be taken and forgotten.
  void check_options() const {
    if (options_.family != rerank_name) {
      const std::string option = set_for_rerank_.first_but({});
      if (!option.empty()) {
        throw ConfigError(fmt::format("--{}: is for train {}, not for {}", option, rerank_name, options_.family));
      }
      return;
    }
    if (options_.hold_out != "none") {
      throw ConfigError("--hold-out: a re-ranker learns from what was held out when its models were trained");
    }
    const std::string option = set_for_models_.first_but({"family", "dataset", "output", "memory-per-rank"});
    if (!option.empty()) {
      throw ConfigError(fmt::format("--{}: is for families of models, not for {}", option, rerank_name));
    }
  }

  TrainOptions options_;
  StopOptions stop_;
  OptionSet settings_;
  RerankTraining rerank_;
  ChangedOptions set_for_rerank_, set_for_models_;
};

}  // namespace

void declare_train(OptionSet& options, TrainOptions& train, TrainPaths paths) {
  options.add("family", train.family, "model family: " + family_names(train.families));
  if (paths == TrainPaths::declared) {
    options.add("dataset", train.dataset, "dataset file");
    options.add("output", train.output, "model file to write (HDF5)");
  }
  declare_family_options(options, train.families, train.family);
  declare_event_weights(options, train.event_weights,
                        "event types to learn from, with weights: TYPE=1 (repeat); none = all as ingested");
  options.add(
      "hold-out", train.hold_out,
      "leave out of the training, for evaluate: none, random, last-n, last-days, items (whole items, as if "
      "nobody had them), users (whole users, as if nobody knew them), sessions (the latest pair of each user "
      "whose last session has two or more)");
  options.add("hold-out-share", train.split.share,
              "random: share of the pairs, items, users: of these, in (0, 1)");
  options.add("hold-out-popularity", train.split.popularity,
              "random: pairs of an item are held out in proportion to its users to this power; 0 = all alike");
  options.add("hold-out-n", train.split.n, "last-n: the latest pairs of each user");
  options.add("hold-out-seed", train.split.seed, "random, items, users: seed; sessions: of the choice among equal times");
  options.add("hold-out-days", train.split.days, "last-days: pairs seen in the last so many days of the log");
  options.add("hold-out-gap-minutes", train.split.gap_minutes, "sessions: a longer pause begins another session");
  options.add("validation-share", train.validation_share, "with --patience: share of the pairs to validate on");
  options.add("validation-n", train.validation_n, "with --patience: length of the lists validated (Recall@N)");
  options.add_bytes("memory-per-rank", train.memory_per_rank, "refuse to start over this much (2GiB); 0 = no limit");
}

Model fit(Session& session, const Dataset& dataset, const TrainOptions& options, const OptionSet& settings) {
  ModelFamily& family = find_family(options.families, options.family);
  std::optional<Split> split;
  if (options.hold_out != "none") {
    SplitConfig config = options.split;
    config.kind = split_kind_of(options.hold_out);
    const auto timer = session.phases.time("hold out");
    split = hold_out(session.comm, dataset, config);
  }
  FitRequest request{split ? split->train : dataset, options.event_weights, options.validation_share,
                     options.validation_n, options.memory_per_rank, options.start};
  if (options.checkpoints && family.can_resume()) {
    request.checkpoints = &*options.checkpoints;
    request.identity = identity_of(dataset, model_settings(settings, options));
  }
  Model model = family.fit(session, request);
  model.dataset_digest = dataset.digest;
  Json config = Json::parse(model.config.empty() ? "{}" : model.config);
  config["settings"] = model_settings(settings, options);
  if (options.hold_out != "none") {
    SplitConfig held_out = options.split;
    held_out.kind = split_kind_of(options.hold_out);
    config[held_out_key] = split_json(held_out);
  }
  model.config = dump_json(config);
  return model;
}

void remove_training_checkpoints(Session& session, const TrainOptions& options, const std::string& folder) {
  const ModelFamily& family = find_family(options.families, options.family);
  for (const auto& [part, kind] : family.checkpoint_places(folder)) {
    remove_checkpoints_at_end(session, part, kind);
  }
}

std::unique_ptr<Command> make_train() { return std::make_unique<Train>(); }

}  // namespace pushcart::app
