#include "app/chooser.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "app/learned_evidence.hpp"
#include "app/recorded_split.hpp"
#include "pushcart/base/log.hpp"

namespace pushcart::app {

using Json = nlohmann::ordered_json;

void declare_chooser(OptionSet& options, ChooserOptions& chooser, FurtherModels further) {
  options.add("min-evidence", chooser.min_evidence,
              "pairs that a user needs in the data to be served by the model; 0 = everybody is; default: 1, "
              "or 0 for a "
              "model that maps user attributes to factors");
  if (further == FurtherModels::from_files) {
    options.add(
        "min-evidence-from", chooser.min_evidence_from,
        "in its place as evaluate --learn-min-evidence learned it for these lists: its run record, or "
        "what --json printed");
  } else {
    options.add_flag("learn-min-evidence", chooser.learns_min_evidence,
                     "in its place as what is held out says: as evaluate --learn-min-evidence");
  }
  if (further == FurtherModels::from_files) {
    options.add("fallback", chooser.fallbacks,
                "model files that fill lists which the model does not, in this order (repeat)");
    options.add("fallback-evidence", chooser.fallback_evidence,
                "pairs that a user needs in the data to get places from each --fallback, in their order; "
                "default: 0, or as --min-evidence-from says");
  }
  options.add(
      "category-attribute", chooser.category_attribute,
      "item attribute: lists are filled with what is popular in the user's own categories, before popular");
  options.add(
      "new-share", chooser.new_share,
      "share of all places kept for new items, in [0, 1]; these have the last places of lists; 0 = none");
  options.add("new-days", chooser.new_days,
              "items are new with nothing older than so many days before the cut-off; 0 = without any pairs");
  options.add("new-seed", chooser.new_seed,
              "with the user's id decides which lists get a place for a new item more");
  if (further == FurtherModels::from_files) {
    options.add("new-model", chooser.new_model,
                "model file that ranks new items; default: the first --fallback, else the model");
  }
}

void check_chooser(const ChooserOptions& options) {
  ChooserConfig config;
  config.min_evidence = options.min_evidence.value_or(config.min_evidence);
  for (const Count least : options.fallback_evidence) config.fallbacks.push_back({nullptr, "", least});
  config.new_items = {options.new_share, options.new_days, options.new_seed, nullptr};
  check_chooser_config(config);
  if (options.min_evidence && (options.learns_min_evidence || !options.min_evidence_from.empty()))
    throw ConfigError("--min-evidence: given, and to be learned; choose one");
  if (!options.fallback_evidence.empty()) {
    if (options.fallback_evidence.size() != options.fallbacks.size())
      throw ConfigError(fmt::format("--fallback-evidence: give a number for each of the {} --fallback",
                                    options.fallbacks.size()));
    if (!options.min_evidence_from.empty())
      throw ConfigError("--fallback-evidence: given, and in --min-evidence-from; choose one");
  }
  const ChooserOptions usual;
  if (options.new_share == 0 && (options.new_days != usual.new_days || options.new_seed != usual.new_seed ||
                                 !options.new_model.empty())) {
    throw ConfigError("--new-days, --new-seed and --new-model are for --new-share");
  }
}

bool is_chosen(const ChooserOptions& options) {
  return options.min_evidence || !options.min_evidence_from.empty() || !options.fallbacks.empty() ||
         !options.category_attribute.empty() || options.new_share != 0;
}

void append_inputs(const ChooserOptions& options, std::vector<InputPart>& inputs) {
  for (const auto& path : options.fallbacks) inputs.push_back({"model to fall back on", path});
  inputs.push_back({"model for new items", options.new_model});
}

Count kept_evidence(Count learned) {
  return learned > 1 ? learned : 0;
}

ChooserParts::ChooserParts(Session& session, const ChooserOptions& options, const Dataset& dataset,
                           const Model& personal, std::string served_by)
    : options_(options), personal_(personal), served_by_(std::move(served_by)), learned_(options.learned) {
  for (const auto& path : options.fallbacks) fallbacks_.push_back(load_model(session, path, dataset));
  if (!options.new_model.empty()) new_model_ = load_model(session, options.new_model, dataset);
  if (options.min_evidence_from.empty()) return;
  learned_ = read_learned_evidence(session, options.min_evidence_from);
  if (learned_->model != served_by_ || learned_->filled_by != filled_by()) {
    throw ConfigError(fmt::format(
        "--min-evidence-from {}: learned for lists of {} filled by {}; these are of {} filled by {}",
        options.min_evidence_from, learned_->model, fmt::join(learned_->filled_by, ", "), served_by_,
        fmt::join(filled_by(), ", ")));
  }
  if (!learned_->fallbacks.empty() && learned_->fallbacks.size() != fallbacks_.size()) {
    throw ConfigError(fmt::format(
        "--min-evidence-from {}: has {} numbers of pairs for fallbacks ('fallbacks'); these lists have {}",
        options.min_evidence_from, learned_->fallbacks.size(), fallbacks_.size()));
  }
}

std::vector<std::string> ChooserParts::filled_by() const {
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < fallbacks_.size(); ++i) labels.push_back(label_of(fallbacks_[i], i));
  if (!options_.category_attribute.empty())
    labels.push_back(fmt::format("category '{}'", options_.category_attribute));
  labels.push_back("popular");
  return labels;
}

