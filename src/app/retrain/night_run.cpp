#include "app/retrain/night_run.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <exception>
#include <filesystem>

#include "app/evaluate.hpp"
#include "app/families/family_options.hpp"
#include "app/ingest.hpp"
#include "app/ingest_checkpoints.hpp"
#include "app/last_step.hpp"
#include "app/learned_evidence.hpp"
#include "app/recommend.hpp"
#include "app/report.hpp"
#include "app/retrain/on_finish.hpp"
#include "app/retrain/version_output.hpp"
#include "app/train.hpp"
#include "pushcart/base/days.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/checkpoint/row_lists.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/eval/evaluate.hpp"
#include "pushcart/eval/split.hpp"
#include "pushcart/feed/push.hpp"
#include "pushcart/matrix/dataset_file.hpp"
#include "pushcart/matrix/training_digest.hpp"
#include "pushcart/models/model_file.hpp"
#include "pushcart/models/renumber.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

Json drift_json(const std::vector<TypeDrift>& drift) {
  Json list = Json::array();
  for (const TypeDrift& type : drift) {
    list.push_back({{"type", type.type},
                    {"usual", type.usual},
                    {"count", type.count},
                    {"days_ago", type.days_ago},
                    {"ratio", type.ratio}});
  }
  return list;
}

double value_of(const std::vector<MetricValue>& metrics, const std::string& name) {
  const auto found = std::find_if(metrics.begin(), metrics.end(),
                                  [&](const MetricValue& metric) { return metric.name == name; });
  if (found != metrics.end()) return found->value;
  std::string known;
  for (const MetricValue& metric : metrics) known += (known.empty() ? "" : ", ") + metric.name;
  throw ConfigError(fmt::format("--metric {}: there are {}", name, known));
}

}  // namespace

NightRun::NightRun(Session& session, RetrainOptions& options)
    : session_(session), comm_(session.comm), options_(options), store_(options.store) {}

void NightRun::run() {
  train_and_judge();
  if (options_.on_finish.empty()) return;
  session_.outputs.push_back(std::make_unique<LastStep>(comm_, [this] { notify(); }));
}

void NightRun::notify() const {
  run_on_finish(options_.on_finish, night_text(night_) + "\n", options_.on_finish_seconds);
}

void NightRun::train_and_judge() {
  begin();
  if (tonight_.inputs.empty()) return hold("no log file holds anything");
  auto ingested = read();
  if (!ingested || !log_passes(*ingested)) return;
  Dataset part =
      make_dataset(session_, *ingested, options_.ingest, options_.ingest_settings, HoldOut::as_configured);
  part.digest = training_digest(comm_, part);  // it gets no file: its checkpoints must know it
  choose_start();
  const Model measured = fit_part(part, Part::measured);
  if (!measure(part, measured)) return;
  make_version(*ingested, part, measured);
}

void NightRun::begin() {
  collectively(comm_, "completing the settings", [&] { complete_retrain(options_); });
  limit_time(session_, options_.stop);
  tonight_ = begin_night(comm_, store_, options_);
  night_.number = tonight_.number;
  night_.time = utc_text(tonight_.now);
  IngestConfig& config = options_.ingest.config;
  config.inputs = tonight_.inputs;
  config.now = tonight_.now;
  if (options_.window_days > 0) config.window_begin = tonight_.now - options_.window_days * day_seconds;
  config.list_outside_window = false;  // else each night would copy all of the older log
  config.rejects_path = store_.folder() + "/rejects.csv.gz";
  log_info("night {}, for {}: {} log files; {}", tonight_.number, utc_text(tonight_.now),
           tonight_.inputs.size(),
           tonight_.service.empty() ? "no version in service yet" : "in service: " + tonight_.service);
  collectively(comm_, "making the version's folder", [&] {
    if (comm_.is_root()) make_folder(folder());
  });
}

