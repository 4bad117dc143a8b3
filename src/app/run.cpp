// The whole flow on a page: from raw log to everyone's list.

#include <fmt/core.h>

#include "app/command.hpp"
#include "app/evaluate.hpp"
#include "app/families/family_options.hpp"
#include "app/features.hpp"
#include "app/ingest.hpp"
#include "app/ingest_checkpoints.hpp"
#include "app/learned_evidence.hpp"
#include "app/list_checkpoints.hpp"
#include "app/push.hpp"
#include "app/recommend.hpp"
#include "app/report.hpp"
#include "app/stopping.hpp"
#include "app/training_checkpoints.hpp"
#include "app/train.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/checkpoint/row_lists.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/feed/summary.hpp"
#include "pushcart/matrix/dataset_file.hpp"
#include "pushcart/models/model_file.hpp"

namespace pushcart::app {

namespace {

enum class Part : int { training, everything };

class Run : public Command {
 public:
  std::string name() const override { return "run"; }
  std::string summary() const override { return "the whole flow from one TOML file: what a nightly job calls"; }
  std::string record_path() const override { return output_ + "/run.json"; }

  void declare(OptionSet& options) override {
    options.add("output", output_, "folder for everything: data.h5, model.h5, lists, feed, report.html, run.json");
    declare_page(options, page_);
    options.add("similar-n", similar_n_, "length of the lists of similar items; 0 = none");
    options.add("show-users", show_users_, "users whose lists are printed at the end: ids; default: three from heavy to light");
    options.add("show-items", show_items_, "items printed of each");
    options.add_flag("push", wants_push_, "write the delivery feed");
    options.add_flag("make-features", wants_features_,
                     "read the log again and write features of users and items, shown on the page too");
    options.add_flag("refit", refit_, "after the evaluation, learn from everything, the held-out part too");
    options.add_bytes("memory-per-rank", memory_per_rank_,
                      "refuse a step that needs more (2GiB), for steps without such a setting of their own; 0 = no limit");
    declare_stop(options, stop_);
    train_.checkpoints.emplace();
    declare_checkpoints(options, *train_.checkpoints, CheckpointFolderOption::decided_by_run);
    declare_stop_after_sweeps(options, *train_.checkpoints);
    declare_ingest(ingest_settings_, ingest_, OutputOption::decided_by_run);
    declare_train(train_settings_, train_, TrainPaths::decided_by_run);
    OptionSet evaluate, recommend, push, features;
    declare_evaluate(evaluate, evaluate_, EvaluatePaths::decided_by_run);
    declare_recommend(recommend, recommend_, RecommendPaths::decided_by_run);
    declare_push(push, push_);
    declare_features(features, features_.config);
    options.add_section("ingest", ingest_settings_);
    declare_reading_interval(options, reading_every_);
    options.add_section("train", train_settings_);
    options.add_section("evaluate", std::move(evaluate));
    options.add_section("recommend", std::move(recommend));
    options.add_section("push", std::move(push));
    options.add_section("features", std::move(features));
  }

  void run(Session& session) override {
    const auto& comm = session.comm;
    check_chooser(evaluate_.chooser);
    check_chooser(recommend_.chooser);
    if (recommend_.chooser.learns_min_evidence && !is_evaluated())
      throw ConfigError("--recommend.learn-min-evidence: nothing is held out to learn it on");
    collectively(comm, "reading the settings of the features", [&] { check_features(features_.config); });
    limit_time(session, stop_);
    collectively(comm, "making the output folder", [&] {
      if (comm.is_root()) make_folder(output_);
    });
    for (Count* budget : {&ingest_.config.memory_per_rank, &train_.memory_per_rank, &evaluate_.memory_per_rank,
                          &recommend_.memory_per_rank, &features_.config.memory_per_rank}) {
      if (*budget == 0) *budget = memory_per_rank_;
    }
    ingest_.config.rejects_path = output_ + "/rejects.csv.gz";
    reading_ = checkpoints_of_reading(*train_.checkpoints, reading_every_, output_ + "/ingest.checkpoint");
    IngestCheckpoints reading(session, reading_, ingest_.config);
    auto ingested = read_log(session, ingest_, &reading.kept());
    const bool splits_by_time = holds_out_by_time(ingest_);
    std::optional<IngestedLog> kept;
    if (refit_ && splits_by_time) kept = ingested;

    Dataset dataset = make_dataset(session, std::move(ingested), ingest_, ingest_settings_, HoldOut::as_configured);
    session.name_at_end(stage_dataset(comm, output_ + (kept ? "/data-train.h5" : "/data.h5"), dataset));
    Model model = learn(session, dataset, output_ + "/training.checkpoint");
    const auto evaluation = evaluate_if_possible(session, dataset, model);
    if (recommend_.chooser.learns_min_evidence)
      recommend_.chooser.learned = learn_evidence_of_lists(session, dataset, model, evaluate_, recommend_.chooser);

    if (refit_ && (kept || train_.hold_out != "none")) {
      log_info("learning again, from everything");
      const std::string training_text = session.text;
      if (kept) {
        dataset = make_dataset(session, std::move(*kept), ingest_, ingest_settings_, HoldOut::nothing);
        session.name_at_end(stage_dataset(comm, output_ + "/data.h5", dataset));
      }
      session.text = training_text;
      train_.hold_out = "none";
      model = learn(session, dataset, output_ + "/refit.checkpoint");
    }
    session.name_at_end(stage_model(comm, output_ + "/model.h5", model));

    recommend_.output.folder = output_ + "/lists";
    recommend_.checkpoints = checkpoints_of_later_part(*train_.checkpoints, output_ + "/lists.checkpoint");
    lists_checkpoints_.push_back(recommend_.checkpoints->folder);
    const auto made = recommend(session, dataset, model, recommend_);
    write_list_files(session, dataset, made, ListKind::user_lists, recommend_.output, recommend_.n, model.digest);
    const auto similar = similar_if_wanted(session, dataset, model);
    if (wants_push_) {
      push_.config.folder = output_ + "/feed";
      push(session, dataset, made.lists, made.unknown_users, model.digest, push_);
    }
    write_report(session, dataset, model, made.lists, similar ? &*similar : nullptr,
                 {.evaluation = evaluation, .features = features_if_wanted(session, dataset)}, page_,
                 output_ + "/report.html");
    conclude(session, dataset, model, made.lists);
    reading.remove_at_end();
    for (const auto& folder : training_checkpoints_) remove_training_checkpoints(session, train_, folder);
    for (const auto& folder : lists_checkpoints_) remove_checkpoints_at_end(session, folder, row_lists_kind);
  }

