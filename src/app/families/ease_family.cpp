#include <optional>

#include "app/families/family.hpp"
#include "app/families/similarity_options.hpp"
#include "app/step_checkpoints.hpp"
#include "pushcart/models/ease.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

class EaseFamily : public ModelFamily {
 public:
  std::string name() const override { return "ease"; }
  std::string summary() const override {
    return "item weights in closed form by a dense inverse: catalogues to tens of thousands of items";
  }
  void declare(OptionSet& options) override {
    options.add("lambda", config_.lambda, "regularization");
    options.add("neighbours", config_.neighbours, "weights kept of each item");
    options.add(
        "head-items", config_.head_items,
        "fit only so many of the most popular items; 0 = all, or with --tail knn as many as fit the memory");
    options.add_named(
        "tail", config_.tail,
        "what items beyond the head get: none, or knn (weights by --metric on the head's scale)",
        ease_tail_of, ease_tail_name);
    options.add_named("metric", config_.similarity.metric, metric_help(), similarity_metric_of,
                      similarity_metric_name);
    declare_metric_parameters(options, config_.similarity);
    options.add("shrinkage", config_.similarity.shrinkage, shrinkage_help());
    options.add_bytes("batch-memory", config_.batch_bytes, "rows fetched on a rank at once (256MiB)");
  }
  std::vector<CheckpointPlace> checkpoint_places(const std::string& folder) const override {
    return {{folder, step_state_kind}};
  }

  Model fit(Session& session, const FitRequest& request) override {
    config_.event_weights = request.event_weights;
    config_.memory_budget_bytes = request.memory_per_rank;
    std::optional<WorkSteps> checkpoints;
    if (request.checkpoints) {
      checkpoints.emplace(session, *request.checkpoints, request.identity, "block of pivots");
    }
    EaseResult result = train_ease(session.comm, request.train, config_, session.phases,
                                   checkpoints ? &*checkpoints : nullptr);
    const EaseReport& report = result.report;
    session.results["training"] =
        Json{{"items", report.num_items},
             {"tail_scale", report.tail_scale},
             {"kept_share_of_item_weights", report.kept_share},
             {"inverse_residual", report.inverse_residual},
             {"inverse_seconds_on_rank_0", report.inverse_seconds},
             {"operations_on_rank_0", report.operations},
             {"planned_bytes_on_rank_0", report.planned_bytes},
             {"exchange", {{"received_bytes_by_rank", session.comm.allgather(report.received_bytes)}}}};
    return std::move(result.model);
  }

 private:
  EaseConfig config_;
};

}  // namespace

std::unique_ptr<ModelFamily> make_ease_family() {
  return std::make_unique<EaseFamily>();
}

}  // namespace pushcart::app