std::optional<IngestedLog> NightRun::read() {
  IngestCheckpointOptions reading = checkpoints_of_reading(
      *options_.train.checkpoints, options_.reading_every, store_.folder() + "/kept-events");
  reading.checkpoints.resume = resume_auto;  // --no-kept-events leaves them out
  IngestCheckpoints checkpoints(session_, reading, options_.ingest.config);
  checkpoints.serve_until_kept();
  KeptEvents& kept = checkpoints.kept();
  kept.adds = !options_.dry_run;
  if (options_.dry_run) kept.checkpoints = nullptr;
  try {
    auto ingested = read_log(session_, options_.ingest, options_.no_kept_events ? nullptr : &kept);
    for (const auto& output : session_.outputs) output->publish();  // rejected rows, whatever the night's end
    session_.outputs.clear();
    if (!options_.no_kept_events) {
      session_.results["kept_events"] = {{"files_parsed", kept.files_parsed},
                                         {"bytes_parsed", kept.bytes_parsed},
                                         {"files_taken", kept.files_taken},
                                         {"bytes_taken", kept.bytes_taken}};
      if (!kept.not_kept.empty()) session_.results["kept_events"]["not_kept"] = kept.not_kept;
    }
    return ingested;
  } catch (const Error& error) {
    if (error.code() != ExitCode::bad_input) throw;
    hold(error.what());
    return std::nullopt;
  }
}

bool NightRun::log_passes(const IngestedLog& ingested) {
  const LogFacts facts = facts_of_log(comm_, tonight_, ingested, options_.ingest.config.format);
  Json& found = night_.facts;
  found["cutoff"] = ingested.log.cutoff_time > 0 ? utc_text(ingested.log.cutoff_time) : "";
  found["cutoff_time"] = ingested.log.cutoff_time;
  found["new_files"] = log_files_json(facts.new_files.files);
  if (!facts.new_files.moved.empty()) found["moved_files"] = log_files_json(facts.new_files.moved);
  found["log"] = {{"files", tonight_.inputs.size()},
                  {"rows", ingested.report.rows_read},
                  {"kept", ingested.report.rows_kept},
                  {"bad_rows", bad_rows_of(ingested.report)},
                  {"duplicate_rows", ingested.report[Check::duplicate].dropped},
                  {"new_events", facts.new_events}};
  found["drift"] = drift_json(facts.drift);
  return passes(check_log(facts, options_.bounds));
}

const ServedVersion* NightRun::read_service() {
  std::exception_ptr damage;
  for (const ServedVersion& version : tonight_.served) {
    try {
      in_service_.emplace(session_, store_, version.name);
    } catch (const Error& error) {
      if (error.code() != ExitCode::bad_input) throw;
      if (!damage) damage = std::current_exception();
      log_warning("{} is damaged, looking for an earlier version to compare with: {}", version.name,
                  error.what());
      night_.facts["damaged"][version.name] = error.what();
      continue;
    }
    if (damage) {
      log_warning("this night starts from {} and is compared with it", version.name);
      night_.facts[compared_with_fact] = version.name;
    }
    return &version;
  }
  if (damage) std::rethrow_exception(damage);
  return nullptr;
}

void NightRun::choose_start() {
  const ServedVersion* service = read_service();
  const bool is_als = options_.train.family == "als";
  const Count num_factors = is_als ? std::stoll(options_.train_settings.find("k")->get().front()) : 0;
  const bool can = service && is_als && service->factors == num_factors;
  const bool cold_is_due =
      can && options_.cold_every > 0 && service->nights_since_cold + 1 >= options_.cold_every;
  warm_ = can && !cold_is_due;
  if (cold_is_due && options_.cold_every > 1) night_.facts[cold_is_due_fact] = true;
  night_.facts["factors"] = num_factors;
  night_.facts["start"] = warm_ ? "warm" : "cold";
  if (!warm_) return;
  const OptionSet& settings = options_.train_settings;
  const Count cold = std::stoll(settings.find("sweeps")->get().front());
  const Count sweeps = options_.warm_sweeps > 0 ? options_.warm_sweeps : (cold + 1) / 2;
  settings.apply({{"sweeps", {std::to_string(sweeps)}}});
}

Model NightRun::fit_part(const Dataset& dataset, Part which) {
  const std::string part = which == Part::measured ? "measured" : "published";
  log_info("training the {} model, {} start", part, warm_ ? "warm" : "cold");
  const std::string text = session_.text;
  // Each from its own kind: the published model in service has seen what the measured one must not.
  std::optional<Model> start;
  if (warm_) {
    start = which == Part::measured ? in_service_->measured_model(session_, dataset)
                                    : in_service_->served_model(session_, dataset);
    options_.train.start = &*start;
  }
  options_.train.checkpoints->folder = checkpoints_of(part);
  if (find_family(options_.train.families, options_.train.family).can_resume()) StopRequest::catch_signals();
  Model model = fit(session_, dataset, options_.train, options_.train_settings);
  StopRequest::end_at_signals();
  options_.train.start = nullptr;
  session_.text = text;
  Json& training = session_.results["training"];
  night_.facts["sweeps"][part] =
      training.contains("sweeps") ? Json(training["sweeps"].size()) : Json(nullptr);
  session_.results["training_" + part] = std::move(training);
  session_.results.erase("training");
  return model;
}

