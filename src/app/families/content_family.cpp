#include <fmt/core.h>

#include <optional>

#include "app/families/family.hpp"
#include "app/families/similarity_options.hpp"
#include "app/families/term_options.hpp"
#include "app/list_checkpoints.hpp"
#include "app/step_checkpoints.hpp"
#include "pushcart/models/content.hpp"

namespace pushcart::app {

namespace {

void declare_content(OptionSet& options, ContentConfig& content) {
  declare_terms(options, content,
                "; without --tags, --words, --ngrams and --vectors: all attributes, the words of names, all "
                "sets of vectors");
  declare_content_vectors(options, content.vectors);
  options.add("neighbours", content.neighbours, "weights kept of each item; 0 = factors only");
  options.add_named("keep", content.kept,
                    "history: the best candidates of each item of a history; candidates: the best items of "
                    "histories of each candidate",
                    kept_lists_of, kept_lists_name);
  options.add("sparse-weight", content.sparse_weight, "weight of the terms' similarity");
  options.add("similarity-power", content.similarity_power, "power of the terms' similarity");
  options.add("k", content.k, "singular vectors of the terms, at most as many as there are; 0 = none");
  options.add("low-rank-weight", content.low_rank_weight, "weight of the similarity by singular vectors");
  options.add("spectrum-power", content.spectrum_power, "power of the singular values in it");
  options.add("tolerance", content.tolerance,
              "residual of the singular vectors, as a share of their eigenvalue");
  options.add("max-rounds", content.max_rounds, "rounds of the subspace iteration at most");
  options.add("seed", content.seed, "seed of the start values");
  options.add("profile-half-life-days", content.half_life_days,
              "what of a user counts halves with every so many days before the cut-off; 0 = no decay; needs "
              "--neighbours 0");
  options.add("block-columns", content.block_columns, "columns of a block that goes round the ranks");
  options.add_bytes("batch-memory", content.batch_bytes, "rows fetched on a rank at once (256MiB)");
}

class ContentFamily : public ModelFamily {
 public:
  std::string name() const override { return "content"; }
  std::string summary() const override {
    return "by what items are (tags, words, vectors): reaches items that nobody had yet";
  }
  void declare(OptionSet& options) override { declare_content(options, config_); }
  std::vector<CheckpointPlace> checkpoint_places(const std::string& folder) const override {
    return {{folder, row_lists_kind}, {folder + ".vectors", step_state_kind}};
  }

  Model fit(Session& session, const FitRequest& request) override {
    config_.event_weights = request.event_weights;
    config_.memory_budget_bytes = request.memory_per_rank;
    std::optional<ListCheckpoints> weights;
    std::optional<WorkSteps> vectors;
    CheckpointOptions options_of_vectors;
    if (request.checkpoints) {
      weights.emplace(session, *request.checkpoints, request.identity);
      options_of_vectors = checkpoints_of_later_part(
          *request.checkpoints, checkpoint_places(request.checkpoints->folder).back().folder);
      vectors.emplace(session, options_of_vectors, request.identity, "round");
    }
    ContentResult result = train_content(session.comm, request.train, config_, session.phases,
                                         {weights ? &*weights : nullptr, vectors ? &*vectors : nullptr});
    const ContentReport& report = result.report;
    nlohmann::ordered_json training{{"terms", report.num_terms},
                                    {"entries", report.num_entries},
                                    {"items_without_content", report.num_items_without},
                                    {"singular_values", report.singular_values.size()},
                                    {"kept_share_of_squares", report.kept_share},
                                    {"rounds", report.rounds},
                                    {"products", report.products}};
    if (result.model.item_weights) {
      training["similarity"] = similarity_results(session.comm, report.similarity);
    }
    training["exchange"] = {{"received_bytes_by_rank", session.comm.allgather(report.received_bytes)}};
    session.results["training"] = std::move(training);
    return std::move(result.model);
  }

 private:
  ContentConfig config_;
};

}  // namespace

std::unique_ptr<ModelFamily> make_content_family() {
  return std::make_unique<ContentFamily>();
}

}  // namespace pushcart::app
