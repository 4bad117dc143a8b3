#include <filesystem>
#include <optional>

#include "app/families/family.hpp"
#include "app/inputs.hpp"
#include "app/recorded_split.hpp"
#include "app/training_checkpoints.hpp"
#include "pushcart/base/dump_json.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/eval/evaluate.hpp"
#include "pushcart/eval/split.hpp"
#include "pushcart/models/als.hpp"
#include "pushcart/models/als_checkpoint.hpp"
#include "pushcart/models/renumber.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

void declare_als(OptionSet& options, AlsConfig& als) {
  options.add_named("preset", als.preset,
                    "named parameters: rendle, hkv, alswr, none; automatic = rendle, for ratings alswr",
                    als_preset_of, als_preset_name);
  options.add("k", als.k, "number of factors");
  options.add("alpha0", als.alpha0, "weight of all pairs, seen or not");
  options.add("lambda", als.lambda, "regularization");
  options.add("nu", als.nu, "exponent of the regularization's growth with a row's size");
  options.add("alpha", als.alpha, "preset hkv: confidence of strength 1");
  options.add_named("transform", als.transform, "strength before use: identity or log1p", value_transform_of,
                    value_transform_name);
  options.add("bias-regularization", als.bias_regularization, "on ratings: added to the counts of the biases");
  options.add("init-stddev", als.init_stddev, "standard deviation of start values, over sqrt(k)");
  options.add_named("solver", als.solver,
                    "how rows are solved: exact, cg (conjugate gradients), auto = the cheaper by row length",
                    als_solver_of, als_solver_name);
  options.add("cg-tolerance", als.cg_tolerance, "cg stops at this share of the right side");
  options.add_named("gather-precision", als.gather_precision,
                    "fixed side's rows as read and sent: float32, or bf16 for half the bytes", gather_precision_of,
                    gather_precision_name);
  options.add("sweeps", als.sweeps, "sweeps (both half sweeps) at most");
  options.add("seed", als.seed, "seed of the start values");
  options.add("tolerance", als.tolerance, "stop when the objective falls by less than this share; 0 = never");
  options.add("patience", als.patience, "stop after this many sweeps without a better validation metric; 0 = never");
  options.add_named("exchange", als.exchange, "how factors come to other ranks: auto, replicate, sparse, stream",
                    exchange_method_of, exchange_method_name);
  options.add_named("exchange-overlap", als.exchange_overlap,
                    "on, or off: all factors come before work begins, to measure what overlap saves", overlap_of,
                    overlap_name);
  options.add("user-attributes", als.attributes.users,
              "user attributes to map to factors, for users of few or no events (repeat)");
  options.add("item-attributes", als.attributes.items, "the same for items");
  options.add("tag-separator", als.attributes.separator,
              "between the values of an attribute that may have several");
  options.add("attribute-ridge", als.attributes.ridge,
              "shrinks what an attribute's value says, as so many rows without it would");
  options.add_named("attribute-map", als.attribute_map,
                    "after: fitted to the trained factors; joint: in every sweep, rows being pulled to it, not to 0",
                    attribute_fit_of, attribute_fit_name);
  options.add_bytes("batch-memory", als.batch_bytes, "room for fetched factors on a rank, exchange stream (256MiB)");
}

/// Bytes and work by rank. Collective.
Json exchange_json(const Communicator& comm, const TrainingReport& report) {
  return {{"method", exchange_method_name(report.exchange)},
          {"planned_received_bytes_by_rank", comm.allgather(report.planned_traffic.received_bytes)},
          {"planned_sent_bytes_by_rank", comm.allgather(report.planned_traffic.sent_bytes)},
          {"received_bytes_by_rank", comm.allgather(report.counted_traffic.received_bytes)},
          {"sent_bytes_by_rank", comm.allgather(report.counted_traffic.sent_bytes)},
          {"solving_work_by_rank", comm.allgather(report.counted_work)},
          {"taken_rows_by_rank", comm.allgather(report.taken.rows)},
          {"taken_work_by_rank", comm.allgather(report.taken.work)}};
}

