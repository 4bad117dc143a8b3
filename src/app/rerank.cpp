#include "app/rerank.hpp"

#include <fmt/format.h>

#include "app/recorded_split.hpp"
#include "pushcart/features/features_file.hpp"

namespace pushcart::app {

void declare_rerank(OptionSet& options, RerankOptions& rerank) {
  options.add(
      "rerank", rerank.file,
      "re-ranker (train rerank): lists are the best of the candidates of all --model, which are of the "
      "families that it learned from, in that order");
  options.add("features", rerank.features, "with --rerank: features file, if it has learned from features");
}

void check_rerank(const RerankOptions& options, const std::vector<std::string>& models) {
  if (models.empty()) throw ConfigError("--model: give a model file");
  if (!options.file.empty()) return Booster::check_built_in();
  if (models.size() > 1) throw ConfigError("--model: several models need a --rerank");
  if (!options.features.empty()) throw ConfigError("--features is for --rerank");
}

void append_inputs(const RerankOptions& options, const std::vector<std::string>& models,
                   std::vector<InputPart>& inputs) {
  for (std::size_t m = 1; m < models.size(); ++m) inputs.push_back({"further model", models[m]});
  inputs.push_back({"features", options.features});
}

Features load_features(Session& session, const std::string& path, const Dataset& dataset,
                       std::int64_t cutoff_time) {
  const auto timer = session.phases.time("read features");
  Features features = read_features(session.comm, path, dataset);
  session.note_input(path, features.digest);
  if (features.cutoff_time > cutoff_time) {
    throw ConfigError(fmt::format(
        "--features: {} knows events until {} (unix seconds), which are held out from {} on; make it with "
        "features --cutoff {}",
        path, features.cutoff_time, cutoff_time + 1, cutoff_time));
  }
  return features;
}

Reranking::Reranking(Session& session, const RerankOptions& options, const std::vector<std::string>& paths,
                     const Dataset& dataset, const Dataset& served, const Model& first)
    : reranker_(read_reranker(session.comm, options.file)), models_{&first} {
  session.note_input(options.file, reranker_.digest);
  for (std::size_t m = 1; m < paths.size(); ++m) {
    further_.push_back(load_model(session, paths[m], dataset));
    models_.push_back(&further_.back());
  }
  if (!options.features.empty())
    features_ = load_features(session, options.features, dataset, served.cutoff_time);
  lists_.emplace(session.comm, reranker_, models_, served, features_ ? &*features_ : nullptr, session.phases);
}

std::string Reranking::identity() const {
  std::string text = "by re-ranker " + reranker_.digest;
  for (const Model* model : models_) text += " model " + model->digest;
  return features_ ? text + " features " + features_->digest : text;
}

std::string Reranking::name() const {
  std::vector<std::string> families;
  for (const Model* model : models_) families.push_back(model->family);
  return fmt::format("rerank of {}", fmt::join(families, ", "));
}

void Reranking::check_same_split(const std::vector<std::string>& paths) const {
  for (std::size_t m = 1; m < models_.size(); ++m) {
    if (recorded_split_json(*models_[m]) == recorded_split_json(*models_.front())) continue;
    throw ConfigError(fmt::format("--model {}: trained with another --hold-out than {}", paths[m], paths[0]));
  }
}

void Reranking::check_tests_unseen_pairs(const Dataset& dataset) const {
  if (!recorded_split(*models_.front()) || reranker_.dataset_digest != dataset.digest) return;
  throw ConfigError(
      "--rerank: it may have learned from the very pairs that these models' training held out; test on what "
      "ingest held out by time, by models that train without --hold-out, or give --test");
}

}  // namespace pushcart::app
