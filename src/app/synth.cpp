#include <fmt/core.h>

#include <algorithm>

#include "app/command.hpp"
#include "app/paths.hpp"
#include "pushcart/feed/list_files.hpp"
#include "pushcart/synth/synthesize.hpp"

namespace pushcart::app {

namespace {

class Synth : public Command {
 public:
  std::string name() const override { return "synth"; }
  std::string summary() const override { return "generate a believable, dirty shop log with the truth beside it"; }
  std::string record_path() const override { return folder_ + "/run.json"; }
  void declare(OptionSet& options) override {
    options.add("output", folder_, "folder for the log");
    options.add("users", config_.users, "users");
    options.add("items", config_.items, "items");
    options.add("events", config_.events, "lines of all event files together, dirty ones included");
    options.add("days", config_.days, "days");
    options.add("start-date", config_.start_date, "first day (UTC)");
    options.add("seed", config_.seed, "seed: the same seed and settings give the same bytes");
    options.add("categories", config_.categories, "categories; 0 = as many as the word lists have");
    options.add("latent-dimensions", config_.latent_dimensions, "dimensions of the tastes");
    options.add("files", config_.files, "event files");
    options.add_custom(
        "format", Arity::one, "of the event files: csv or jsonl",
        [this](const auto& texts) {
          if (texts.back() != "csv" && texts.back() != "jsonl") {
            throw ConfigError(fmt::format("'{}' is neither csv nor jsonl", texts.back()));
          }
          config_.format = texts.back() == "csv" ? SynthFormat::csv : SynthFormat::jsonl;
        },
        [this] { return std::vector<std::string>{config_.format == SynthFormat::csv ? "csv" : "jsonl"}; });
    options.add_named("compression", config_.compression, "of the event files: none or gzip", compression_from,
                      [](Compression value) { return value == Compression::none ? "none" : "gzip"; });
    options.add("popularity-exponent", config_.popularity_exponent, "weight of the r-th item is (r + 5)^-exponent");
    options.add("popularity-drift", config_.popularity_drift, "how much popularity moves from period to period");
    options.add("taste-drift", config_.taste_drift, "how far tastes turn until the end, 0..1");
    options.add("new-item-share", config_.new_item_share, "share of the items that appear during the log");
    options.add("search-share", config_.search_share, "share of the sessions that begin with a search");
    options.add("return-share", config_.return_share, "share of the purchases that are returned");
    options.add("bot-share", config_.bot_share, "share of the users who are bots");
    for (int fault = 0; fault < num_synth_faults; ++fault) {
      const auto kind = static_cast<SynthFault>(fault);
      options.add(synth_fault_option(kind).substr(2), config_.share(kind),
                  fmt::format("share of dirty lines: {}", synth_fault_name(kind)));
    }
    options.add("truth-users", config_.truth_users, "users whose tastes are saved; 0 = all");
    options.add("truth-list-users", config_.truth_list_users, "of these, users with a list of best items");
    options.add("truth-list-length", config_.truth_list_length, "items in such a list");
    options.add_bytes("memory-per-rank", config_.memory_per_rank,
                      "refuse to start over this much (2GiB); 0 = no limit");
  }
  void run(Session& session) override {
    const SynthSummary summary =
        synthesize(session.comm, config_, folder_, session.phases, &session.outputs.emplace_back());
    auto& results = session.results;
    results["folder"] = folder_;
    results["lines"] = summary.num_lines;
    for (int type = 0; type < num_synth_types; ++type) {
      results["clean"][std::string(synth_type_name(static_cast<SynthType>(type)))] =
          summary.clean[static_cast<std::size_t>(type)];
    }
    for (int fault = 0; fault < num_synth_faults; ++fault) {
      results["dirty"][std::string(synth_fault_name(static_cast<SynthFault>(fault)))] =
          summary.dirty[static_cast<std::size_t>(fault)];
    }
    results["bots"] = summary.num_bots;
    results["bot_lines"] = summary.num_bot_lines;
    results["files"] = summary.files.size();
    results["truth_digest"] = summary.truth_digest;
    session.text = fmt::format("{} lines in {} file(s) in {}\n", summary.num_lines, summary.files.size(), folder_);
  }

 private:
  SynthConfig config_;
  std::string folder_ = "synth";
};

}  // namespace

std::unique_ptr<Command> make_synth() { return std::make_unique<Synth>(); }

}  // namespace pushcart::app
