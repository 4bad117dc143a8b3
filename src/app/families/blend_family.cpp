#include <fmt/format.h>

#include <algorithm>

#include "app/families/blend_state.hpp"
#include "app/families/family.hpp"
#include "app/recorded_split.hpp"
#include "app/step_checkpoints.hpp"
#include "pushcart/base/dump_json.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/eval/learn_blend.hpp"
#include "pushcart/models/blend.hpp"
#include "pushcart/models/model_file.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

class BlendFamily : public ModelFamily {
 public:
  std::string name() const override { return "blend"; }
  std::string summary() const override {
    return "a weighted sum of saved models, put on a common scale: usually better than any of them";
  }
  void declare(OptionSet& options) override {
    options.add("models", models_, "model files to blend, trained on this dataset (repeat)");
    options.add("weights", weights_, "a weight a model, in their order; none = learned, or all alike");
    options.add("validation-models", validation_models_,
                "the same kinds of models in the same order, trained with one --hold-out: weights are "
                "learned on what they have not seen");
    options.add(
        "segments", config_.segment_bounds,
        "numbers of interactions that part new from light from heavy users, each with weights of their own");
    options.add("blend-n", config_.n, "weights are learned for NDCG at this many places");
    options.add("blend-candidates", config_.candidates,
                "a user's best items by each model: what scales come from and weights are learned on");
    options.add("blend-users", config_.max_users, "users that weights are learned on, at most");
  }
  std::vector<CheckpointPlace> checkpoint_places(const std::string& folder) const override {
    return {{folder, step_state_kind}};
  }
  Model fit(Session& session, const FitRequest& request) override {
    check();
    std::optional<WorkSteps> checkpoints;
    if (request.checkpoints) {
      checkpoints.emplace(session, *request.checkpoints, identity_of(session, request), "part");
    }
    BlendState state = resume(session, request.train, checkpoints ? &*checkpoints : nullptr);
    const auto between_parts = [&] {
      if (!checkpoints) return;
      const auto parts_done = static_cast<Count>(1 + state.scales.size());
      checkpoints->between_steps(parts_done,
                                 [&](FileWriter& file) { write_blend_state(file, session.comm, state); });
    };
    if (!validation_models_.empty()) {
      if (!state.learned) {
        state.learned = learn(session, request.train);
        between_parts();
      }
      report(session, *state.learned);
    }
    const Weights weights = state.learned ? state.learned->by_segment : given_weights();
    std::vector<Model> models;
    for (const auto& path : models_) models.push_back(read(session, path, request.train));
    const std::optional<SplitConfig> left_out = what_all_left_out(models);
    std::optional<Split> split;
    if (left_out) split = hold_out(session.comm, request.train, *left_out);
    const Dataset& train = split ? split->train : request.train;
    while (state.scales.size() < models.size()) {
      state.scales.push_back(
          score_scales(session.comm, models[state.scales.size()], train, config_.candidates, session.phases));
      if (state.scales.size() < models.size()) between_parts();
    }
    std::vector<BlendPart> parts;
    for (std::size_t m = 0; m < models.size(); ++m) {
      parts.push_back({&models[m], user_weights(train, weights, m, state.scales[m])});
    }
    const auto timer = session.phases.time("blend");
    Model blend = blend_models(session.comm, train, parts);
    Json config = settings(models, weights);
    if (left_out) config[held_out_key] = split_json(*left_out);
    blend.config = dump_json(config);
    return blend;
  }

 private:
  using Weights = std::vector<std::vector<double>>;  // by segment, by model

  void check() const {
    if (models_.empty()) throw ConfigError("--models: give the model files to blend");
    if (!weights_.empty() && weights_.size() != models_.size()) {
      throw ConfigError(fmt::format("--weights: {} for {} models", weights_.size(), models_.size()));
    }
    if (std::any_of(weights_.begin(), weights_.end(), [](double w) { return !(w >= 0); })) {
      throw ConfigError("--weights: must not be negative");
    }
    if (!validation_models_.empty() && validation_models_.size() != models_.size()) {
      throw ConfigError(
          fmt::format("--validation-models: {} for {} models", validation_models_.size(), models_.size()));
    }
    if (!validation_models_.empty() && !weights_.empty()) {
      throw ConfigError("--weights and --validation-models: give one of them");
    }
    if (config_.candidates < 1) throw ConfigError("--blend-candidates: must be at least 1");
  }

