#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "app/inputs.hpp"
#include "app/option_set.hpp"
#include "app/session.hpp"
#include "pushcart/rerank/rerank_lists.hpp"

namespace pushcart::app {

/// What re-ranks the candidates of several models.
struct RerankOptions {
  std::string file;      ///< re-ranker; empty = the model makes the lists
  std::string features;  ///< features file; empty = none
};
void declare_rerank(OptionSet& options, RerankOptions& rerank);

/// ConfigError for what makes no sense, before anything is read: several models without a re-ranker, say.
/// Local.
void check_rerank(const RerankOptions& options, const std::vector<std::string>& models);

/// The files that the options name beside the first model, for announce_inputs. Local.
void append_inputs(const RerankOptions& options, const std::vector<std::string>& models,
                   std::vector<InputPart>& inputs);

/// Reads features over the data set's partitions, and notes them among the run's inputs. Collective; errors
/// as read_features, and ConfigError if they know more than the data set, whose log ends at its cut-off.
Features load_features(Session& session, const std::string& path, const Dataset& dataset,
                       std::int64_t cutoff_time);

/// A re-ranker with its models and features.
class Reranking {
 public:
  /// Reads the files. Collective; errors as of the readers and of RerankedLists. All must outlive the object.
  /// @param paths    of the models, of which `first` is read already
  /// @param served   what lists are made for: `dataset` or a part of it
  Reranking(Session& session, const RerankOptions& options, const std::vector<std::string>& paths,
            const Dataset& dataset, const Dataset& served, const Model& first);

  const Reranker& reranker() const { return reranker_; }
  const std::vector<const Model*>& models() const { return models_; }
  TopLists lists(const TopRequest& request) const { return lists_->lists(request); }
  /// What lists of so many users of this rank, who have so many pairs, take beside what is read. Collective.
  void plan(MemoryPlan& plan, Count num_users, Count num_pairs) const {
    lists_->plan(plan, num_users, num_pairs);
  }
  /// What lists are made by, for the identity of checkpoints.
  std::string identity() const;
  /// For people: "rerank of als, ease".
  std::string name() const;
  /// ConfigError for a model that has learned from another part of the data than the first. Local.
  void check_same_split(const std::vector<std::string>& paths) const;
  /// ConfigError if the re-ranker has learned from pairs that the first model's training held out. Local.
  void check_tests_unseen_pairs(const Dataset& dataset) const;

 private:
  Reranker reranker_;
  std::deque<Model> further_;
  std::vector<const Model*> models_;
  std::optional<Features> features_;
  std::optional<RerankedLists> lists_;
};

}  // namespace pushcart::app
