#include "app/train_rerank.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "app/inputs.hpp"
#include "app/recommend.hpp"
#include "app/recorded_split.hpp"
#include "app/rerank.hpp"
#include "app/step_checkpoints.hpp"
#include "pushcart/base/dump_json.hpp"
#include "pushcart/base/log.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

/// What decides the trees, for the file.
Json settings_of(const RerankConfig& config) {
  const BoosterConfig& trees = config.trees;
  return {{"rerank-n", config.n},
          {"rerank-candidates", config.candidates},
          {"sample-users", config.max_users},
          {"sample-memory", config.memory_bytes},
          {"rerank-validation-share", config.validation_share},
          {"objective", name_of(trees.objective)},
          {"trees", trees.max_trees},
          {"tree-patience", trees.patience},
          {"tree-depth", trees.tree_depth},
          {"learning-rate", trees.learning_rate},
          {"min-child-weight", trees.min_child_weight},
          {"row-share", trees.row_share},
          {"column-share", trees.column_share},
          {"tree-seed", trees.seed}};
}

/// The columns by what the trees gain by them, those of no use left out.
std::vector<std::size_t> columns_by_gain(const Reranker& reranker) {
  const auto& gains = reranker.trees.gain_shares;
  std::vector<std::size_t> order(gains.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::erase_if(order, [&](std::size_t column) { return gains[column] == 0; });
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return gains[a] > gains[b]; });
  return order;
}

Json tell(const Reranker& reranker, const RerankReport& report, Count n) {
  std::string members;
  Json member_ndcg = Json::array();
  for (std::size_t m = 0; m < reranker.members.size(); ++m) {
    members +=
        fmt::format("{}{} {:.4f}", m > 0 ? ", " : "", reranker.members[m].family, report.member_ndcg[m]);
    member_ndcg.push_back({{"family", reranker.members[m].family}, {"ndcg", report.member_ndcg[m]}});
  }
  log_info(
      "re-ranker: {} trees by {} candidates of {} of {} users; {:.1f} % of their held-out items are "
      "candidates",
      reranker.trees.num_trees, report.num_rows, report.num_training, report.num_users, 100 * report.found);
  log_info("re-ranker: NDCG@{} {:.4f} on {} validation users; in the models' own order: {}", n, report.ndcg,
           report.num_validation, members);
  Json gains = Json::object();
  std::string text;
  for (const std::size_t column : columns_by_gain(reranker)) {
    const double share = reranker.trees.gain_shares[column];
    if (gains.size() < 20)
      text += fmt::format("{}{} {:.1f} %", gains.empty() ? "" : ", ", reranker.columns[column], 100 * share);
    gains[reranker.columns[column]] = share;
  }
  log_info("re-ranker: gain by column: {}", text);
  return {{"users", report.num_users},
          {"training_users", report.num_training},
          {"validation_users", report.num_validation},
          {"rows", report.num_rows},
          {"columns", reranker.columns.size()},
          {"held_out_found", report.found},
          {"trees", reranker.trees.num_trees},
          {"ndcg", report.ndcg},
          {"ndcg_by_trees", reranker.trees.validation},
          {"models", std::move(member_ndcg)},
          {"gain", std::move(gains)}};
}

/// All that the re-ranker's bits depend on.
WorkIdentity identity_of(const Dataset& dataset, const std::vector<Model>& models,
                         const std::optional<Features>& features, const RerankConfig& config) {
  WorkIdentity identity = identity_on(dataset);
  add_settings(identity, settings_of(config));
  for (std::size_t m = 0; m < models.size(); ++m) identity[fmt::format("model {}", m + 1)] = models[m].digest;
  if (features) identity["features"] = features->digest;
  return identity;
}

/// The features must be of the training part alone, which only a cut by time can say.
Features features_of_part(Session& session, const std::string& path, const Dataset& dataset,
                          const Split& validation, SplitKind kind) {
  if (kind != SplitKind::last_days) {
    throw ConfigError(fmt::format(
        "--features: they know the pairs that --hold-out {} held out; train the models with --hold-out "
        "last-days, and make features with --cutoff",
        name_of(kind)));
  }
  return load_features(session, path, dataset, validation.train.cutoff_time);
}

