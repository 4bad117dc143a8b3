#include "pushcart/plan/job_plan.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

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
  plan.phases.push_back(planner.recommend(row, {.num_columns = job.als.k}));
  plan.exchange = als.exchange;
  plan.num_heavy_rows = als.num_heavy_rows;
  plan.num_lent_rows = als.num_lent_rows;
  plan.work_balance = balance_of(als);
  return plan;
}

SubspaceSteps steps_of(const Rates& rates) {
  return {std::llround(rates.subspace_rounds.value), std::llround(rates.subspace_products.value)};
}

/// @param row  as for JobPlanner::recommend
JobPlan linear_job(const JobPlanner& planner, const PlannedJob& job, const Rates& rates,
                   const Communicator& alone, const Dataset& whole, std::span<const Dataset> parts,
                   const std::function<LentListRow(int rank, Count row)>& row) {
  PlannedModel model;
  std::vector<LinearRankPlan> ranks;
  if (job.family == PlannedFamily::ease) {
    ranks = plan_ease(alone, whole, parts, job.ease);
  } else {
    ranks = plan_spectral(alone, whole, parts, job.spectral, steps_of(rates));
    model.num_columns = spectral_columns(job.spectral, whole.num_users(), whole.num_items());
  }
  for (const LinearRankPlan& rank : ranks) model.weights.push_back(rank.num_weights);
  const auto has_weights = [](Count num_weights) { return num_weights > 0; };
  if (std::ranges::none_of(model.weights, has_weights)) model.weights.clear();
  JobPlan plan;
  if (job.log_lines > 0) plan.phases.push_back(planner.ingest());
  plan.phases.push_back(planner.train_linear(ranks));
  // How many steps a spectral training takes only a record of one tells.
  if (job.family == PlannedFamily::spectral &&
      rates.subspace_products.source == Rates{}.subspace_products.source) {
    plan.phases.back().bytes = Exactness::estimate;
  }
  plan.phases.push_back(planner.recommend(row, model));
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
       {PlannedFamily::als, PlannedFamily::itemknn, PlannedFamily::rp3beta, PlannedFamily::userknn,
        PlannedFamily::ease, PlannedFamily::spectral, PlannedFamily::popular, PlannedFamily::sessions,
        PlannedFamily::content}) {
    if (name == planned_family_name(family)) return family;
  }
  for (const auto& [unplanned, why] :
       {std::pair{"blend", "it takes what its parts take, and then both models at once"},
        std::pair{"rerank", "it takes what its models and the features of their candidates take"}}) {
    if (name == unplanned) throw ConfigError(fmt::format("'{}' is not planned: {}", name, why));
  }
  throw ConfigError(fmt::format(
      "'{}' is none of als, itemknn, rp3beta, userknn, ease, spectral, popular, sessions and content", name));
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
    case PlannedFamily::ease:
      return "ease";
    case PlannedFamily::spectral:
      return "spectral";
    case PlannedFamily::popular:
      return "popular";
    case PlannedFamily::sessions:
      return "sessions";
    case PlannedFamily::content:
      return "content";
  }
  throw InternalError("unknown family");
}

