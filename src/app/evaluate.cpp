#include "app/evaluate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "app/command.hpp"
#include "app/format_options.hpp"
#include "app/inputs.hpp"
#include "app/paths.hpp"
#include "app/recommend.hpp"
#include "app/recorded_split.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/eval/random_order.hpp"
#include "pushcart/eval/read_held_out.hpp"
#include "pushcart/matrix/categories.hpp"
#include "pushcart/matrix/cut_dataset.hpp"
#include "pushcart/models/model_memory.hpp"

namespace pushcart::app {

void declare_evaluate(OptionSet& options, EvaluateOptions& evaluate, EvaluatePaths paths) {
  if (paths == EvaluatePaths::declared) {
    options.add("dataset", evaluate.dataset, "dataset file that the model was trained on");
    options.add("model", evaluate.models,
                "model file; with --rerank several, beside the first of which it is measured");
    declare_rerank(options, evaluate.rerank);
    options.add("beside", evaluate.beside, "model file to measure beside, in place of the usual baseline");
    declare_chooser(options, evaluate.chooser, FurtherModels::from_files);
    options.add_flag(
        "learn-min-evidence", evaluate.learns_min_evidence,
        "find the best --min-evidence, 1 to 1000; what is measured beside the model is what fills lists");
  }
  options.add("test", evaluate.test,
              "files with held-out pairs; none = what ingest (by time) or train (--hold-out) held out");
  declare_format(options, evaluate.test_format, "test-");
  declare_seen(options, evaluate.config.seen);
  options.add_named(
      "among", evaluate.config.among,
      "items that are ranked: all, or cold (those without training pairs, among themselves; the "
      "baseline is then a random order, or with chosen lists the model)",
      candidates_of, candidates_name);
  options.add_flag("exact-filter", evaluate.exact_filter,
                   "spectral: rank by the filter before its weights were cut, beside the model as it is");
  if (paths == EvaluatePaths::declared) {
    options.add(
        "known", evaluate.known,
        "after train --hold-out users or items: so many pairs of each of these are known and folded in, "
        "the first by time (without times some by chance); the rest is ranked");
    options.add(
        "pair-weight", evaluate.fold_in.pair_weight,
        "with --known, als: what each known pair counts, as a multiple of what it counts in training");
  }
  options.add("at", evaluate.config.at, "list lengths N: 5,10,20");
  options.add(
      "segments", evaluate.config.segment_bounds,
      "numbers of training pairs that part new from light from heavy users: all metrics of each, too");
  options.add_custom(
      "category-baseline", Arity::one,
      "item attribute: what is popular in the users' own categories is measured beside popularity; empty = "
      "not; default: category, wherever popularity (--among cold: a random order) is measured and items have "
      "it",
      [&evaluate](const auto& texts) { evaluate.category_baseline = texts.back(); },
      [&evaluate] {
        return evaluate.category_baseline ? std::vector<std::string>{*evaluate.category_baseline}
                                          : std::vector<std::string>{};
      });
  options.add("replicates", evaluate.config.replicates,
              "bootstrap replicates for the 95 % intervals; 0 = none");
  options.add("bootstrap-seed", evaluate.config.seed, "seed of the bootstrap");
  options.add_bytes("memory-per-rank", evaluate.memory_per_rank,
                    "refuse to start over this much (2GiB); 0 = no limit");
}

namespace {

/// What the model's training held out, with the known pairs apart that the options ask for.
std::optional<Split> split_of(const Communicator& comm, const Dataset& dataset, const Model& model,
                              const EvaluateOptions& options) {
  std::optional<SplitConfig> config = recorded_split(model);
  const bool takes_known = config && (config->kind == SplitKind::users || config->kind == SplitKind::items);
  if (options.known != 0 && (!takes_known || !options.test.empty())) {
    throw ConfigError(
        "--known: only users or items that train --hold-out users or items held out have known pairs");
  }
  if (!config) return std::nullopt;
  config->known = options.known;
  return hold_out(comm, dataset, *config);
}

/// Item attribute of what is measured beside the usual baseline; empty where there is another.
std::string category_attribute(const EvaluateOptions& options, const ChooserOptions& chosen,
                               const Dataset& dataset) {
  const bool is_usual =
      !options.exact_filter && options.rerank.file.empty() && options.beside.empty() && !is_chosen(chosen);
  if (!options.category_baseline) return is_usual ? usual_category_baseline : "";
  const std::string& given = *options.category_baseline;
  if (given.empty()) return given;
  if (!is_usual) {
    throw ConfigError(
        "--category-baseline: is measured only where the baseline is popularity or, among cold items, a "
        "random order");
  }
  check_item_attribute(dataset, given, "--category-baseline");
  return given;
}

/// Says what an evaluation holds on this rank beside data set and model, and refuses it over budget, before
/// anything of it is there. Collective.
void announce_evaluation(const Communicator& comm, const Dataset& dataset, const Model& model,
                         const Model* beside, const ChooserParts& parts, const EvaluateOptions& options,
                         EvaluateConfig config) {
  if (!has_item_attribute(dataset, config.category_attribute)) config.category_attribute.clear();
  MemoryPlan plan;
  const DatasetSizes whole = sizes_of(dataset);
  if (const auto split = recorded_split(model)) plan_split(plan, whole, *split, options.known);
  // Of the items alone, and with the newcomers.
  if (options.known != 0) plan.add("models with newcomers", 2 * memory_bytes(model));
  const Count users = dataset.by_user.num_rows(), batch = std::min(users, config.batch_users);
  const Count pairs = dataset.by_user.num_entries();
  const Count longest = config.at.empty() ? 0 : *std::max_element(config.at.begin(), config.at.end());
  plan_evaluation(plan, config, users, dataset.by_item.num_rows(), dataset.num_items());
  ChooserConfig chooser = parts.config(model);
  if (!config.category_attribute.empty()) chooser.category_attribute = config.category_attribute;
  plan_chosen_lists(plan, dataset, parts, chooser, batch, pairs, std::min(longest, dataset.num_items()));
  if (options.exact_filter) ExactFilter::plan(plan, comm, dataset, dataset, exact_filter_bytes);
  std::vector<const Model*> further = parts.further_models();
  if (beside) {
    plan.add("model beside", memory_bytes(*beside));
    further.push_back(beside);
  }
  announce_lists(comm, "evaluate", model, {batch, longest, pairs, pairs}, options.memory_per_rank,
                 std::move(plan), further);
}

/// The same of what a re-ranker adds. Collective.
void announce_reranking(const Communicator& comm, const Dataset& train, const Reranking& reranking,
                        const EvaluateOptions& options) {
  const Count batch = std::min(train.by_user.num_rows(), options.config.batch_users);
  const std::vector<const Model*>& models = reranking.models();
  MemoryPlan plan;
  const Count pairs = train.by_user.num_entries();
  reranking.plan(plan, batch, pairs);
  announce_lists(comm, "evaluate --rerank", *models.front(),
                 {batch, reranking.reranker().candidates, pairs, pairs}, options.memory_per_rank,
                 std::move(plan), {models.begin() + 1, models.end()});
}

/// Another model, which must not know what `model` is tested on.
std::optional<Model> model_beside(Session& session, const Dataset& dataset, const Model& model,
                                  const std::string& path) {
  if (path.empty()) return std::nullopt;
  Model beside = load_model(session, path, dataset);
  if (recorded_split_json(beside) != recorded_split_json(model)) {
    throw ConfigError(
        fmt::format("--beside {}: trained with another --hold-out than the model evaluated", path));
  }
  return beside;
}

/// To learn from how many pairs on the model serves users, all are served by what would fill their lists.
ChooserOptions measured_chooser(const EvaluateOptions& options) {
  ChooserOptions chooser = options.chooser;
  if (!options.learns_min_evidence) return chooser;
  if (chooser.min_evidence || !chooser.min_evidence_from.empty() || !chooser.fallback_evidence.empty() ||
      chooser.new_share != 0) {
    throw ConfigError(
        "--learn-min-evidence: give neither --min-evidence, --min-evidence-from, --fallback-evidence nor "
        "--new-share with it");
  }
  chooser.min_evidence = std::numeric_limits<Count>::max();
  return chooser;
}

/// Lists of the request's users that hold nothing yet.
TopLists empty_lists(const TopRequest& request) {
  TopLists lists;
  lists.rows = request.users;
  lists.offsets.assign(request.users.size() + 1, 0);
  return lists;
}

/// From how many pairs on each fallback serves users better than what fills their lists after it; the last is
/// learned first. The chooser then keeps to it. Collective. @param allowed  as the chooser has it
std::vector<Count> learn_fallbacks(Session& session, const Dataset& train, const HeldOut& held_out,
                                   EvaluateConfig config, const std::vector<std::uint8_t>& allowed,
                                   ChooserConfig& chooser) {
  config.segment_bounds.clear();
  config.learns_min_evidence = true;
  std::vector<Count> learned;
  ChooserConfig after = chooser;
  after.min_evidence = 0;
  after.fallbacks.clear();
  for (auto fallback = chooser.fallbacks.rbegin(); fallback != chooser.fallbacks.rend(); ++fallback) {
    const Model& model = *fallback->model;
    const ListChooser rest(session.comm, train, after, allowed, session.phases);
    config.lists = [&](const TopRequest& request) { return rest.lists(request, empty_lists); };
    // As it serves: a fallback gives what it scores above 0, and the rest of a list comes from what follows.
    config.baseline_lists = [&](const TopRequest& request) {
      return rest.lists(request, [&](const TopRequest& wanted) {
        TopLists lists = empty_lists(wanted);
        fill_from_model(session.comm, model, train, wanted, lists, fallback->label, 0, session.phases);
        return lists;
      });
    };
    const auto report = evaluate(session.comm, model, model, train, held_out, config, session.phases);
    learned.insert(learned.begin(), report.learned->min_evidence);
    fallback->min_evidence = kept_evidence(learned.front());
    after.fallbacks.insert(after.fallbacks.begin(), *fallback);
  }
  return learned;
}

}  // namespace

EvaluationReport assess(Session& session, const Dataset& dataset, const Model& trained,
                        const EvaluateOptions& options) {
  const auto& comm = session.comm;
  const ChooserOptions chosen = measured_chooser(options);
  if (options.exact_filter && is_chosen(chosen)) {
    throw ConfigError("--exact-filter and options for chosen lists: give one of them");
  }
  if (!options.beside.empty() && (options.exact_filter || options.known != 0 || options.learns_min_evidence))
    throw ConfigError("--beside: neither with --exact-filter, --known nor --learn-min-evidence");
  const bool reranks = !options.rerank.file.empty();
  if (reranks && (options.exact_filter || options.known != 0))
    throw ConfigError("--rerank: neither with --exact-filter nor with --known");
  if (options.known != 0 && !(chosen.fallbacks.empty() && chosen.new_model.empty())) {
    throw ConfigError("--known: further models (--fallback, --new-model) are not folded in");
  }
  const ChooserParts parts(session, chosen, dataset, trained, reranks ? reranked_source : trained.family);
  parts.check_same_split();
  EvaluateConfig config = options.config;
  config.category_attribute = category_attribute(options, chosen, dataset);
  const std::optional<Model> beside = model_beside(session, dataset, trained, options.beside);
  announce_evaluation(comm, dataset, trained, beside ? &*beside : nullptr, parts, options, config);
  std::optional<Split> split = split_of(comm, dataset, trained, options);
  const Dataset& trained_on = split ? split->train : dataset;
  const bool has_known = split && split->known;
  const Dataset& train = has_known ? split->known->all : trained_on;
  const bool knows_items = has_known && recorded_split(trained)->kind == SplitKind::items;
  std::optional<Model> folded;
  if (knows_items) {
    folded = fold_in_items(comm, trained, trained_on, train, session.phases, options.fold_in);
    config.cold_items = items_without_pairs(trained_on);
  } else if (has_known) {
    folded = fold_in(comm, trained, trained_on, split->known->newcomers, session.phases, options.fold_in);
  }
  const Model& model = folded ? *folded : trained;
  std::optional<HeldOut> held_out;
  {
    const auto timer = session.phases.time("read held-out pairs");
    if (!options.test.empty()) {
      held_out = read_held_out(comm, train, options.test, options.test_format, config.seen);
      log_info("evaluated on the pairs of {}", fmt::join(options.test, ", "));
    } else if (split) {
      held_out = std::move(split->held_out);
      const bool two_choices = comm.sum(dataset.held_out.num_entries()) > 0;
      log_info("evaluated on what train held out{}{}",
               has_known ? fmt::format(", with {} pairs of each known", options.known) : "",
               two_choices ? ", not on what ingest held out by time" : "");
    } else {
      held_out = held_out_of(comm, dataset);
      log_info("evaluated on what ingest held out by time");
    }
  }
  if (options.exact_filter) {
    const ExactFilter filter(comm, model, train, trained_on, exact_filter_bytes);
    config.exact_filter = &filter;
    EvaluationReport report = evaluate(comm, model, model, train, *held_out, config, session.phases);
    report.family += ", exact filter";
    return report;
  }
  std::optional<Reranking> reranking;
  if (reranks) {
    reranking.emplace(session, options.rerank, options.models, dataset, train, model);
    reranking->check_same_split(options.models);
    if (options.test.empty()) reranking->check_tests_unseen_pairs(dataset);
    announce_reranking(comm, train, *reranking, options);
  }
  const Model& without = beside ? *beside : model;
  const ListSearch personal = [&](const TopRequest& request) {
    return reranking ? reranking->lists(request) : top_items(comm, model, train, request, session.phases);
  };
  const std::string name = reranking ? reranking->name() : model.family;
  if (is_chosen(chosen)) {
    std::vector<std::uint8_t> allowed = config.cold_items;
    if (config.among == Candidates::cold && allowed.empty()) allowed = items_without_pairs(train);
    if (config.among == Candidates::all) allowed.clear();
    ChooserConfig chooser_config = parts.config(model);
    std::vector<Count> of_fallbacks;
    if (options.learns_min_evidence)
      of_fallbacks = learn_fallbacks(session, train, *held_out, config, allowed, chooser_config);
    const ListChooser chooser(comm, train, chooser_config, allowed, session.phases);
    config.learns_min_evidence = options.learns_min_evidence;
    config.lists = [&](const TopRequest& request) { return chooser.lists(request, personal); };
    // What is learned is from when on the lists that would be served are better: reranked ones, if so.
    if (options.learns_min_evidence && reranks) config.baseline_lists = personal;
    EvaluationReport report = evaluate(comm, model, without, train, *held_out, config, session.phases);
    report.family = name + ", chosen lists";
    if (config.baseline_lists) report.baseline_family = name;
    if (report.learned) {
      report.learned->model = reranks ? reranked_source : trained.family;
      report.learned->filled_by = parts.filled_by();
      report.learned->fallbacks = of_fallbacks;
    }
    return report;
  }
  if (reranking) {
    config.lists = personal;
    EvaluationReport report = evaluate(comm, model, without, train, *held_out, config, session.phases);
    report.family = name;
    return report;
  }
  if (beside) return evaluate(comm, model, *beside, train, *held_out, config, session.phases);
  // What the model was folded in with counts for popularity, too; known pairs of users are the users' own.
  const Dataset& counted = knows_items ? train : trained_on;
  const Model baseline = config.among == Candidates::cold ? random_order(comm, trained_on, config.seed)
                                                          : train_popular(comm, counted, PopularConfig{});
  return evaluate(comm, model, baseline, train, *held_out, config, session.phases);
}

namespace {

class Evaluate : public Command {
 public:
  std::string name() const override { return "evaluate"; }
  std::string summary() const override { return "measure a model on held-out pairs, beside popularity"; }
  std::string record_path() const override {
    return record_beside(sibling(options_.models.empty() ? "" : options_.models.front(), "evaluation.json"));
  }
  void declare(OptionSet& options) override { declare_evaluate(options, options_, EvaluatePaths::declared); }
  void run(Session& session) override {
    check_chooser(options_.chooser);
    check_rerank(options_.rerank, options_.models);
    if (options_.known == 0 && options_.fold_in.pair_weight != FoldInConfig{}.pair_weight)
      throw ConfigError("--pair-weight is for --known");
    std::vector<InputPart> inputs{{"data set", options_.dataset},
                                  {"model", options_.models.front()},
                                  {"model beside", options_.beside}};
    append_inputs(options_.rerank, options_.models, inputs);
    append_inputs(options_.chooser, inputs);
    announce_inputs(session.comm, "evaluate", inputs, options_.memory_per_rank);
    const Dataset dataset = load_dataset(session, options_.dataset);
    const Model model = load_model(session, options_.models.front(), dataset);
    const EvaluationReport report = assess(session, dataset, model, options_);
    session.results = report.to_json();
    session.text = report.to_text();
  }

 private:
  EvaluateOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_evaluate() {
  return std::make_unique<Evaluate>();
}

}  // namespace pushcart::app