/// Says what the training holds on this rank beside data, models and features, and refuses it over budget.
/// Collective.
void announce_training(const Communicator& comm, const std::vector<const Model*>& models,
                       const Split& validation, const Features* features, const RerankConfig& config,
                       Count memory_per_rank) {
  const RerankSampleSizes sizes = sample_sizes(comm, models, validation, features, config);
  MemoryPlan plan;
  plan_reranker_training(plan, comm, sizes, static_cast<Count>(models.size()));
  announce_lists(comm, "train rerank", *models.front(), {sizes.users, sizes.places, sizes.pairs, sizes.pairs},
                 memory_per_rank, std::move(plan), {models.begin() + 1, models.end()});
}

}  // namespace

void declare_rerank_training(OptionSet& options, RerankTraining& training) {
  RerankConfig& config = training.config;
  BoosterConfig& trees = config.trees;
  options.add("model", training.models,
              "rerank: model files whose best items it orders, trained with one --hold-out (repeat)");
  options.add("features", training.features,
              "rerank: features file, made with --cutoff at the held-out part's begin");
  options.add("rerank-n", config.n, "rerank: trees are validated by NDCG at this many places");
  options.add("rerank-candidates", config.candidates, "rerank: a user's best items by each model");
  options.add("sample-users", config.max_users, "rerank: users learned from and validated on, at most about");
  options.add_bytes("sample-memory", config.memory_bytes,
                    "rerank: of what is learned from, on rank 0: fewer users where they would need more");
  options.add("rerank-validation-share", config.validation_share,
              "rerank: share of these users who say how many trees are best, in (0, 1)");
  options.add_named("objective", trees.objective, "rerank: pairwise or ndcg", rank_objective_of,
                    [](RankObjective objective) { return name_of(objective); });
  options.add("trees", trees.max_trees, "rerank: at most");
  options.add("tree-patience", trees.patience,
              "rerank: ends after so many trees that did not help in validation");
  options.add("tree-depth", trees.tree_depth, "rerank: of each tree, at most");
  options.add("learning-rate", trees.learning_rate, "rerank: what each tree counts, in (0, 1]");
  options.add("min-child-weight", trees.min_child_weight,
              "rerank: sum of second derivatives in a leaf, at least");
  options.add("row-share", trees.row_share, "rerank: of the rows, drawn for each tree, in (0, 1]");
  options.add("column-share", trees.column_share, "rerank: of the columns, drawn for each tree, in (0, 1]");
  options.add("tree-seed", trees.seed, "rerank: of these draws");
}

void train_rerank(Session& session, const std::string& dataset_path, const std::string& output,
                  const RerankTraining& training, const CheckpointOptions& checkpoints,
                  Count memory_per_rank) {
  Booster::check_built_in();
  const RerankConfig& config = training.config;
  check_config(config);
  if (training.models.empty())
    throw ConfigError("--model: give the models whose candidates are to be ordered");
  const auto& comm = session.comm;
  std::vector<InputPart> inputs{{"data set", dataset_path}, {"features", training.features}};
  for (const auto& path : training.models) inputs.push_back({"model", path});
  announce_inputs(comm, "train", inputs, memory_per_rank);
  const Dataset dataset = load_dataset(session, dataset_path);
  std::vector<Model> models;
  for (const auto& path : training.models) models.push_back(load_model(session, path, dataset));
  std::vector<const Model*> pointers;
  for (const Model& model : models) pointers.push_back(&model);
  const SplitConfig held_out = common_split(pointers, training.models);
  const Split validation = hold_out(comm, dataset, held_out);
  std::optional<Features> features;
  if (!training.features.empty())
    features = features_of_part(session, training.features, dataset, validation, held_out.kind);
  announce_training(comm, pointers, validation, features ? &*features : nullptr, config, memory_per_rank);
  WorkSteps steps(session, checkpoints, identity_of(dataset, models, features, config), "step");
  RerankReport report;
  Reranker reranker = train_reranker(comm, pointers, validation, features ? &*features : nullptr, config,
                                     report, session.phases, &steps);
  reranker.dataset_digest = dataset.digest;
  if (features) reranker.features_digest = features->digest;
  reranker.config = dump_json(Json{{"settings", settings_of(config)}, {held_out_key, split_json(held_out)}});
  session.results["rerank"] = tell(reranker, report, config.n);
  session.name_at_end(stage_reranker(comm, output, reranker));
  remove_checkpoints_at_end(session, checkpoints.folder, step_state_kind);
  session.results["model"] = {{"path", output}, {"digest", reranker.digest}};
  session.text += fmt::format("re-ranker: {} (digest {})\n", output, reranker.digest);
}

}  // namespace pushcart::app
