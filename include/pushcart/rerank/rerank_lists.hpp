#pragma once

#include <span>
#include <string>

#include "pushcart/base/memory.hpp"
#include "pushcart/features/feature_table.hpp"
#include "pushcart/rerank/rerank_columns.hpp"
#include "pushcart/rerank/reranker.hpp"

namespace pushcart {

/// What places that a re-ranker filled are labelled with.
inline constexpr const char* reranked_source = "rerank";

/// Makes lists: the candidates of the models, ordered by the trees' prediction, then item index ascending.
class RerankedLists {
 public:
  static constexpr Count usual_batch_bytes = Count{1} << 28;

  /// All must outlive the object. Local. @param batch_bytes  room for a batch's candidates, and for the
  /// columns of a part of them, about; never changes bits. ConfigError for models of other families, or in
  /// another order, than those that it learned from, or for other features; InputError for trees that cannot
  /// be read.
  RerankedLists(const Communicator& comm, const Reranker& reranker, std::span<const Model* const> models,
                const Dataset& dataset, const Features* features, PhaseLog& phases,
                Count batch_bytes = usual_batch_bytes);

  /// As top_items of one model: what the request excludes is no candidate. Users are served in batches; the
  /// same bits whatever these are. Collective; ConfigError if more places are wanted than a member gives
  /// candidates.
  TopLists lists(const TopRequest& request) const;

  /// What lists() holds on this rank beside models, features, request and lists, for so many users of this
  /// rank, who have so many pairs. Collective.
  void plan(MemoryPlan& plan, Count num_users, Count num_pairs) const;

 private:
  Count table_bytes_of_a_user() const;
  TopLists rank(const CandidateSet& candidates, Count n) const;
  void rank_part(const CandidateSet& candidates, Count n, TopLists& lists) const;

  const Communicator& comm_;
  const Reranker& reranker_;
  const std::vector<const Model*> models_;
  const Dataset& dataset_;
  PhaseLog& phases_;
  const Count batch_bytes_;
  const RerankColumns columns_;
  const Booster booster_;
};

}  // namespace pushcart
