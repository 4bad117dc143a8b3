#include <fmt/core.h>

#include "app/command.hpp"
#include "app/ingest.hpp"
#include "app/inputs.hpp"
#include "app/paths.hpp"
#include "app/recorded_ingest.hpp"
#include "pushcart/base/dump_json.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/base/version.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/features/build_features.hpp"
#include "pushcart/features/features_file.hpp"
#include "pushcart/feed/push.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

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
  std::string record_path() const override { return record_beside(output_); }
  void declare(OptionSet& options) override {
    options.add("dataset", dataset_, "data set");
    options.add("input", inputs_, "the log that it was made of: files or globs; plain, gz or zst");
    options.add("output", output_, "file to write (HDF5)");
    declare_meaning(options);
    options.add_bytes("memory-per-rank", config_.memory_per_rank,
                      "refuse a step that needs more (2GiB); 0 = no limit");
    declare_meaning(settings_);
  }
  void run(Session& session) override {
    const auto& comm = session.comm;
    collectively(comm, "reading the settings", [&] {
      if (inputs_.empty()) throw ConfigError("--input: no log file was given");
      check_config(config_);
    });
    make_parent_folder(comm, output_);
    announce_inputs(comm, "features", {{"data set", dataset_}}, config_.memory_per_rank);
    Dataset dataset = load_dataset(session, dataset_);
    drop_pairs(dataset);
    IngestOptions ingest =
        collectively(comm, "reading the settings of the data set", [&] { return recorded_ingest(dataset); });
    ingest.config.inputs = inputs_;
    ingest.config.keep_details = true;
    ingest.config.memory_per_rank = config_.memory_per_rank;
    IngestedLog ingested = read_log(session, ingest);
    const bool is_its_log = is_log_of(dataset, ingested.log.inputs);
    if (!is_its_log)
      log_warning(
          "{}: was made of other files than these; users and items that it does not know are left out",
          dataset_);

    FeatureReport report;
    Features features = build_features(comm, std::move(ingested.log), ingest.config, dataset, config_, report,
                                       session.phases);
    features.settings = dump_json(Json{{"pushcart", version()}, {"settings", config_json(settings_)}});
    tell(session, features, report, is_its_log);
    write(session, features);
  }

 private:
  void declare_meaning(OptionSet& options) {
    options.add("view-type", config_.view_type, "event type of a page view");
    options.add("cart-type", config_.cart_type, "event type of putting into the cart");
    options.add("purchase-type", config_.purchase_type, "event type of a purchase");
    options.add("windows", config_.window_days, "windows of time before the cut-off, ascending, days");
    options.add("session-gap-minutes", config_.session_gap_minutes,
                "a longer pause begins another session, minutes");
    options.add("utc-offset-hours", config_.utc_offset_hours,
                "the shop's clock is so far ahead of UTC, hours");
    options.add("price-bands", config_.price_bands, "price bands, each with about as many items");
    options.add("category-attribute", config_.category_attribute,
                "attribute of the items that is their category");
    options.add("top-terms", config_.top_terms, "words kept of a user's queries");
    options.add_custom(
        "cutoff", Arity::one,
        "later events do not count, ages run back from here; default: the cut-off of the data set",
        [this](const auto& texts) {
          config_.cutoff.reset();
          if (!texts.back().empty()) config_.cutoff = parse_time_option(texts.back(), "--cutoff");
        },
        [this] {
          return config_.cutoff ? std::vector<std::string>{utc_text(*config_.cutoff)}
                                : std::vector<std::string>{};
        });
  }

  /// Only ids, attributes and searches are used from here on.
  static void drop_pairs(Dataset& dataset) {
    dataset.by_user = {};
    dataset.by_item = {};
    dataset.held_out = {};
    dataset.last_time = {};
    dataset.events = {};
    dataset.item_vectors = {};
  }

  static void tell(Session& session, const Features& features, const FeatureReport& report, bool is_its_log) {
    auto& results = session.results;
    results["events"] = report.num_events;
    results["later_events"] = report.later_events;
    results["unknown_users"] = report.unknown_users;
    results["unknown_items"] = report.unknown_items;
    results["is_log_of_dataset"] = is_its_log;
    results["absent"] = Json::array();
    for (const auto& [name, reason] : report.absent) {
      results["absent"].push_back({{"feature", name}, {"reason", reason}});
      log_info("no feature {}: {}", name, reason);
    }
    log_info(
        "{} events count, {} came after the cut-off; {} users and {} items of the log are not in the data "
        "set",
        report.num_events, report.later_events, report.unknown_users, report.unknown_items);
    session.text += fmt::format(
        "{} users with {} features, {} items with {} features\n", features.users.num_rows(),
        features.of_users.columns.size() + features.of_users.texts.size(), features.items.num_rows(),
        features.of_items.columns.size() + features.of_items.texts.size());
  }

  void write(Session& session, Features& features) const {
    FeatureDistributions distributions;
    {
      const auto timer = session.phases.time("distributions");
      distributions = distributions_of(session.comm, features);
    }
    const auto timer = session.phases.time("write features");
    session.results["distributions"] = distributions.to_json();
    session.name_at_end(stage_features(session.comm, output_, features, distributions));
    session.results["features"] = {{"path", output_}, {"digest", features.digest}};
    session.text += fmt::format("features: {} (digest {})\n", output_, features.digest);
  }

  std::string dataset_ = "data.h5", output_ = "features.h5";
  std::vector<std::string> inputs_;
  FeatureConfig config_;
  OptionSet settings_;  ///< those that decide numbers
};

}  // namespace

std::unique_ptr<Command> make_features() {
  return std::make_unique<MakeFeatures>();
}

}  // namespace pushcart::app