 private:
  /// A training stops between sweeps when it is asked to; all else leaves at once, to begin anew.
  Model learn(Session& session, const Dataset& dataset, const std::string& checkpoints) {
    const bool can_stop = find_family(train_.families, train_.family).can_resume();
    train_.checkpoints->folder = checkpoints;
    if (can_stop) StopRequest::catch_signals();
    Model model = fit(session, dataset, train_, train_settings_);
    StopRequest::end_at_signals();
    training_checkpoints_.push_back(checkpoints);
    return model;
  }

  bool is_evaluated() const {
    return !evaluate_.test.empty() || holds_out_by_time(ingest_) || train_.hold_out != "none";
  }

  nlohmann::ordered_json evaluate_if_possible(Session& session, const Dataset& dataset, const Model& model) {
    if (!is_evaluated()) {
      log_info("nothing is held out (ingest.hold-out-*, train.hold-out, evaluate.test): no evaluation");
      return nullptr;
    }
    const EvaluationReport report = assess(session, dataset, model, evaluate_);
    session.results["evaluation"] = report.to_json();
    session.text += "\n" + report.to_text();
    return report.to_json();
  }

  std::optional<TopLists> similar_if_wanted(Session& session, const Dataset& dataset, const Model& model) {
    if (similar_n_ <= 0 || model.item_factors.empty()) return std::nullopt;
    announce_lists(session.comm, "similar", model, {.rows = model.item_factors.rows.size(), .n = similar_n_},
                   recommend_.memory_per_rank);
    const CheckpointOptions options =
        checkpoints_of_later_part(*train_.checkpoints, output_ + "/similar.checkpoint");
    lists_checkpoints_.push_back(options.folder);
    ListCheckpoints checkpoints(session, options, identity_of_similar(dataset, model.digest, similar_n_));
    StopRequest::catch_signals();
    Recommendations similar{similar_items(session.comm, model, similar_n_, session.phases, &checkpoints), {}};
    StopRequest::end_at_signals();
    ListOutput output = recommend_.output;
    output.folder = output_ + "/similar";
    const auto lists = session.results["lists"];
    write_list_files(session, dataset, similar, ListKind::similar_items, output, similar_n_, model.digest);
    session.results["similar"] = session.results["lists"];
    session.results["lists"] = lists;
    return std::move(similar.lists);
  }

  /// How they are spread, for the page.
  nlohmann::ordered_json features_if_wanted(Session& session, const Dataset& dataset) {
    if (!wants_features_) return nullptr;
    features_.inputs = ingest_.config.inputs;
    features_.output = output_ + "/features.h5";
    const auto inputs = session.inputs;
    session.results["features"] = make_feature_file(session, dataset, features_);
    session.inputs = inputs;  // the log is named already
    return session.results["features"]["distributions"];
  }

  void conclude(Session& session, const Dataset& dataset, const Model& model, const TopLists& lists) {
    session.results["dataset"] = {{"path", output_ + "/data.h5"}, {"digest", dataset.digest}};
    session.results["model"] = {{"path", output_ + "/model.h5"}, {"digest", model.digest}};
    session.results["page"] = output_ + "/report.html";
    session.text += "\n" + print_lists(session.comm, dataset, lists, show_users_, show_items_);
    session.text += fmt::format("\neverything is in {0}: lists/part-*.csv, report.html (open it in a browser), run.json\n",
                                output_);
  }

  std::string output_ = "out";
  PageOptions page_;
  Count similar_n_ = 10, show_items_ = 5, memory_per_rank_ = 0;
  std::vector<std::string> show_users_;
  bool wants_push_ = true, wants_features_ = false, refit_ = true;
  IngestOptions ingest_;
  TrainOptions train_;
  StopOptions stop_;
  ReadingInterval reading_every_;
  IngestCheckpointOptions reading_;
  std::vector<std::string> training_checkpoints_, lists_checkpoints_;  ///< folders of those of this run
  EvaluateOptions evaluate_;
  RecommendOptions recommend_;
  PushOptions push_;
  FeatureOptions features_;
  OptionSet ingest_settings_, train_settings_;
};

}  // namespace

std::unique_ptr<Command> make_run() { return std::make_unique<Run>(); }

}  // namespace pushcart::app
