#include "app/train.hpp"

#include <fmt/format.h>

#include "app/command.hpp"
#include "app/paths.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/base/suggest.hpp"
#include "pushcart/eval/evaluate.hpp"
#include "pushcart/matrix/dataset_file.hpp"
#include "pushcart/models/model_file.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

void add_weights(OptionSet& options, std::map<std::string, double>& weights) {
  options.add_custom(
      "event-weight", Arity::many, "event types to learn from, with weights: TYPE=1 (repeat); none = all as ingested",
      [&weights](const auto& texts) {
        weights.clear();
        for (const auto& text : texts) {
          const std::size_t equals = text.rfind('=');
          std::size_t used = 0;
          double weight = 0;
          try {
            if (equals != std::string::npos) weight = std::stod(text.substr(equals + 1), &used);
          } catch (const std::exception&) {
            used = 0;
          }
          if (used == 0 || equals + 1 + used != text.size()) throw ConfigError(fmt::format("'{}' is not TYPE=WEIGHT", text));
          weights[text.substr(0, equals)] = weight;
        }
      },
      [&weights] {
        std::vector<std::string> texts;
        for (const auto& [type, weight] : weights) texts.push_back(fmt::format("{}={}", type, weight));
        return texts;
      });
}

void declare_als(OptionSet& options, AlsConfig& als) {
  options.add_named("preset", als.preset,
                    "als: named parameters: rendle, hkv, alswr, none; automatic = rendle, for ratings alswr",
                    als_preset_of, als_preset_name);
  options.add("k", als.k, "als: number of factors");
  options.add("alpha0", als.alpha0, "als: weight of all pairs, seen or not");
  options.add("lambda", als.lambda, "als: regularization");
  options.add("nu", als.nu, "als: exponent of the regularization's growth with a row's size");
  options.add("alpha", als.alpha, "als, preset hkv: confidence of strength 1");
  options.add_named("transform", als.transform, "als: strength before use: identity or log1p", value_transform_of,
                    value_transform_name);
  options.add("bias-regularization", als.bias_regularization, "als on ratings: added to the counts of the biases");
  options.add("init-stddev", als.init_stddev, "als: standard deviation of start values, over sqrt(k)");
  options.add_named("solver", als.solver,
                    "als: how rows are solved: exact, cg (conjugate gradients), auto = the cheaper by row length",
                    als_solver_of, als_solver_name);
  options.add("cg-tolerance", als.cg_tolerance, "als: cg stops at this share of the right side");
  options.add_named("gather-precision", als.gather_precision,
                    "als: fixed side's rows as read and sent: float32, or bf16 for half the bytes", gather_precision_of,
                    gather_precision_name);
  options.add("sweeps", als.sweeps, "als: sweeps (both half sweeps) at most");
  options.add("seed", als.seed, "als: seed of the start values");
  options.add("tolerance", als.tolerance, "als: stop when the objective falls by less than this share; 0 = never");
  options.add("patience", als.patience, "als: stop after this many sweeps without a better validation metric; 0 = never");
  options.add_bytes("batch-memory", als.batch_bytes, "als: fetched factor rows on a rank at once (256MiB)");
  options.add_bytes("memory-per-rank", als.memory_budget_bytes, "refuse to start over this much (2GiB); 0 = no limit");
}

/// Settings that decide a model's numbers, for its file: no paths, no memory.
Json model_settings(const OptionSet& settings) {
  Json config = config_json(settings);
  for (const char* key : {"dataset", "output", "memory-per-rank", "batch-memory"}) config.erase(key);
  return config;
}

AlsCallbacks callbacks_of(Session& session, const Dataset& train, const std::optional<Split>& validation,
                          const TrainOptions& options) {
  AlsCallbacks callbacks;
  if (validation) {
    callbacks.validate = [&](const Model& model) {
      return validation_metric(session.comm, model, train, validation->held_out, options.validation_n);
    };
  }
  return callbacks;
}

Model fit_als(Session& session, const Dataset& dataset, const TrainOptions& options) {
  std::optional<Split> validation;
  if (options.als.patience > 0) {
    validation = hold_out(session.comm, dataset,
                          {SplitKind::random, options.validation_share, 1, options.als.seed + 0x76616c});
  }
  const Dataset& train = validation ? validation->train : dataset;
  AlsResult result =
      train_als(session.comm, train, options.als, callbacks_of(session, train, validation, options), session.phases);
  const TrainingReport& report = result.report;
  Json sweeps = Json::array();
  for (const auto& sweep : report.sweeps) {
    const HalfSweepSeconds &users = sweep.users, &items = sweep.items;
    Json entry{{"sweep", sweep.sweep},
               {"objective", sweep.objective},
               {"seconds", sweep.seconds},
               {"seconds_on_rank_0",
                {{"gram", users.gram + items.gram},
                 {"eigen", users.eigen + items.eigen},
                 {"rotation", users.rotate + items.rotate},
                 {"exchange", users.exchange + items.exchange},
                 {"solve", users.solve + items.solve}}},
               {"floor_seconds_on_rank_0", sweep.floor_seconds}};
    if (sweep.gradient_steps > 0) entry["gradient_steps_a_row_on_rank_0"] = sweep.gradient_steps;
    if (sweep.validation) entry["validation"] = *sweep.validation;
    sweeps.push_back(std::move(entry));
  }
  session.results["training"] = {{"sweeps", std::move(sweeps)},
                                 {"stopped_by", report.stopped_by},
                                 {"best_sweep", report.best_sweep},
                                 {"fetched_rows_a_sweep_on_rank_0", report.fetched_rows},
                                 {"planned_bytes_on_rank_0", report.planned_bytes},
                                 {"product_flops_per_second_on_rank_0", report.product_flops_per_second},
                                 {"gathered_bytes_per_second_on_rank_0", report.gathered_bytes_per_second}};
  return std::move(result.model);
}