  Model read(Session& session, const std::string& path, const Dataset& dataset) const {
    const auto timer = session.phases.time("read models");
    Model model = read_model(session.comm, path, dataset);
    session.note_input(path, model.digest);
    return model;
  }

  /// What the models are, beside their names.
  WorkIdentity identity_of(Session& session, const FitRequest& request) const {
    WorkIdentity identity = request.identity;
    for (const auto* paths : {&models_, &validation_models_}) {
      for (const auto& path : *paths) {
        identity["model " + path] = FileReader(session.comm, path, "").header().content_digest;
      }
    }
    return identity;
  }

  static BlendState resume(Session& session, const Dataset& dataset, WorkSteps* checkpoints) {
    BlendState state;
    if (checkpoints) {
      checkpoints->resume([&](const FileReader& file) {
        state = read_blend_state(file, dataset.users.range(session.comm.rank()), dataset.num_users());
      });
    }
    return state;
  }

  Weights given_weights() const {
    return Weights(config_.segment_bounds.size() + 1,
                   weights_.empty() ? std::vector<double>(models_.size(), 1.0) : weights_);
  }

  BlendWeights learn(Session& session, const Dataset& dataset) const {
    std::vector<Model> models;
    for (const auto& path : validation_models_) models.push_back(read(session, path, dataset));
    std::vector<const Model*> pointers;
    for (const Model& model : models) pointers.push_back(&model);
    const Split validation = hold_out(session.comm, dataset, common_split(pointers, validation_models_));
    return learn_blend(session.comm, pointers, validation, config_, session.phases);
  }

  /// The one --hold-out of all models, which is the blend's then; nothing if they have none or differ.
  static std::optional<SplitConfig> what_all_left_out(const std::vector<Model>& models) {
    const auto first = recorded_split(models.front());
    if (!first) return std::nullopt;
    for (const Model& model : models) {
      if (recorded_split_json(model) != recorded_split_json(models.front())) return std::nullopt;
    }
    return first;
  }

  void report(Session& session, const BlendWeights& learned) const {
    Json segments = Json::array();
    for (std::size_t s = 0; s < learned.by_segment.size(); ++s) {
      log_info(
          "blend, segment {}: weights {:.3f}; NDCG@{} {:.4f} on {} validation users, {:.4f} with equal "
          "weights",
          s + 1, fmt::join(learned.by_segment[s], " "), config_.n, learned.metric[s], learned.num_users[s],
          learned.equal_metric[s]);
      segments.push_back({{"weights", learned.by_segment[s]},
                          {"ndcg", learned.metric[s]},
                          {"ndcg_equal_weights", learned.equal_metric[s]},
                          {"validation_users", learned.num_users[s]}});
    }
    session.results["blend"] = {{"segments", std::move(segments)}};
  }

  /// Weight times scale, by owned user.
  std::vector<float> user_weights(const Dataset& dataset, const Weights& weights, std::size_t model,
                                  const std::vector<float>& scales) const {
    std::vector<float> result;
    for (Count row = 0; row < dataset.by_user.num_rows(); ++row) {
      const std::size_t segment = segment_of(dataset.by_user.row_length(row), config_.segment_bounds);
      result.push_back(static_cast<float>(weights[segment][model]) * scales[static_cast<std::size_t>(row)]);
    }
    return result;
  }

  Json settings(const std::vector<Model>& models, const Weights& weights) const {
    Json parts = Json::array();
    for (const Model& model : models) parts.push_back({{"family", model.family}, {"digest", model.digest}});
    return {{"family", "blend"}, {"parts", std::move(parts)}, {"weights_by_segment", weights}};
  }

  std::vector<std::string> models_, validation_models_;
  std::vector<double> weights_;
  BlendConfig config_;
};

}  // namespace

std::unique_ptr<ModelFamily> make_blend_family() {
  return std::make_unique<BlendFamily>();
}

}  // namespace pushcart::app