Json report_json(const Communicator& comm, const TrainingReport& report) {
  Json sweeps = Json::array();
  for (const auto& sweep : report.sweeps) {
    const HalfSweepSeconds &users = sweep.users, &items = sweep.items;
    Json entry{{"sweep", sweep.sweep}, {"objective", sweep.objective}};
    if (sweep.sweep > report.resumed_after) {
      entry["seconds"] = sweep.seconds;
      entry["seconds_on_rank_0"] = {{"gram", users.gram + items.gram},
                                    {"eigen", users.eigen + items.eigen},
                                    {"rotation", users.rotate + items.rotate},
                                    {"exchange", users.exchange + items.exchange},
                                    {"solve", users.solve + items.solve}};
      entry["floor_seconds_on_rank_0"] = sweep.floor_seconds;
    }
    if (sweep.gradient_steps > 0) entry["gradient_steps_a_row_on_rank_0"] = sweep.gradient_steps;
    if (sweep.validation) entry["validation"] = *sweep.validation;
    sweeps.push_back(std::move(entry));
  }
  return {{"sweeps", std::move(sweeps)},
          {"resumed_after", report.resumed_after},
          {"stopped_by", report.stopped_by},
          {"best_sweep", report.best_sweep},
          {"exchange", exchange_json(comm, report)},
          {"planned_bytes_on_rank_0", report.planned_bytes},
          {"product_flops_per_second_on_rank_0", report.product_flops_per_second},
          {"gathered_bytes_per_second_on_rank_0", report.gathered_bytes_per_second}};
}

class AlsFamily : public ModelFamily {
 public:
  std::string name() const override { return "als"; }
  std::string summary() const override {
    return "factors by alternating least squares: strengths or ratings, any size; the one to start with";
  }
  void declare(OptionSet& options) override {
    declare_als(options, als_);
    options.add("warm-start", warm_start_, "model whose factors to start from, by outside ids; of the same --k");
    options.add("warm-start-dataset", warm_start_dataset_, "its data set; default: data.h5 beside it");
  }

  std::vector<CheckpointPlace> checkpoint_places(const std::string& folder) const override {
    return {{folder, als_checkpoint_kind}};
  }

  Model fit(Session& session, const FitRequest& request) override {
    als_.event_weights = request.event_weights;
    als_.memory_budget_bytes = request.memory_per_rank;
    const SplitConfig validation_split{SplitKind::random, request.validation_share, 1, als_.seed + 0x76616c};
    std::optional<Split> validation;
    if (als_.patience > 0) validation = hold_out(session.comm, request.train, validation_split);
    const Dataset& train = validation ? validation->train : request.train;
    AlsCallbacks callbacks;
    if (validation) {
      callbacks.validate = [&](const Model& model) {
        return validation_metric(session.comm, model, train, validation->held_out, request.validation_n);
      };
    }
    std::optional<Model> start;
    if (!warm_start_.empty()) start = read_start(session, train);
    als_.start = start ? &*start : request.start;
    std::optional<TrainingCheckpoints> checkpoints;
    if (request.checkpoints) {
      checkpoints.emplace(session, *request.checkpoints, identity_with_start(request.identity));
      callbacks.resume = [&] { return checkpoints->resume(train); };
      callbacks.between_sweeps = [&](const AlsStateView& state) {
        checkpoints->between_sweeps(state, als_.sweeps);
      };
    }
    AlsResult result = train_als(session.comm, train, als_, callbacks, session.phases);
    session.results["training"] = report_json(session.comm, result.report);
    if (validation) {
      Json config = Json::parse(result.model.config);
      config[validation_split_key] = split_json(validation_split);
      result.model.config = dump_json(config);
    }
    return std::move(result.model);
  }

 private:
  WorkIdentity identity_with_start(WorkIdentity identity) const {
    identity["--warm-start (digest)"] = als_.start != nullptr ? als_.start->digest : "";
    return identity;
  }

  /// The model to start from in the numbering of the training data. Collective; errors as the readers'.
  Model read_start(Session& session, const Dataset& train) const {
    const std::string beside = (std::filesystem::path(warm_start_).parent_path() / "data.h5").string();
    const Dataset trained_on = load_dataset(session, warm_start_dataset_.empty() ? beside : warm_start_dataset_);
    const Model model = load_model(session, warm_start_, trained_on);
    const IdMap ids = map_ids(session.comm, trained_on, train);
    log_info("warm start: {} of {} users and {} of {} items have factors to start from", ids.num_users,
             train.num_users(), ids.num_items, train.num_items());
    return renumber(session.comm, model, ids, train);
  }

  AlsConfig als_;
  std::string warm_start_, warm_start_dataset_;
};

}  // namespace

std::unique_ptr<ModelFamily> make_als_family() { return std::make_unique<AlsFamily>(); }

}  // namespace pushcart::app