bool NightRun::measure(const Dataset& dataset, const Model& model) {
  const EvaluationReport report = assess(session_, dataset, model, options_.evaluate);
  session_.results["evaluation"] = report.to_json();
  session_.text += fmt::format("\n{}", report.to_text());
  if (options_.recommend.chooser.learns_min_evidence) {
    const LearnedEvidence learned =
        learn_evidence_of_lists(session_, dataset, model, options_.evaluate, options_.recommend.chooser);
    night_.facts["min_evidence"] = to_json(learned);
    options_.recommend.chooser.learned = learned;
  }
  const std::string coverage = coverage_beside(options_.metric);
  ModelFacts facts;
  facts.metric = options_.metric;
  facts.num_users = dataset.num_users();
  facts.num_test_users = report.num_users;
  facts.value = value_of(report.metrics, facts.metric);
  facts.popular = value_of(report.baseline, facts.metric);
  if (!report.category_baseline.empty()) facts.by_category = value_of(report.category_baseline, facts.metric);
  facts.coverage = value_of(report.metrics, coverage);
  if (in_service_) {
    const Model service = in_service_->measured_model(session_, dataset);
    const EvaluationReport beside = evaluate(comm_, model, service, dataset, held_out_of(comm_, dataset),
                                             options_.evaluate.config, session_.phases);
    session_.results["beside_service"] = beside.to_json();
    facts.in_service = value_of(beside.baseline, facts.metric);
    facts.in_service_coverage = value_of(beside.baseline, coverage);
  }
  Json& found = night_.facts;
  found["metric"] = {{"name", facts.metric},
                     {"value", facts.value},
                     {"popular", facts.popular},
                     {"users", facts.num_test_users},
                     {"coverage", facts.coverage}};
  if (facts.by_category) found["metric"]["by_category"] = *facts.by_category;
  if (facts.in_service) found["metric"]["in_service"] = *facts.in_service;
  if (facts.in_service_coverage) found["metric"]["in_service_coverage"] = *facts.in_service_coverage;
  return passes(check_model(facts, options_.bounds));
}

void NightRun::make_version(const IngestedLog& log, const Dataset& measured_on, const Model& measured) {
  Dataset dataset = make_dataset(session_, log, options_.ingest, options_.ingest_settings, HoldOut::nothing);
  session_.name_at_end(stage_dataset(comm_, folder() + "/data.h5", dataset));
  Model model = fit_part(dataset, Part::published);
  session_.name_at_end(stage_model(comm_, folder() + "/model.h5", model));
  // The measured model goes along, in the same numbering: tomorrow it stands for the one in service.
  Model beside = renumber(comm_, measured, map_ids(comm_, measured_on, dataset), dataset);
  beside.dataset_digest = dataset.digest;
  session_.name_at_end(stage_model(comm_, folder() + "/" + measured_model_name, beside));

  options_.recommend.output.folder = folder() + "/lists";
  options_.recommend.checkpoints =
      checkpoints_of_later_part(*options_.train.checkpoints, checkpoints_of("lists"));
  const auto made = recommend(session_, dataset, model, options_.recommend);
  write_list_files(session_, dataset, made, ListKind::user_lists, options_.recommend.output,
                   options_.recommend.n, model.digest);
  session_.results["lists"]["folder"] = store_.version_folder(tonight_.version) + "/lists";
  night_.facts["users"] = dataset.num_users();
  night_.facts["items"] = dataset.num_items();
  night_.facts["digests"] = {
      {"dataset", dataset.digest}, {"model", model.digest}, {"lists", session_.results["lists"]["digest"]}};
  if (!lists_pass(dataset, made.lists)) return;
  write_report(session_, dataset, model, made.lists, nullptr, {.evaluation = session_.results["evaluation"]},
               options_.page, folder() + "/report.html");
  publish();
}

