#include "app/families/family.hpp"
#include "app/families/similarity_options.hpp"
#include "app/list_checkpoints.hpp"
#include "pushcart/models/user_knn.hpp"

namespace pushcart::app {

namespace {

class UserKnnFamily : public ModelFamily {
 public:
  std::string name() const override { return "userknn"; }
  std::string summary() const override {
    return "what people like the user have: up to some hundred thousand users; new users need a new training";
  }
  void declare(OptionSet& options) override {
    options.add("neighbours", config_.similarity.k, "users like each user that are asked");
    options.add("kept-items", config_.kept_items, "best items kept of each user");
    options.add_named("metric", config_.similarity.metric, metric_help(), similarity_metric_of,
                      similarity_metric_name);
    declare_metric_parameters(options, config_.similarity);
    declare_similarity(options, config_.similarity);
  }
  std::vector<CheckpointPlace> checkpoint_places(const std::string& folder) const override {
    return {{folder, row_lists_kind}, {folder + ".items", row_lists_kind}};
  }
  Model fit(Session& session, const FitRequest& request) override {
    config_.similarity.event_weights = request.event_weights;
    config_.similarity.memory_budget_bytes = request.memory_per_rank;
    SimilarityReport report;
    std::vector<CheckpointOptions> options;
    std::vector<std::unique_ptr<ListCheckpoints>> parts;
    if (request.checkpoints) {
      for (const auto& place : checkpoint_places(request.checkpoints->folder)) {
        options.push_back(options.empty() ? *request.checkpoints
                                          : checkpoints_of_later_part(*request.checkpoints, place.folder));
      }
      for (const CheckpointOptions& part : options) {
        WorkIdentity identity = request.identity;
        identity["lists"] = parts.empty() ? "neighbours of users" : "items of users";
        parts.push_back(std::make_unique<ListCheckpoints>(session, part, std::move(identity)));
      }
    }
    UserKnnCheckpoints checkpoints;
    if (!parts.empty()) checkpoints = {parts[0].get(), parts[1].get()};
    Model model = train_user_knn(session.comm, request.train, config_, session.phases, &report, checkpoints);
    session.results["training"] = similarity_results(session.comm, report);
    return model;
  }

 private:
  UserKnnConfig config_;
};

}  // namespace

std::unique_ptr<ModelFamily> make_user_knn_family() {
  return std::make_unique<UserKnnFamily>();
}

}  // namespace pushcart::app
