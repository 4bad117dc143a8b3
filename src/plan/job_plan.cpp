#include "pushcart/plan/job_plan.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "plan/job_planner.hpp"
#include "pushcart/matrix/cut_dataset.hpp"

namespace pushcart {
namespace {

double balance_of(const AlsPlan& plan) {
  double largest = 0, sum = 0;
  for (const AlsRankPlan& rank : plan.ranks) {
    largest = std::max(largest, rank.solving_work);
    sum += rank.solving_work;
  }
  return sum > 0 ? largest * static_cast<double>(plan.ranks.size()) / sum : 1;
}

JobPlan put_together(const JobPlanner& planner, const PlannedJob& job, const AlsPlan& als,
                     const std::function<LentListRow(int rank, Count row)>& row) {
  JobPlan plan;
  if (job.log_lines > 0) plan.phases.push_back(planner.ingest());
  plan.phases.push_back(planner.train(als));
  plan.phases.push_back(planner.recommend(row));
  plan.exchange = als.exchange;
  plan.num_heavy_rows = als.num_heavy_rows;
  plan.num_lent_rows = als.num_lent_rows;
  plan.work_balance = balance_of(als);
  return plan;
}

SimilarityConfig similarity_of(const PlannedJob& job) {
  SimilarityConfig config = job.item_knn;
  if (job.family == PlannedFamily::rp3beta) config.metric = SimilarityMetric::rp3beta;
  return config;
}

}  // namespace

PlannedFamily planned_family_of(std::string_view name) {
  for (const PlannedFamily family :
       {PlannedFamily::als, PlannedFamily::itemknn, PlannedFamily::rp3beta, PlannedFamily::userknn}) {
    if (name == planned_family_name(family)) return family;
  }
  throw ConfigError(
      fmt::format("'{}' is none of als, itemknn, rp3beta and userknn; other families are not planned", name));
}

std::string_view planned_family_name(PlannedFamily family) {
  switch (family) {
    case PlannedFamily::als:
      return "als";
    case PlannedFamily::itemknn:
      return "itemknn";
    case PlannedFamily::rp3beta:
      return "rp3beta";
    case PlannedFamily::userknn:
      return "userknn";
  }
  throw InternalError("unknown family");
}

JobPlan plan_job(const Communicator& alone, const Dataset& whole, const PlannedJob& job, const Rates& rates) {
  const std::vector<Dataset> parts = cut_dataset(whole, job.num_ranks);
  std::vector<DatasetSizes> sizes;
  for (const Dataset& part : parts) sizes.push_back(sizes_of(part));
  const JobPlanner planner(job, rates, std::move(sizes));
  const auto row = [&](int rank, Count position) {
    const Dataset& part = parts[static_cast<std::size_t>(rank)];
    return LentListRow{part.by_user.row_length(position),
                       static_cast<Count>(list_row_name(part.user_ids[position]).size())};
  };
  JobPlan plan;
  if (job.family == PlannedFamily::als) {
    plan = put_together(planner, job, plan_als(parts, job.als, job.nodes), row);
    std::vector<TestedUsers> tested;
    for (const Dataset& part : parts) tested.push_back(tested_users(part));
    const auto has_users = [](const TestedUsers& here) { return here.users > 0; };
    if (std::any_of(tested.begin(), tested.end(), has_users)) plan.phases.push_back(planner.evaluate(tested));
  } else {
    const bool of_users = job.family == PlannedFamily::userknn;
    const auto neighbours = of_users
                                ? plan_user_knn(alone, whole, parts, {similarity_of(job), job.kept_items})
                                : plan_nearest_items(alone, whole, parts, similarity_of(job));
    std::vector<Count> weights;
    for (const SimilarityRankPlan& rank : neighbours) weights.push_back(rank.num_neighbours);
    if (job.log_lines > 0) plan.phases.push_back(planner.ingest());
    plan.phases.push_back(of_users ? planner.train_user_knn(neighbours) : planner.train_item_knn(neighbours));
    plan.phases.push_back(
        planner.recommend(row, weights, of_users ? RowsOfWeights::users : RowsOfWeights::items));
  }
  if (job.similar_by) {
    const SimilarityConfig config{.metric = *job.similar_by, .k = job.n};
    plan.phases.push_back(planner.similar(plan_nearest_items(alone, whole, parts, config)));
  }
  return plan;
}

JobPlan plan_job(const AssumedData& data, const PlannedJob& job, const Rates& rates) {
  check(data);
  if (job.family != PlannedFamily::als || job.similar_by) {
    throw ConfigError(
        "--data: neighbours depend on who shares what: without a data set only --family als is planned, and "
        "no --similar-metric");
  }
  const std::vector<AssumedPart> assumed = assume_parts(data, job.als, job.num_ranks);
  std::vector<DatasetSizes> sizes;
  std::vector<ExpectedPart> parts;
  for (const AssumedPart& part : assumed) {
    sizes.push_back(part.sizes);
    parts.push_back(part.als);
  }
  const JobPlanner planner(job, rates, std::move(sizes));
  const LentListRow row{
      data.pairs / data.users,
      static_cast<Count>(list_row_name(std::string(static_cast<std::size_t>(data.id_bytes), 'x')).size())};
  JobPlan plan = put_together(planner, job, plan_als(parts, ValueKind::strength, job.als, job.nodes),
                              [&](int, Count) { return row; });
  for (PhasePlan& phase : plan.phases) phase.bytes = Exactness::estimate;
  return plan;
}

}  // namespace pushcart