bool NightRun::lists_pass(const Dataset& dataset, const TopLists& lists) {
  if (!in_service_) return true;
  const auto changes = in_service_->changes(session_, dataset, lists);
  night_.facts["lists"] = {{"churn", changes.churn.churn()},
                           {"overlap", changes.churn.overlap},
                           {"compared", changes.churn.num_users}};
  night_.facts["changes"] = {{"new_users", changes.new_users},
                             {"gone_users", changes.gone_users},
                             {"new_items", changes.new_items},
                             {"gone_items", changes.gone_items}};
  const bool any = changes.churn.num_users > 0;
  return passes(check_lists(any ? std::optional(changes.churn.churn()) : std::nullopt, options_.bounds));
}

bool NightRun::passes(const std::vector<GateCheck>& checks) {
  Json& list = night_.facts["checks"];
  for (const GateCheck& check : checks) {
    list.push_back({{"check", check.name}, {"passed", check.passed}, {"found", check.text}});
    log_info("gate: {} {}: {}", check.passed ? "passed" : "HELD BY", check.name, check.text);
  }
  const std::string reason = why_held(checks);
  if (!reason.empty()) hold(reason);
  return reason.empty();
}

void NightRun::discard() {
  session_.outputs.clear();
  collectively(comm_, "removing what is not published", [&] {
    if (comm_.is_root()) std::filesystem::remove_all(folder());
  });
}

void NightRun::remove_checkpoints() {
  for (const char* part : {"measured", "published"}) {
    remove_training_checkpoints(session_, options_.train, checkpoints_of(part));
  }
  remove_checkpoints_at_end(session_, checkpoints_of("lists"), row_lists_kind);
  session_.outputs.push_back(
      std::make_unique<LastStep>(comm_, [store = store_] { store.forget_stopped_night(); }));
}

void NightRun::hold(const std::string& reason) {
  discard();
  conclude(Outcome::held, reason);
  session_.ending = ExitCode::held;
  record_path_ = store_.folder() + "/held.run.json";
  if (!options_.dry_run) {
    session_.outputs.push_back(
        std::make_unique<LastStep>(comm_, [store = store_, night = night_] { store.record(night); }));
  }
  remove_checkpoints();
}

void NightRun::publish() {
  if (options_.dry_run) discard();
  conclude(Outcome::published, "");
  if (options_.dry_run) {
    record_path_ = store_.folder() + "/dry-run.run.json";
    remove_checkpoints();
    return;
  }
  record_path_ = store_.version_folder(tonight_.version) + "/run.json";
  session_.outputs.push_back(std::make_unique<VersionOutput>(comm_, store_, night_, options_.keep));
  remove_checkpoints();
}

void NightRun::conclude(Outcome outcome, const std::string& reason) {
  night_.outcome = outcome;
  night_.version = outcome == Outcome::published ? tonight_.version : tonight_.service;
  night_.reason = reason;
  night_.facts["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const Json night = Json::parse(night_text(night_));
  session_.results["night"] = night;
  const std::string said = options_.dry_run
                               ? (outcome == Outcome::published ? "would be published" : "would be held")
                               : std::string(outcome_name(outcome));
  session_.text += fmt::format(
      "\nnight {}: {}{}\nin service: {}\n", night_.number, said, reason.empty() ? "" : ": " + reason,
      options_.dry_run || night_.version.empty() ? (tonight_.service.empty() ? "nothing" : tonight_.service)
                                                 : night_.version);
}

void NightRun::stopped() noexcept {
  try {
    std::filesystem::remove_all(folder());
    store_.record_stopped({tonight_.number, tonight_.now});
  } catch (const std::exception& error) {
    log_warning("{}: that the night was stopped was not written down: {}", store_.folder(), error.what());
  }
}

void NightRun::fail(const std::string& reason) noexcept {
  try {
    night_.outcome = Outcome::failed;
    night_.version = tonight_.service;
    night_.reason = reason;
    night_.facts["seconds"] =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    if (night_.number == 0) return;                    // not begun: a wrong setting, no night
    if (store_.current() == tonight_.version) return;  // in service: published, whatever failed after that
    std::filesystem::remove_all(folder());
    if (!options_.dry_run) store_.record(night_);
    if (!options_.on_finish.empty()) notify();
  } catch (const std::exception& error) {
    log_warning("{}: the failed night was not written down: {}", store_.folder(), error.what());
  }
}

}  // namespace pushcart::app
