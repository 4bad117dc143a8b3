#include "app/ingest.hpp"

#include <algorithm>
#include <filesystem>

#include "app/command.hpp"
#include "app/ingest_checkpoints.hpp"
#include "app/ingest_options.hpp"
#include "app/paths.hpp"
#include "pushcart/base/days.hpp"
#include "pushcart/base/digest.hpp"
#include "pushcart/base/dump_json.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/base/version.hpp"
#include "pushcart/comm/received_bytes.hpp"
#include "pushcart/feed/push.hpp"
#include "pushcart/ingest/clean_log.hpp"
#include "pushcart/matrix/attach_attributes.hpp"
#include "pushcart/matrix/attach_vectors.hpp"
#include "pushcart/matrix/build_dataset.hpp"
#include "pushcart/matrix/dataset_file.hpp"

namespace pushcart::app {

namespace {

/// The time up to which about `share` of the log's events lie. Collective.
std::int64_t time_of_share(const Communicator& comm, const InteractionLog& log, double share) {
  std::int64_t low = std::numeric_limits<std::int64_t>::max();
  for (const LogEvent& event : log.events) low = std::min(low, event.time);
  low = comm.allreduce(low, Reduce::min);
  std::int64_t high = log.cutoff_time;
  const auto wanted = static_cast<Count>(share * static_cast<double>(comm.sum(static_cast<Count>(log.events.size()))));
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    const auto until = std::count_if(log.events.begin(), log.events.end(),
                                     [&](const LogEvent& event) { return event.time <= middle; });
    if (comm.sum(static_cast<Count>(until)) >= wanted) high = middle;
    else low = middle + 1;
  }
  return low;
}

/// Where the training part ends, if a time split is asked for. Collective.
std::optional<std::int64_t> training_end(const Communicator& comm, const InteractionLog& log,
                                         const IngestOptions& options) {
  if (!options.hold_out_after.empty()) return parse_time_option(options.hold_out_after, "--hold-out-after");
  if (options.hold_out_days > 0) {
    return log.cutoff_time - static_cast<std::int64_t>(options.hold_out_days * day_seconds);
  }
  if (options.hold_out_share > 0) return time_of_share(comm, log, 1 - options.hold_out_share);
  return std::nullopt;
}

/// What a dataset says about its making: nothing in it depends on ranks, paths or the clock.
std::string provenance_text(const std::vector<InputDigest>& inputs, const CleaningReport& report,
                            const OptionSet& settings, std::optional<std::int64_t> train_until) {
  nlohmann::ordered_json provenance;
  provenance["pushcart"] = version();
  provenance["inputs"] = nlohmann::ordered_json::array();
  constexpr std::size_t most_named = 200;  // a log may come in thousands of shards
  for (std::size_t i = 0; i < std::min(inputs.size(), most_named); ++i) {
    const InputDigest& input = inputs[i];
    provenance["inputs"].push_back({{"name", std::filesystem::path(input.path).filename().string()},
                                    {"lines", input.num_lines},
                                    {"digest", digest_text(input.lines_digest)}});
  }
  provenance["num_inputs"] = inputs.size();
  const auto all = config_json(settings);
  for (const auto& [key, value] : all.items()) {
    const bool is_path = key == "input" || key == "output" || key == "rejects" || key == "items" || key == "users" ||
                         key == "item-vectors";
    if (!is_path && key != "memory-per-rank") provenance["settings"][key] = value;
  }
  if (train_until) provenance["train_until"] = utc_text(*train_until);
  nlohmann::ordered_json cleaning = report.to_json();
  for (auto& example : cleaning["examples"]) {
    example["file"] = std::filesystem::path(example["file"].get<std::string>()).filename().string();
  }
  provenance["cleaning"] = std::move(cleaning);
  return dump_json(provenance);
}

void attach_side(Session& session, Dataset& dataset, AttributeSide side, const AttributeFile& file) {
  if (file.path.empty()) return;
  const auto timer = session.phases.time("attach attributes");
  const AttributeReport report = attach_attributes(session.comm, dataset, side, file);
  const char* key = side == AttributeSide::items ? "item_attributes" : "user_attributes";
  session.results[key] = {{"rows", report.rows},         {"matched", report.matched}, {"unknown", report.unknown},
                          {"repeated", report.repeated}, {"bad", report.bad}};
  if (side == AttributeSide::items && file.unknown_items == UnknownItems::added) {
    session.results[key]["added"] = report.added;
  }
  log_info("{}: {} rows, {} attached, {} unknown, {} repeated, {} bad; {} items came new", file.path, report.rows,
           report.matched, report.unknown, report.repeated, report.bad, report.added);
}

void attach_item_vectors(Session& session, Dataset& dataset, const IngestOptions& options) {
  for (const VectorFile& file : options.item_vectors) {
    const auto timer = session.phases.time("attach vectors");
    const VectorReport report = attach_vectors(session.comm, dataset, file, options.config.memory_per_rank);
    session.results["item_vectors"][file.name] = {
        {"rows", report.rows},       {"columns", report.num_columns}, {"matched", report.matched},
        {"unknown", report.unknown}, {"repeated", report.repeated},   {"zero", report.zero},
        {"missing", report.missing}};
    log_info("{}: {} vectors of {}, {} attached, {} unknown, {} repeated, {} zero; {} items have none", file.path,
             report.rows, report.num_columns, report.matched, report.unknown, report.repeated, report.zero,
             report.missing);
  }
}

}  // namespace

