#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "app/command.hpp"
#include "app/ingest_options.hpp"
#include "app/inputs.hpp"
#include "app/paths.hpp"
#include "app/recorded_split.hpp"
#include "pushcart/base/dump_json.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/memory_budget.hpp"
#include "pushcart/matrix/dataset_file.hpp"
#include "pushcart/matrix/newcomers.hpp"
#include "pushcart/matrix/with_new_items.hpp"
#include "pushcart/models/fold_in.hpp"
#include "pushcart/models/model_file.hpp"
#include "pushcart/models/model_memory.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

/// Users or items that a model has not seen, without training.
class FoldInNewcomers : public Command {
 public:
  std::string name() const override { return "fold-in"; }
  std::string summary() const override {
    return "take new users or new items into a trained model, from their events";
  }
  std::string details() const override {
    return "The newcomers' events are ingested as any log; with --users or --items come those who have none "
           "yet.\n"
           "--newcomers: what is written is a data set of these users and all items of the model's, and a "
           "model of it.\n"
           "--new-items: the data set of the model's users and all items, new ones behind the others, and a "
           "model of it.\n"
           "recommend, evaluate and push take both, and similar those with new items.\n";
  }
  std::string record_path() const override { return output_ + "/run.json"; }
  void declare(OptionSet& options) override {
    options.add("dataset", dataset_, "data set of the model");
    options.add("model", model_, "model file");
    options.add("newcomers", newcomers_, "data set of the events of new users");
    declare_attributes(options, "users", users_, "newcomer");
    options.add("new-items", new_items_,
                "als: data set of events with new items, in place of --newcomers; of known users they count, "
                "and known items stay as they are");
    declare_attributes(options, "items", items_, "item");
    options.add("pair-weight", config_.pair_weight,
                "als: what each pair of a newcomer counts, as a multiple of what it counts in training");
    options.add("output", output_, "folder for data.h5 and model.h5");
    options.add_bytes("memory-per-rank", memory_per_rank_,
                      "refuse to start over this much (2GiB); 0 = no limit");
  }
  void run(Session& session) override {
    const auto& comm = session.comm;
    collectively(comm, "making the output folder", [&] {
      check_options();
      if (comm.is_root()) make_folder(output_);
    });
    const std::string& log_path = newcomers_.empty() ? new_items_ : newcomers_;
    announce_inputs(comm, "fold-in", {{"data set", dataset_}, {"model", model_}, {"newcomers", log_path}},
                    memory_per_rank_);
    Dataset known = load_dataset(session, dataset_);
    const Model model = load_model(session, model_, known);
    if (newcomers_.empty()) check_takes_new_items(comm, model, config_);
    const Dataset log = load_dataset(session, log_path);
    if (newcomers_.empty()) {
      take_items(session, model, std::move(known), log);
    } else {
      take_users(session, model, known, log);
    }
  }

 private:
  void check_options() const {
    if (newcomers_.empty() == new_items_.empty()) {
      throw ConfigError(
          "--newcomers or --new-items: give the data set of the events of new users, or that of new items");
    }
    if (!items_.path.empty() && new_items_.empty()) throw ConfigError("--items is for --new-items");
    if (!users_.path.empty() && newcomers_.empty()) throw ConfigError("--users is for --newcomers");
  }

  void take_users(Session& session, const Model& model, const Dataset& known, const Dataset& log) const {
    const auto& comm = session.comm;
    NewcomersReport report;
    StringTable without_events;
    if (!users_.path.empty()) without_events = unknown_ids(comm, log, AttributeSide::users, users_);
    Dataset newcomers = newcomers_among(comm, log, known, &report, without_events);
    if (!users_.path.empty()) attach_attributes(comm, newcomers, AttributeSide::users, users_);
    newcomers.provenance = dump_json(Json{{"newcomers", log.digest}, {"items_of", known.digest}});
    tell(session, newcomers, report);
    session.name_at_end(stage_dataset(comm, output_ + "/data.h5", newcomers));
    write_model(session, model, newcomers, fold_in(comm, model, known, newcomers, session.phases, config_));
  }

  void take_items(Session& session, const Model& model, Dataset known, const Dataset& log) {
    const auto& comm = session.comm;
    announce_new_items(comm, model, known, log);
    const std::string known_digest = known.digest;
    const std::optional<Dataset> learned = learned_part(comm, known, model);
    NewItemsReport report;
    Dataset grown = with_new_items(comm, learned ? std::move(known) : Dataset(known), log, &report);
    if (!items_.path.empty()) {
      items_.unknown_items = UnknownItems::added;
      report.num_new_items += attach_attributes(comm, grown, AttributeSide::items, items_).added;
    }
    grown.provenance = dump_json(Json{{"new_items_of", log.digest}, {"added_to", known_digest}});
    tell(session, grown, report);
    session.name_at_end(stage_dataset(comm, output_ + "/data.h5", grown));
    write_model(session, model, grown,
                fold_in_items(comm, model, learned ? *learned : known, grown, session.phases, config_));
  }

  /// Says what is held on this rank, the inputs too, and refuses it over budget; what the file of --items
  /// adds is not known before. Collective.
  void announce_new_items(const Communicator& comm, const Model& model, const Dataset& known,
                          const Dataset& log) const {
    MemoryPlan plan;
    plan.add(has_learned_part(model) ? "part that the model learned from" : "data set",
             memory_bytes(sizes_of(known)));
    plan.add("model", memory_bytes(model));
    plan.add("events of new items", memory_bytes(sizes_of(log)));
    const DatasetSizes grown = plan_new_items(plan, comm, known, log);
    plan_fold_in_items(plan, model, grown, known.num_users());
    announce_memory(comm, "fold-in --new-items", plan, memory_per_rank_);
  }

  void write_model(Session& session, const Model& model, const Dataset& dataset, Model folded) const {
    folded.config = without_splits(model);
    session.name_at_end(stage_model(session.comm, output_ + "/model.h5", folded));
    session.results["dataset"] = {{"path", output_ + "/data.h5"}, {"digest", dataset.digest}};
    session.results["model"] = {{"path", output_ + "/model.h5"}, {"digest", folded.digest}};
    session.text += fmt::format("model: {}/model.h5 (digest {})\n", output_, folded.digest);
  }

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

  static void tell(Session& session, const Dataset& grown, const NewItemsReport& report) {
    session.results["new_items"] = {{"items", report.num_new_items},
                                    {"pairs", report.num_pairs},
                                    {"pairs_of_items_without_any_before", report.num_new_pairs},
                                    {"pairs_of_unknown_users", report.num_unknown_pairs}};
    log_info(
        "new items: {}, which makes {}; {} pairs of known users came, {} of them with items that nobody had; "
        "{} pairs of users whom the model does not know are left out",
        report.num_new_items, grown.num_items(), report.num_pairs, report.num_new_pairs,
        report.num_unknown_pairs);
  }

  std::string dataset_ = "data.h5", model_ = "model.h5", newcomers_, new_items_, output_ = "newcomers";
  AttributeFile users_, items_;
  FoldInConfig config_;
  Count memory_per_rank_ = 0;
};

}  // namespace

std::unique_ptr<Command> make_fold_in() {
  return std::make_unique<FoldInNewcomers>();
}

}  // namespace pushcart::app
