#include <fmt/core.h>

#include <optional>

#include "app/command.hpp"
#include "app/families/similarity_options.hpp"
#include "app/inputs.hpp"
#include "app/list_checkpoints.hpp"
#include "app/paths.hpp"
#include "app/recommend.hpp"
#include "app/stopping.hpp"

namespace pushcart::app {

namespace {

class Similar : public Command {
 public:
  Similar() { output_.folder = "similar"; }
  std::string name() const override { return "similar"; }
  std::string summary() const override { return "write every item's nearest other items"; }
  std::string details() const override {
    return "Without --metric: cosine of a model's item factors. With it: from the dataset alone, no model is read.\n"
           "With --from-searches: of every search query the items of the users who searched it.\n";
  }
  std::string record_path() const override { return output_.folder + "/run.json"; }
  void declare(OptionSet& options) override {
    options.add("dataset", dataset_, "dataset file");
    options.add("model", model_, "model file with factors; not read with --metric");
    options.add("output", output_.folder, "folder for the lists");
    options.add("n", n_, "length of the lists");
    declare_list_output(options, output_);
    options.add_custom(
        "metric", Arity::one, "how like two items are by their users; none = by the model: " + metric_help(),
        [this](const auto& texts) { metric_ = similarity_metric_of(texts.back()); },
        [this] {
          return metric_ ? std::vector<std::string>{std::string(similarity_metric_name(*metric_))}
                         : std::vector<std::string>{};
        });
    declare_metric_parameters(options, similarity_);
    declare_similarity(options, similarity_);
    options.add_flag("bought-together", bought_together_,
                     "with --metric: also together-*.csv, with support, share and lift of each pair");
    options.add_flag("from-searches", from_searches_,
                     "with --metric cosine, jaccard or llr: a list for every search query, of what the users who "
                     "searched it have, for example --to-events purchase");
    options.add_bytes("memory-per-rank", memory_per_rank_, "refuse to start over this much (2GiB); 0 = no limit");
    declare_checkpoints(options, checkpoints_, CheckpointFolderOption::declared);
    declare_stop(options, stop_);
    declare_similarity(settings_, similarity_);
    declare_metric_parameters(settings_, similarity_);
  }
  void run(Session& session) override {
    if (n_ < 1) throw ConfigError("--n: must be at least 1");
    if (bought_together_ && !metric_) throw ConfigError("--bought-together: needs --metric, for example --metric llr");
    if (from_searches_ && !metric_) throw ConfigError("--from-searches: needs --metric, for example --metric llr");
    limit_time(session, stop_);
    if (checkpoints_.folder.empty()) checkpoints_.folder = checkpoints_beside(output_.folder);
    announce_inputs(session.comm, "similar", {{"data set", dataset_}, {"model", metric_ ? "" : model_}},
                    memory_per_rank_);
    const Dataset dataset = load_dataset(session, dataset_);
    if (metric_) similar_by_users(session, dataset);
    else similar_by_factors(session, dataset);
    remove_checkpoints_at_end(session, checkpoints_.folder, row_lists_kind);
  }

 private:
  void similar_by_factors(Session& session, const Dataset& dataset) {
    const auto& comm = session.comm;
    const Model model = load_model(session, model_, dataset);
    announce_lists(comm, "similar", model, {.rows = model.item_factors.rows.size(), .n = n_}, memory_per_rank_);
    ListCheckpoints checkpoints(session, checkpoints_, identity_of_similar(dataset, model.digest, n_));
    StopRequest::catch_signals();
    const Recommendations made{similar_items(comm, model, n_, session.phases, &checkpoints), {}};
    StopRequest::end_at_signals();
    session.results["similar"] = {{"scoring", scoring_results(comm, made.lists)}};
    write(session, dataset, made, ListKind::similar_items, model.digest);
  }

  void similar_by_users(Session& session, const Dataset& dataset) {
    similarity_.metric = *metric_;
    similarity_.k = n_;
    similarity_.memory_budget_bytes = memory_per_rank_;
    if (bought_together_) similarity_.support = SupportColumn::wanted;
    SimilarityReport report;
    const Neighbours neighbours = nearest(session, dataset, report);
    session.results["similar"] = similarity_results(session.comm, report);
    TopLists lists;
    for (Count row = neighbours.rows.begin; row < neighbours.rows.end; ++row) lists.rows.push_back(row);
    lists.offsets = neighbours.offsets;
    lists.items = neighbours.columns;
    lists.scores = neighbours.scores;
    lists.sources.assign(lists.items.size(), 0);
    lists.source_names = {std::string(similarity_metric_name(*metric_))};
    write(session, dataset, {std::move(lists), {}},
          from_searches_ ? ListKind::query_lists : ListKind::similar_items, "",
          bought_together_ ? &neighbours : nullptr);
    if (bought_together_) session.text += fmt::format("bought together: {}/together-*.csv\n", output_.folder);
  }

  Neighbours nearest(Session& session, const Dataset& dataset, SimilarityReport& report) {
    WorkIdentity identity = identity_of_similar(dataset, "", n_);
    identity["--metric"] = similarity_metric_name(*metric_);
    identity["--bought-together"] = bought_together_ ? "true" : "false";
    identity["--from-searches"] = from_searches_ ? "true" : "false";
    add_settings(identity, config_json(settings_));
    ListCheckpoints checkpoints(session, checkpoints_, std::move(identity));
    StopRequest::catch_signals();
    const auto find = from_searches_ ? items_of_queries : nearest_items;
    Neighbours neighbours = find(session.comm, dataset, similarity_, session.phases, &report, &checkpoints);
    StopRequest::end_at_signals();
    return neighbours;
  }

  void write(Session& session, const Dataset& dataset, const Recommendations& made, ListKind kind,
             const std::string& model_digest, const Neighbours* bought_together = nullptr) {
    const auto info =
        write_list_files(session, dataset, made, kind, output_, n_, model_digest, bought_together);
    const bool of_queries = kind == ListKind::query_lists;
    session.text = fmt::format("{}: {} ({} {}, {} entries, digest {})\n",
                               of_queries ? "items of queries" : "similar items", output_.folder, info.num_rows,
                               of_queries ? "queries" : "items", info.num_entries, info.digest);
  }

  std::string dataset_ = "data.h5", model_ = "model.h5";
  std::optional<SimilarityMetric> metric_;
  SimilarityConfig similarity_;
  bool bought_together_ = false, from_searches_ = false;
  Count n_ = 20, memory_per_rank_ = 0;
  ListOutput output_;
  CheckpointOptions checkpoints_;
  StopOptions stop_;
  OptionSet settings_;  ///< of the metric
};

}  // namespace

std::unique_ptr<Command> make_similar() { return std::make_unique<Similar>(); }

}  // namespace pushcart::app
