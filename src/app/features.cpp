#include "app/features.hpp"

#include <fmt/core.h>

#include <utility>

#include "app/changed_options.hpp"
#include "app/command.hpp"
#include "app/families/term_options.hpp"
#include "app/ingest.hpp"
#include "app/inputs.hpp"
#include "app/paths.hpp"
#include "app/recorded_ingest.hpp"
#include "pushcart/base/dump_json.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/base/version.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/received_bytes.hpp"
#include "pushcart/features/features_file.hpp"
#include "pushcart/feed/push.hpp"

namespace pushcart::app {

using Json = nlohmann::ordered_json;

namespace {

/// All that means something with vectors of texts or categories only.
void declare_vectors(OptionSet& options, TextVectorsConfig& text) {
  declare_terms(options, text.terms, " for --text-vectors");
  options.add("tolerance", text.svd.tolerance,
              "residual of the singular vectors, as a share of their eigenvalue");
  options.add("max-rounds", text.svd.max_rounds, "rounds of the subspace iteration at most");
  options.add("seed", text.svd.seed, "seed of the start values");
  options.add_bytes("batch-memory", text.svd.batch_bytes,
                    "rows of singular vectors fetched on a rank at once (256MiB)");
}

}  // namespace

void declare_features(OptionSet& options, FeatureConfig& config) {
  options.add("view-type", config.view_type, "event type of a page view");
  options.add("cart-type", config.cart_type, "event type of putting into the cart");
  options.add("purchase-type", config.purchase_type, "event type of a purchase");
  options.add("windows", config.window_days, "windows of time before the cut-off, ascending, days");
  options.add("session-gap-minutes", config.session_gap_minutes,
              "a longer pause begins another session, minutes");
  options.add("utc-offset-hours", config.utc_offset_hours, "the shop's clock is so far ahead of UTC, hours");
  options.add("price-bands", config.price_bands, "price bands, each with about as many items");
  options.add("category-attribute", config.category_attribute,
              "attribute of the items that is their category");
  options.add("top-terms", config.top_terms, "words kept of a user's queries");
  options.add(
      "text-vectors", config.text.dimensions,
      "numbers of a dense vector of each item's texts (truncated SVD of TF-IDF); 0 = no such vectors");
  options.add(
      "category-vectors", config.category_dimensions,
      "numbers of a dense vector of each item's categories (truncated SVD of who had which); 0 = no such "
      "vectors");
  declare_vectors(options, config.text);
  options.add_custom(
      "cutoff", Arity::one,
      "later events do not count, ages run back from here; default: the cut-off of the data set",
      [&config](const auto& texts) {
        config.cutoff.reset();
        if (!texts.back().empty()) config.cutoff = parse_time_option(texts.back(), "--cutoff");
      },
      [&config] {
        return config.cutoff ? std::vector<std::string>{utc_text(*config.cutoff)}
                             : std::vector<std::string>{};
      });
}

void check_features(const FeatureConfig& config) {
  check_config(config);
  if (config.text.dimensions != 0) return;
  TextVectorsConfig text;
  OptionSet options;
  declare_vectors(options, text);
  const ChangedOptions changed(std::move(options));
  text = config.text;
  std::vector<std::string> of_categories;
  if (config.category_dimensions > 0)
    of_categories = {"tag-separator", "tolerance", "max-rounds", "seed", "batch-memory"};
  const std::string option = changed.first_but(of_categories);
  if (!option.empty())
    throw ConfigError(fmt::format("--{}: is for --text-vectors, which is not given", option));
}

namespace {

Json report_json(const FeatureReport& report, bool is_its_log) {
  Json results{{"events", report.num_events},           {"later_events", report.later_events},
               {"unknown_users", report.unknown_users}, {"unknown_items", report.unknown_items},
               {"is_log_of_dataset", is_its_log},       {"absent", Json::array()}};
  for (const auto& [name, reason] : report.absent) {
    results["absent"].push_back({{"feature", name}, {"reason", reason}});
    log_info("no feature {}: {}", name, reason);
  }
  if (report.text) {
    results["text_vectors"] = {{"terms", report.text->num_terms},
                               {"entries", report.text->num_entries},
                               {"items_without", report.text->num_items_without},
                               {"singular_values", report.text->singular_values},
                               {"kept_share_of_squares", report.text->kept_share_of_all},
                               {"rounds", report.text->rounds}};
  }
  if (report.category_vectors) {
    const CategoryVectorsReport& vectors = *report.category_vectors;
    results["category_vectors"] = {
        {"categories", vectors.num_categories},        {"entries", vectors.num_entries},
        {"items_without", vectors.num_items_without},  {"singular_values", vectors.singular_values},
        {"kept_share_of_squares", vectors.kept_share}, {"rounds", vectors.rounds}};
  }
  log_info(
      "{} events count, {} came after the cut-off; {} users and {} items of the log are not in the data set",
      report.num_events, report.later_events, report.unknown_users, report.unknown_items);
  return results;
}

/// Writes the file. @return its path and digest, and how features are spread
Json write_features(Session& session, Features& features, const std::string& path) {
  FeatureDistributions distributions;
  {
    const auto timer = session.phases.time("distributions");
    distributions = distributions_of(session.comm, features);
  }
  const auto timer = session.phases.time("write features");
  session.name_at_end(stage_features(session.comm, path, features, distributions));
  session.text += fmt::format(
      "{} users with {} features, {} items with {} features\nfeatures: {} (digest {})\n",
      features.users.num_rows(), features.of_users.columns.size() + features.of_users.texts.size(),
      features.items.num_rows(), features.of_items.columns.size() + features.of_items.texts.size(), path,
      features.digest);
  return {{"distributions", distributions.to_json()},
          {"features", {{"path", path}, {"digest", features.digest}}}};
}

}  // namespace

LogFeatures read_features(Session& session, const Dataset& dataset, const FeatureOptions& options) {
  const auto& comm = session.comm;
  const Count received_before = received_bytes();
  IngestOptions ingest =
      collectively(comm, "reading the settings of the data set", [&] { return recorded_ingest(dataset); });
  ingest.config.inputs = options.inputs;
  ingest.config.keep_details = true;
  ingest.config.memory_per_rank = options.config.memory_per_rank;
  IngestedLog ingested = read_log(session, ingest);
  LogFeatures made;
  made.is_its_log = is_log_of(dataset, ingested.log.inputs);
  if (!made.is_its_log) {
    log_warning(
        "features: the data set was made of other files than these; users and items that it does not know "
        "are left out");
  }
  made.features = build_features(comm, std::move(ingested.log), ingest.config, dataset, options.config,
                                 made.report, session.phases);
  made.received_bytes = received_bytes() - received_before;
  return made;
}

void drop_pairs(Dataset& dataset) {
  dataset.by_user = {};
  dataset.by_item = {};
  dataset.held_out = {};
  dataset.last_time = {};
  dataset.events = {};
  dataset.item_vectors = {};
}

Json make_feature_file(Session& session, const Dataset& dataset, const FeatureOptions& options) {
  FeatureConfig config = options.config;
  OptionSet settings;
  declare_features(settings, config);
  LogFeatures made = read_features(session, dataset, options);
  made.features.settings = dump_json(Json{{"pushcart", version()}, {"settings", config_json(settings)}});
  Json results = report_json(made.report, made.is_its_log);
  results["exchange"] = {{"received_bytes_by_rank", session.comm.allgather(made.received_bytes)}};
  results.update(write_features(session, made.features, options.output));
  return results;
}

namespace {

/// What the log says of users and items, beside who had what.
class MakeFeatures : public Command {
 public:
  std::string name() const override { return "features"; }
  std::string summary() const override {
    return "make features of users and items from the log of a data set";
  }
  std::string details() const override {
    return "The log is read and cleaned as for the data set, which says how. Rows are the data set's users "
           "and "
           "items, in its order.\n";
  }
  std::string record_path() const override { return record_beside(options_.output); }
  void declare(OptionSet& options) override {
    options.add("dataset", dataset_, "data set");
    options.add("input", options_.inputs, "the log that it was made of: files or globs; plain, gz or zst");
    options.add("output", options_.output, "file to write (HDF5)");
    declare_features(options, options_.config);
    options.add_bytes("memory-per-rank", options_.config.memory_per_rank,
                      "refuse a step that needs more (2GiB); 0 = no limit");
  }
  void run(Session& session) override {
    const auto& comm = session.comm;
    collectively(comm, "reading the settings", [&] {
      if (options_.inputs.empty()) throw ConfigError("--input: no log file was given");
      check_features(options_.config);
    });
    make_parent_folder(comm, options_.output);
    announce_inputs(comm, "features", {{"data set", dataset_}}, options_.config.memory_per_rank);
    Dataset dataset = load_dataset(session, dataset_);
    drop_pairs(dataset);
    session.results.update(make_feature_file(session, dataset, options_));
  }

 private:
  std::string dataset_ = "data.h5";
  FeatureOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_features() {
  return std::make_unique<MakeFeatures>();
}

}  // namespace pushcart::app
