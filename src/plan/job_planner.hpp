#pragma once

#include <functional>
#include <string>
#include <vector>

#include "plan/ingest_traffic.hpp"
#include "pushcart/models/content_plan.hpp"
#include "pushcart/models/linear_plan.hpp"
#include "pushcart/models/sessions_plan.hpp"
#include "pushcart/models/similarity_plan.hpp"
#include "pushcart/plan/job_plan.hpp"
#include "pushcart/topn/list_plan.hpp"

namespace pushcart {

/// Users of a rank with held-out pairs, and what they have in training.
struct TestedUsers {
  Count users = 0, pairs = 0;
};

TestedUsers tested_users(const Dataset& part);

/// What a model has weights for: each item, or each user.
enum class RowsOfWeights : int { items, users };

/// What lists are made of.
struct PlannedModel {
  Count num_columns = 0;            ///< of its factors
  std::vector<Count> weights = {};  ///< entries of the weights of each rank; empty = it has none
  RowsOfWeights rows = RowsOfWeights::items;
};

/// Memory, bytes and time of each phase of a job, by rank. Local.
class JobPlanner {
 public:
  JobPlanner(const PlannedJob& job, const Rates& rates, std::vector<DatasetSizes> sizes,
             IngestTraffic traffic);

  PhasePlan ingest() const;

  /// Of the log, as counted.
  PhasePlan features() const;

  PhasePlan train(const AlsPlan& plan) const;

  PhasePlan train_popular() const;

  /// @param plans  by rank
  PhasePlan train_item_knn(const std::vector<SimilarityRankPlan>& plans) const;

  PhasePlan train_sessions(const SessionsPlan& plan) const;

  PhasePlan train_user_knn(const std::vector<SimilarityRankPlan>& plans) const;

  /// @param plans  by rank, of ease or spectral
  PhasePlan train_linear(const std::vector<LinearRankPlan>& plans) const;

  PhasePlan train_content(const ContentPlan& plan) const;

  PhasePlan similar(const std::vector<SimilarityRankPlan>& plans) const;

  /// @param row  what goes along with a user's row that another rank serves
  PhasePlan recommend(const std::function<LentListRow(int rank, Count row)>& row,
                      const PlannedModel& model) const;

  /// Of a model of factors, on what ingest held out, beside popularity. @param tested  by rank
  PhasePlan evaluate(const std::vector<TestedUsers>& tested) const;

 private:
  /// Work, bytes, and memory while neighbours are found.
  PhasePlan by_similarity(std::string name, const std::vector<SimilarityRankPlan>& plans) const;
  /// How many steps an iteration to singular vectors takes only a record of one tells.
  bool are_steps_assumed() const;
  /// When lists of neighbours become a model, if that takes more.
  void make_item_weights(const std::vector<SimilarityRankPlan>& plans, PhasePlan& phase) const;
  /// The last step of ingest, when the log is a data set; all sets of vectors as one.
  MemoryPlan attaching_vectors(Count rank) const;
  /// By rank, of a log that is not there.
  std::vector<CountedIngest> expected_ingest() const;
  /// By rank. Plain files are cut evenly; compressed ones, alike in length, are dealt out whole.
  std::vector<Count> lines_read() const;
  MemoryPlan started() const;
  static void append(MemoryPlan& plan, const MemoryPlan& more);
  /// What the system counts for a rank beyond its share of shared memory.
  static Count unshared(const AlsRankPlan& part);
  PhasePlan finish(PhasePlan phase) const;

  const PlannedJob& job_;
  const Rates& rates_;
  const std::vector<DatasetSizes> sizes_;
  const IngestTraffic traffic_;
  const Count threads_;
  Count num_users_ = 0, num_items_ = 0;
};

}  // namespace pushcart