std::vector<const Model*> ChooserParts::further_models() const {
  std::vector<const Model*> models;
  for (const Model& model : fallbacks_) models.push_back(&model);
  if (new_model_) models.push_back(&*new_model_);
  return models;
}

ChooserParts::Evidence ChooserParts::evidence() const {
  // A model that says the same to everybody needs to know nothing of anybody.
  if (personal_.family == "popular") return {0, "default"};
  if (options_.min_evidence) return {*options_.min_evidence, "given"};
  // Who has no pairs was not learned from: of them the model's kind decides, unless others serve some who
  // have.
  if (learned_ && learned_->min_evidence > 1) {
    const std::string& file = options_.min_evidence_from;
    return {learned_->min_evidence, file.empty() ? "learned in this run" : "learned: " + file};
  }
  // Attributes say something of users who have no pair.
  if (personal_.user_attribute_map) return {0, "default"};
  return {ChooserConfig().min_evidence, "default"};
}

Count ChooserParts::evidence_for(std::size_t fallback) const {
  if (!options_.fallback_evidence.empty()) return options_.fallback_evidence[fallback];
  return learned_ && !learned_->fallbacks.empty() ? kept_evidence(learned_->fallbacks[fallback]) : 0;
}

ChooserConfig ChooserParts::config(const Model& served) const {
  ChooserConfig config;
  config.min_evidence = evidence().pairs;
  for (std::size_t i = 0; i < fallbacks_.size(); ++i) {
    config.fallbacks.push_back({&fallbacks_[i], label_of(fallbacks_[i], i), evidence_for(i)});
  }
  config.category_attribute = options_.category_attribute;
  const Model& first = fallbacks_.empty() ? served : fallbacks_.front();
  config.new_items = {options_.new_share, options_.new_days, options_.new_seed,
                      new_model_ ? &*new_model_ : &first};
  return config;
}

Json ChooserParts::evidence_results() const {
  const auto [pairs, from] = evidence();
  if (from != "default")
    log_info("users with at least {} pairs are served by {} ({})", pairs, served_by_, from);
  Json results = {{"pairs", pairs}, {"from", from}};
  std::vector<Count> of_fallbacks;
  for (std::size_t i = 0; i < fallbacks_.size(); ++i) of_fallbacks.push_back(evidence_for(i));
  if (std::any_of(of_fallbacks.begin(), of_fallbacks.end(), [](Count least) { return least > 0; }))
    results["fallbacks"] = of_fallbacks;
  if (learned_) results["learned"] = to_json(*learned_);
  return results;
}

/// The family, with a number where an earlier source has it too.
std::string ChooserParts::label_of(const Model& model, std::size_t position) const {
  const bool is_popular = model.family == "popular";  // as the last source of all lists is called
  Count number = 1 + (model.family == personal_.family || is_popular ? 1 : 0);
  for (std::size_t i = 0; i < position; ++i) number += fallbacks_[i].family == model.family ? 1 : 0;
  return number == 1 ? model.family : fmt::format("{} {}", model.family, number);
}

void ChooserParts::check_same_split() const {
  const auto check = [&](const Model& model, const char* option) {
    if (recorded_split_json(model) == recorded_split_json(personal_)) return;
    throw ConfigError(fmt::format(
        "{}: this model of family '{}' was trained with another --hold-out than the one evaluated", option,
        model.family));
  };
  for (const Model& model : fallbacks_) check(model, "--fallback");
  if (new_model_) check(*new_model_, "--new-model");
}

namespace {

Json new_items_results(const ListChooser& chooser, const ChooserOptions& options,
                       const std::vector<SourceShare>& shares, Count num_places) {
  SourceShare given{"new", 0, 0, 0};
  for (const SourceShare& share : shares) {
    if (share.label == given.label) given = share;
  }
  const double share =
      num_places > 0 ? static_cast<double>(given.places) / static_cast<double>(num_places) : 0.0;
  log_info(
      "new items: {:.2f} % of the places kept, {:.2f} % given: {} places in {} lists, {} of {} new items",
      100 * options.new_share, 100 * share, given.places, given.lists, given.items, chooser.num_new_items());
  return {{"share_kept", options.new_share}, {"share_given", share},
          {"places", given.places},          {"lists", given.lists},
          {"items_shown", given.items},      {"items", chooser.num_new_items()},
          {"days", options.new_days},        {"seed", options.new_seed}};
}

}  // namespace

namespace {

Json source_results(const std::vector<SourceShare>& shares) {
  Json results;
  std::string text;
  for (const SourceShare& share : shares) {
    results["sources"][share.label] = {
        {"places", share.places}, {"lists", share.lists}, {"items", share.items}};
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", share.label, share.places);
  }
  log_info("places by source: {}", text);
  return results;
}

}  // namespace

Json list_source_results(const Communicator& comm, const Partition& items, const TopLists& lists) {
  return source_results(source_shares(comm, items, lists));
}

Json chooser_results(const Communicator& comm, const ListChooser& chooser, const ChooserOptions& options,
                     const Partition& items, const TopLists& lists) {
  const auto shares = source_shares(comm, items, lists);
  Count num_places = 0;
  for (const SourceShare& share : shares) num_places += share.places;
  Json results = source_results(shares);
  if (options.new_share > 0) results["new_items"] = new_items_results(chooser, options, shares, num_places);
  return results;
}

}  // namespace pushcart::app