bool holds_out_by_time(const IngestOptions& options) {
  return !options.hold_out_after.empty() || options.hold_out_days > 0 || options.hold_out_share > 0;
}

IngestedLog read_log(Session& session, IngestOptions& options, KeptEvents* kept) {
  complete_ingest(options);
  IngestedLog ingested;
  const Count received_before = received_bytes();
  std::unique_ptr<StagedOutput> rejects;
  ingested.log = clean_log(session.comm, options.config, ingested.report, session.phases, &rejects, kept);
  if (rejects) session.outputs.push_back(std::move(rejects));
  if (kept && kept->output) session.outputs.push_back(std::move(kept->output));
  for (const InputDigest& input : ingested.log.inputs) session.note_input(input.path, digest_text(input.lines_digest));
  ingested.received_bytes = received_bytes() - received_before;
  return ingested;
}

Dataset make_dataset(Session& session, IngestedLog ingested, const IngestOptions& options, const OptionSet& settings,
                     HoldOut hold_out) {
  const Count received_before = received_bytes() - ingested.received_bytes;
  const auto train_until =
      hold_out == HoldOut::as_configured ? training_end(session.comm, ingested.log, options) : std::nullopt;
  if (train_until) log_info("training part: events until {}; later ones are held out", utc_text(*train_until));
  CleaningReport& report = ingested.report;
  const std::vector<InputDigest> inputs = ingested.log.inputs;  // build_dataset uses the log up
  Dataset dataset = build_dataset(session.comm, std::move(ingested.log), options.config, train_until, report, session.phases);
  attach_side(session, dataset, AttributeSide::items, options.items);
  attach_side(session, dataset, AttributeSide::users, options.users);
  attach_item_vectors(session, dataset, options);
  dataset.provenance = provenance_text(inputs, report, settings, train_until);
  session.results["cleaning"] = report.to_json();
  session.results["ingest"]["exchange"]["received_bytes_by_rank"] =
      session.comm.allgather(received_bytes() - received_before);
  session.text += report.to_text();
  return dataset;
}

namespace {

class Ingest : public Command {
 public:
  std::string name() const override { return "ingest"; }
  std::string summary() const override { return "read and clean behaviour logs, write a dataset"; }
  std::string record_path() const override { return record_beside(options_.output); }
  void declare(OptionSet& options) override {
    declare_ingest(options, options_, OutputOption::declared);
    declare_ingest_checkpoints(options, checkpoints_);
    declare_ingest(settings_, options_, OutputOption::declared);
  }
  void run(Session& session) override {
    complete(checkpoints_, options_.output);
    make_parent_folder(session.comm, options_.output);
    if (options_.config.rejects_path.empty()) options_.config.rejects_path = sibling(options_.output, "rejects.csv.gz");
    make_parent_folder(session.comm, options_.config.rejects_path);
    check_beside_parts(session.comm, checkpoints_, "--output", options_.output);
    check_beside_parts(session.comm, checkpoints_, "--rejects", options_.config.rejects_path);
    IngestCheckpoints checkpoints(session, checkpoints_, options_.config);
    auto ingested = read_log(session, options_, &checkpoints.kept());
    Dataset dataset = make_dataset(session, std::move(ingested), options_, settings_, HoldOut::as_configured);
    {
      const auto timer = session.phases.time("write dataset");
      session.name_at_end(stage_dataset(session.comm, options_.output, dataset));
    }
    checkpoints.remove_at_end();
    session.results["dataset"] = {{"path", options_.output}, {"digest", dataset.digest}};
    session.text += fmt::format("dataset: {} (digest {})\n", options_.output, dataset.digest);
  }

 private:
  IngestOptions options_;
  IngestCheckpointOptions checkpoints_;
  OptionSet settings_;
};

}  // namespace

std::unique_ptr<Command> make_ingest() { return std::make_unique<Ingest>(); }

}  // namespace pushcart::app