class Train : public Command {
 public:
  std::string name() const override { return "train"; }
  std::string summary() const override { return "fit a model to a dataset: als, popular"; }
  std::vector<std::string> positional() const override { return {"family"}; }
  std::string record_path() const override { return record_beside(options_.output); }
  void declare(OptionSet& options) override {
    declare_train(options, options_, TrainPaths::declared);
    declare_train(settings_, options_, TrainPaths::declared);
  }
  void run(Session& session) override {
    make_parent_folder(session.comm, options_.output);
    std::optional<Dataset> dataset;
    {
      const auto timer = session.phases.time("read dataset");
      dataset = read_dataset(session.comm, options_.dataset);
    }
    session.note_input(options_.dataset, dataset->digest);
    Model model = fit(session, *dataset, options_, settings_);
    {
      const auto timer = session.phases.time("write model");
      write_model(session.comm, options_.output, model);
    }
    session.results["model"] = {{"path", options_.output}, {"digest", model.digest}};
    session.text += fmt::format("model: {} (digest {})\n", options_.output, model.digest);
  }

 private:
  TrainOptions options_;
  OptionSet settings_;
};

}  // namespace

void declare_train(OptionSet& options, TrainOptions& train, TrainPaths paths) {
  options.add("family", train.family, "model family: als, popular");
  if (paths == TrainPaths::declared) {
    options.add("dataset", train.dataset, "dataset file");
    options.add("output", train.output, "model file to write (HDF5)");
  }
  declare_als(options, train.als);
  options.add_custom(
      "measure", Arity::one, "popular: what counts: users or strength",
      [&train](const auto& texts) {
        if (texts.back() == "users") train.popular.measure = PopularMeasure::users;
        else if (texts.back() == "strength") train.popular.measure = PopularMeasure::strength;
        else throw ConfigError(fmt::format("'{}' is neither users nor strength", texts.back()));
      },
      [&train] {
        return std::vector<std::string>{train.popular.measure == PopularMeasure::users ? "users" : "strength"};
      });
  options.add("popular-half-life-days", train.popular.half_life_days, "popular: half-life in days; 0 = no decay");
  add_weights(options, train.als.event_weights);
  options.add("hold-out", train.hold_out, "leave out of the training, for evaluate: none, random, last-n");
  options.add("hold-out-share", train.split.share, "random: share of the pairs, in (0, 1)");
  options.add("hold-out-n", train.split.n, "last-n: the latest pairs of each user");
  options.add("hold-out-seed", train.split.seed, "random: seed");
  options.add("validation-share", train.validation_share, "with --patience: share of the pairs to validate on");
  options.add("validation-n", train.validation_n, "with --patience: length of the lists validated (Recall@N)");
}

Model fit(Session& session, const Dataset& dataset, const TrainOptions& options, const OptionSet& settings) {
  const std::vector<std::string> families{"als", "popular"};
  if (options.hold_out != "none" && options.hold_out != "random" && options.hold_out != "last-n") {
    throw ConfigError(fmt::format("--hold-out: '{}' is none of none, random, last-n", options.hold_out));
  }
  std::optional<Split> split;
  if (options.hold_out != "none") {
    SplitConfig config = options.split;
    config.kind = split_kind_of(options.hold_out);
    const auto timer = session.phases.time("hold out");
    split = hold_out(session.comm, dataset, config);
  }
  const Dataset& train = split ? split->train : dataset;
  Model model;
  if (options.family == "als") {
    model = fit_als(session, train, options);
  } else if (options.family == "popular") {
    PopularConfig config = options.popular;
    config.event_weights = options.als.event_weights;
    if (config.half_life_days < 0) throw ConfigError("--popular-half-life-days: must not be negative");
    const auto timer = session.phases.time("train popular", train.by_user.num_entries());
    model = train_popular(session.comm, train, config);
  } else {
    throw ConfigError(fmt::format("unknown model family '{}'; did you mean '{}'?", options.family,
                                  nearest_word(options.family, families)));
  }
  model.dataset_digest = dataset.digest;
  Json config = Json::parse(model.config.empty() ? "{}" : model.config);
  config["settings"] = model_settings(settings);
  if (options.hold_out != "none") {
    config["held_out"] = {{"kind", options.hold_out},
                          {"share", options.split.share},
                          {"n", options.split.n},
                          {"seed", options.split.seed}};
  }
  model.config = config.dump();
  return model;
}

std::optional<SplitConfig> recorded_split(const Model& model) {
  const Json config = Json::parse(model.config.empty() ? "{}" : model.config);
  if (!config.contains("held_out")) return std::nullopt;
  const Json& held_out = config["held_out"];
  return SplitConfig{split_kind_of(held_out.at("kind").get<std::string>()), held_out.at("share").get<double>(),
                     held_out.at("n").get<Count>(), held_out.at("seed").get<std::uint64_t>()};
}

std::unique_ptr<Command> make_train() { return std::make_unique<Train>(); }

}  // namespace pushcart::app
