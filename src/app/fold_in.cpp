#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "app/command.hpp"
#include "app/ingest_options.hpp"
#include "app/inputs.hpp"
#include "app/paths.hpp"
#include "app/recorded_split.hpp"
#include "pushcart/base/dump_json.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/matrix/dataset_file.hpp"
#include "pushcart/matrix/newcomers.hpp"
#include "pushcart/models/fold_in.hpp"
#include "pushcart/models/model_file.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

/// Users whom a model has not seen, without training.
class FoldInNewcomers : public Command {
 public:
  std::string name() const override { return "fold-in"; }
  std::string summary() const override { return "take new users into a trained model, from their events"; }
  std::string details() const override {
    return "The newcomers' events are ingested as any log; with --users come those who have none yet. What "
           "is "
           "written\n"
           "is a data set of these users and all items of the model's, and a model of it: recommend, "
           "evaluate and\n"
           "push take both.\n";
  }
  std::string record_path() const override { return output_ + "/run.json"; }
  void declare(OptionSet& options) override {
    options.add("dataset", dataset_, "data set of the model");
    options.add("model", model_, "model file");
    options.add("newcomers", newcomers_, "data set of the newcomers' events");
    declare_attributes(options, "users", users_, "newcomer");
    options.add("pair-weight", config_.pair_weight,
                "als: what each pair of a newcomer counts, as a multiple of what it counts in training");
    options.add("output", output_, "folder for data.h5 and model.h5");
    options.add_bytes("memory-per-rank", memory_per_rank_,
                      "refuse to start over this much (2GiB); 0 = no limit");
  }
  void run(Session& session) override {
    const auto& comm = session.comm;
    collectively(comm, "making the output folder", [&] {
      if (newcomers_.empty()) throw ConfigError("--newcomers: give the data set of the newcomers' events");
      if (comm.is_root()) make_folder(output_);
    });
    announce_inputs(comm, "fold-in", {{"data set", dataset_}, {"model", model_}, {"newcomers", newcomers_}},
                    memory_per_rank_);
    const Dataset known = load_dataset(session, dataset_);
    const Model model = load_model(session, model_, known);
    const Dataset log = load_dataset(session, newcomers_);
    NewcomersReport report;
    StringTable without_events;
    if (!users_.path.empty()) without_events = unknown_ids(comm, log, AttributeSide::users, users_);
    Dataset newcomers = newcomers_among(comm, log, known, &report, without_events);
    if (!users_.path.empty()) attach_attributes(comm, newcomers, AttributeSide::users, users_);
    newcomers.provenance = dump_json(Json{{"newcomers", log.digest}, {"items_of", known.digest}});
    tell(session, newcomers, report);
    session.name_at_end(stage_dataset(comm, output_ + "/data.h5", newcomers));
    Model folded = fold_in(comm, model, known, newcomers, session.phases, config_);
    folded.config = without_splits(model);
    session.name_at_end(stage_model(comm, output_ + "/model.h5", folded));
    session.results["dataset"] = {{"path", output_ + "/data.h5"}, {"digest", newcomers.digest}};
    session.results["model"] = {{"path", output_ + "/model.h5"}, {"digest", folded.digest}};
    session.text += fmt::format("model: {}/model.h5 (digest {})\n", output_, folded.digest);
  }

 private:
  /// What was held out of the training is not held out of the newcomers.
  static std::string without_splits(const Model& model) {
    Json config = Json::parse(model.config.empty() ? "{}" : model.config);
    config.erase(held_out_key);
    config.erase(validation_split_key);
    return dump_json(config);
  }

  static void tell(Session& session, const Dataset& newcomers, const NewcomersReport& report) {
    session.results["newcomers"] = {{"users", newcomers.num_users()},
                                    {"pairs", report.num_pairs},
                                    {"pairs_of_unknown_items", report.num_unknown_pairs},
                                    {"users_without_pairs", report.num_empty_users}};
    log_info(
        "newcomers: {} users with {} pairs; {} pairs of items that the model does not know are left out, "
        "and {} users are left without any",
        newcomers.num_users(), report.num_pairs, report.num_unknown_pairs, report.num_empty_users);
  }

  std::string dataset_ = "data.h5", model_ = "model.h5", newcomers_, output_ = "newcomers";
  AttributeFile users_;
  FoldInConfig config_;
  Count memory_per_rank_ = 0;
};

}  // namespace

std::unique_ptr<Command> make_fold_in() {
  return std::make_unique<FoldInNewcomers>();
}

}  // namespace pushcart::app