JobPlan plan_job(const Communicator& alone, const Dataset& whole, const PlannedJob& job, const Rates& rates) {
  const std::vector<Dataset> parts = cut_dataset(whole, job.num_ranks);
  std::vector<DatasetSizes> sizes;
  for (const Dataset& part : parts) sizes.push_back(sizes_of(part));
  const JobPlanner planner(job, rates, std::move(sizes), ingest_traffic(whole, parts, job));
  const auto row = [&](int rank, Count position) {
    const Dataset& part = parts[static_cast<std::size_t>(rank)];
    return LentListRow{part.by_user.row_length(position),
                       static_cast<Count>(list_row_name(part.user_ids[position]).size())};
  };
  JobPlan plan;
  if (job.family == PlannedFamily::als) {
    const MappedValues mapped = mapped_values(alone, whole, job.als);
    plan = put_together(planner, job, plan_als(parts, job.als, job.nodes, mapped), row);
    std::vector<TestedUsers> tested;
    for (const Dataset& part : parts) tested.push_back(tested_users(part));
    const auto has_users = [](const TestedUsers& here) { return here.users > 0; };
    if (std::any_of(tested.begin(), tested.end(), has_users)) plan.phases.push_back(planner.evaluate(tested));
  } else if (job.family == PlannedFamily::ease || job.family == PlannedFamily::spectral) {
    plan = linear_job(planner, job, rates, alone, whole, parts, row);
  } else if (job.family == PlannedFamily::popular) {
    if (job.log_lines > 0) plan.phases.push_back(planner.ingest());
    plan.phases.push_back(planner.train_popular());
    plan.phases.push_back(planner.recommend(row, {}));
  } else if (job.family == PlannedFamily::content) {
    const ContentPlan content = plan_content(parts, job.content, steps_of(rates));
    PlannedModel model{.num_columns = content.num_columns};
    for (const LinearRankPlan& rank : content.ranks) model.weights.push_back(rank.num_weights);
    if (std::ranges::all_of(model.weights, [](Count weights) { return weights == 0; })) model.weights.clear();
    if (job.log_lines > 0) plan.phases.push_back(planner.ingest());
    plan.phases.push_back(planner.train_content(content));
    plan.phases.push_back(planner.recommend(row, model));
  } else if (job.family == PlannedFamily::sessions) {
    const SessionsPlan sessions = plan_sessions(parts, job.sessions);
    PlannedModel model;
    for (const SimilarityRankPlan& rank : sessions.ranks) model.weights.push_back(rank.num_neighbours);
    if (job.log_lines > 0) plan.phases.push_back(planner.ingest());
    plan.phases.push_back(planner.train_sessions(sessions));
    plan.phases.push_back(planner.recommend(row, model));
  } else {
    const bool of_users = job.family == PlannedFamily::userknn;
    const auto neighbours = of_users
                                ? plan_user_knn(alone, whole, parts, {similarity_of(job), job.kept_items})
                                : plan_nearest_items(alone, whole, parts, similarity_of(job));
    PlannedModel model{.rows = of_users ? RowsOfWeights::users : RowsOfWeights::items};
    for (const SimilarityRankPlan& rank : neighbours) model.weights.push_back(rank.num_neighbours);
    if (job.log_lines > 0) plan.phases.push_back(planner.ingest());
    plan.phases.push_back(of_users ? planner.train_user_knn(neighbours) : planner.train_item_knn(neighbours));
    plan.phases.push_back(planner.recommend(row, model));
  }
  if (!job.counted_features.empty()) plan.phases.push_back(planner.features());
  if (job.similar_by) {
    const SimilarityConfig config{.metric = *job.similar_by, .k = job.n};
    plan.phases.push_back(planner.similar(plan_nearest_items(alone, whole, parts, config)));
  }
  return plan;
}

JobPlan plan_job(const AssumedData& data, const PlannedJob& job, const Rates& rates) {
  check(data);
  if (job.family == PlannedFamily::ease || job.family == PlannedFamily::spectral) {
    throw ConfigError(fmt::format(
        "--data: the sparse products of {} depend on who has what: without a data set only --family als "
        "is planned",
        planned_family_name(job.family)));
  }
  if (job.family != PlannedFamily::als || job.similar_by) {
    throw ConfigError(
        "--data: neighbours depend on who shares what: without a data set only --family als "
        "is planned, and no --similar-metric");
  }
  if (!job.als.attributes.users.empty() || !job.als.attributes.items.empty()) {
    throw ConfigError("--data: attributes are those of a data set: without one, leave them out");
  }
  const std::vector<AssumedPart> assumed = assume_parts(data, job.als, job.num_ranks);
  std::vector<DatasetSizes> sizes;
  std::vector<ExpectedPart> parts;
  for (const AssumedPart& part : assumed) {
    sizes.push_back(part.sizes);
    parts.push_back(part.als);
  }
  IngestTraffic traffic = ingest_traffic(data, sizes, job);
  const JobPlanner planner(job, rates, std::move(sizes), std::move(traffic));
  const LentListRow row{
      data.pairs / data.users,
      static_cast<Count>(list_row_name(std::string(static_cast<std::size_t>(data.id_bytes), 'x')).size())};
  JobPlan plan = put_together(planner, job, plan_als(parts, ValueKind::strength, job.als, job.nodes),
                              [&](int, Count) { return row; });
  for (PhasePlan& phase : plan.phases) phase.bytes = Exactness::estimate;
  return plan;
}

}  // namespace pushcart
