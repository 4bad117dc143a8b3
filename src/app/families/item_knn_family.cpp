#include "app/families/family.hpp"
#include "app/families/similarity_options.hpp"
#include "app/list_checkpoints.hpp"
#include "pushcart/models/item_knn.hpp"

namespace pushcart::app {

namespace {

/// itemknn, with a metric by choice, and rp3beta.
class ItemKnnFamily : public ModelFamily {
 public:
  enum class Kind : int { itemknn, rp3beta };
  explicit ItemKnnFamily(Kind kind) : is_walk_(kind == Kind::rp3beta) {
    if (is_walk_) config_.similarity.metric = SimilarityMetric::rp3beta;
  }
  std::string name() const override { return is_walk_ ? "rp3beta" : "itemknn"; }
  std::string summary() const override {
    return is_walk_ ? "item weights by three random steps, popularity damped: strong, seconds to train"
                    : "item weights by similarity of items: explains itself, seconds to train, serves new users";
  }
  void declare(OptionSet& options) override {
    options.add("neighbours", config_.similarity.k, "weights kept of each item");
    options.add_named("keep", config_.kept,
                      "history: the best candidates of each item of a history; candidates: the best items of "
                      "histories of each candidate",
                      kept_lists_of, kept_lists_name);
    options.add("row-power", config_.row_power, "an item's weights are divided by their sum to this power");
    if (!is_walk_) {
      options.add_named("metric", config_.similarity.metric, metric_help(), similarity_metric_of,
                        similarity_metric_name);
      declare_metric_parameters(options, config_.similarity);
    }
    declare_similarity(options, config_.similarity);
  }
  std::vector<CheckpointPlace> checkpoint_places(const std::string& folder) const override {
    return {{folder, row_lists_kind}};
  }
  Model fit(Session& session, const FitRequest& request) override {
    config_.similarity.event_weights = request.event_weights;
    config_.similarity.memory_budget_bytes = request.memory_per_rank;
    SimilarityReport report;
    std::optional<ListCheckpoints> checkpoints;
    if (request.checkpoints) checkpoints.emplace(session, *request.checkpoints, request.identity);
    Model model = train_item_knn(session.comm, request.train, config_, name(), session.phases, &report,
                                 checkpoints ? &*checkpoints : nullptr);
    session.results["training"] = similarity_results(session.comm, report);
    return model;
  }

 private:
  bool is_walk_;
  ItemKnnConfig config_;
};

}  // namespace

std::unique_ptr<ModelFamily> make_item_knn_family() { return std::make_unique<ItemKnnFamily>(ItemKnnFamily::Kind::itemknn); }
std::unique_ptr<ModelFamily> make_rp3beta_family() { return std::make_unique<ItemKnnFamily>(ItemKnnFamily::Kind::rp3beta); }

}  // namespace pushcart::app
