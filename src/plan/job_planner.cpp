#include "plan/job_planner.hpp"

#include <omp.h>

#include <algorithm>
#include <numeric>

#include "pushcart/eval/evaluate.hpp"
#include "pushcart/events/input_file.hpp"
#include "pushcart/ingest/ingest_plan.hpp"
#include "pushcart/matrix/attach_vectors.hpp"

namespace pushcart {
namespace {

Count most(const std::vector<Count>& values) {
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

/// Received by the node that receives most.
double node_seconds(const std::vector<RankPhase>& ranks, const PlannedJob& job, const Rates& rates) {
  std::vector<Count> by_node((ranks.size() + static_cast<std::size_t>(job.nodes.ranks_per_node) - 1) /
                             static_cast<std::size_t>(job.nodes.ranks_per_node));
  if (by_node.size() == 1) return 0;
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    by_node[rank / static_cast<std::size_t>(job.nodes.ranks_per_node)] += ranks[rank].received_bytes;
  }
  return static_cast<double>(most(by_node)) / rates.network_bytes.value;
}

}  // namespace

TestedUsers tested_users(const Dataset& part) {
  TestedUsers tested;
  const Count num_rows = std::min(part.held_out.num_rows(), part.by_user.num_rows());
  for (Count row = 0; row < num_rows; ++row) {
    if (part.held_out.row_length(row) == 0) continue;
    ++tested.users;
    tested.pairs += part.by_user.row_length(row);
  }
  return tested;
}

JobPlanner::JobPlanner(const PlannedJob& job, const Rates& rates, std::vector<DatasetSizes> sizes,
                       IngestTraffic traffic)
    : job_(job),
      rates_(rates),
      sizes_(std::move(sizes)),
      traffic_(std::move(traffic)),
      threads_(omp_get_max_threads()) {
  for (const DatasetSizes& part : sizes_) {
    num_users_ += part.users;
    num_items_ += part.items;
  }
}

PhasePlan JobPlanner::ingest() const {
  PhasePlan phase;
  phase.name = "ingest";
  const bool is_counted = !job_.counted_ingest.empty();
  phase.bytes = is_counted ? Exactness::exact : Exactness::estimate;
  const std::vector<CountedIngest> by_rank = is_counted ? job_.counted_ingest : expected_ingest();
  const auto ranks = static_cast<Count>(by_rank.size());
  Count num_ids = 0;
  for (const CountedIngest& part : by_rank) num_ids += part.owned_ids;
  for (Count rank = 0; rank < ranks; ++rank) {
    const CountedIngest& part = by_rank[static_cast<std::size_t>(rank)];
    IngestSizes sizes;
    sizes.read_rows = sizes.unwritten_rows = part.read_rows;
    sizes.owned_rows = std::max(part.owned_rows, job_.log_lines / ranks);  // lines are compared evenly spread
    sizes.num_ids = num_ids;
    sizes.num_types = traffic_.data.typed_columns;
    sizes.row_bytes = traffic_.row_bytes;
    sizes.num_ranks = ranks;
    RankPhase& here = phase.ranks.emplace_back();
    here.memory = started();
    append(here.memory, plan_ingest(job_.ingest, sizes));
    if (sizes_.front().vector_columns > 0) here.memory = larger(here.memory, attaching_vectors(rank));
    here.received_bytes = part.received_bytes;
  }
  const double cores = static_cast<double>(ranks * threads_);
  phase.work_seconds = static_cast<double>(job_.log_lines) / (rates_.ingested_lines.value * cores);
  return finish(std::move(phase));
}

PhasePlan JobPlanner::features() const {
  PhasePlan phase;
  phase.name = "features";
  phase.steps = job_.counted_features.front().steps;
  for (std::size_t rank = 0; rank < job_.counted_features.size(); ++rank) {
    const CountedFeatures& counted = job_.counted_features[rank];
    RankPhase& here = phase.ranks.emplace_back();
    here.memory = started();
    here.memory.add("data set", memory_bytes(sizes_[rank]));  // its pairs go once it is read
    for (const AnnouncedMemory& step : counted.steps) {
      MemoryPlan plan = started();
      plan.add("ids and texts of the data set", memory_bytes(counted.kept_of_dataset));
      append(plan, step.here);
      here.memory = larger(here.memory, plan);
    }
    here.received_bytes = counted.received_bytes;
  }
  const double cores = static_cast<double>(job_.num_ranks) * static_cast<double>(threads_);
  phase.work_seconds = static_cast<double>(job_.log_lines) / (rates_.ingested_lines.value * cores);
  return finish(std::move(phase));
}

std::vector<CountedIngest> JobPlanner::expected_ingest() const {
  const std::vector<Count> lines = lines_read();
  const auto received = ingest_received_bytes(traffic_, job_.ingest, lines, sizes_);
  std::vector<CountedIngest> by_rank;
  for (std::size_t rank = 0; rank < lines.size(); ++rank) {
    by_rank.push_back({.read_rows = lines[rank],
                       .owned_rows = job_.log_lines / job_.num_ranks,
                       .owned_ids = sizes_[rank].users + sizes_[rank].items,
                       .received_bytes = received[rank]});
  }
  return by_rank;
}

PhasePlan JobPlanner::train(const AlsPlan& plan) const {
  PhasePlan phase;
  phase.name = "train als";
  const Count sweeps = job_.als.sweeps;
  double floor_seconds = 0;
  for (std::size_t rank = 0; rank < plan.ranks.size(); ++rank) {
    const AlsRankPlan& part = plan.ranks[rank];
    RankPhase& here = phase.ranks.emplace_back();
    here.memory = started();
    here.memory.add("data set", memory_bytes(sizes_[rank]));
    append(here.memory, part.memory);
    here.resident_bytes = unshared(part);
    here.received_bytes = sweeps * (part.received_bytes + part.heavy_received_bytes);
    const double threads = static_cast<double>(threads_);
    floor_seconds =
        std::max(floor_seconds, part.floor.product_flops / (rates_.product_flops.value * threads) +
                                    part.floor.gathered_bytes / (rates_.gathered_bytes.value * threads));
  }
  if (plan.num_heavy_rows > 0) phase.bytes = Exactness::estimate;
  phase.work_seconds = static_cast<double>(sweeps) * rates_.sweep_factor.value * floor_seconds;
  return finish(std::move(phase));
}

PhasePlan JobPlanner::train_popular() const {
  PhasePlan phase;
  phase.name = "train popular";
  for (const DatasetSizes& part : sizes_) {
    RankPhase& here = phase.ranks.emplace_back();
    here.memory = started();
    here.memory.add("data set", memory_bytes(part));
    here.memory.add("popularity of items", part.items * Count{sizeof(float)});
  }
  return finish(std::move(phase));
}

PhasePlan JobPlanner::train_item_knn(const std::vector<SimilarityRankPlan>& plans) const {
  PhasePlan phase = by_similarity("train " + std::string(planned_family_name(job_.family)), plans);
  make_item_weights(plans, phase);
  return finish(std::move(phase));
}

PhasePlan JobPlanner::train_sessions(const SessionsPlan& plan) const {
  PhasePlan phase = by_similarity("train sessions", plan.ranks);
  make_item_weights(plan.ranks, phase);
  phase.steps = plan.steps;
  const bool comes_by_candidate = job_.sessions.kept == KeptLists::of_candidates && job_.num_ranks > 1;
  if (comes_by_candidate) phase.bytes = Exactness::estimate;
  return finish(std::move(phase));
}

PhasePlan JobPlanner::train_user_knn(const std::vector<SimilarityRankPlan>& plans) const {
  return finish(by_similarity("train userknn", plans));
}

PhasePlan JobPlanner::train_linear(const std::vector<LinearRankPlan>& plans) const {
  PhasePlan phase;
  phase.name = "train " + std::string(planned_family_name(job_.family));
  const auto threads = static_cast<double>(threads_);
  for (std::size_t rank = 0; rank < plans.size(); ++rank) {
    const LinearRankPlan& part = plans[rank];
    RankPhase& here = phase.ranks.emplace_back();
    here.memory = started();
    here.memory.add("data set", memory_bytes(sizes_[rank]));
    append(here.memory, part.memory);
    here.received_bytes = part.received_bytes;
    const double seconds = part.multiply_adds / rates_.multiply_adds.value +
                           part.operations / rates_.product_flops.value +
                           static_cast<double>(part.gathered_bytes) / rates_.gathered_bytes.value;
    phase.work_seconds = std::max(phase.work_seconds, seconds / threads);
  }
  return finish(std::move(phase));
}

PhasePlan JobPlanner::train_content(const ContentPlan& plan) const {
  PhasePlan phase = train_linear(plan.ranks);
  phase.steps = plan.steps;
  const bool has_weights =
      std::ranges::any_of(plan.ranks, [](const auto& rank) { return rank.num_weights > 0; });
  const bool comes_by_candidate =
      has_weights && job_.content.kept == KeptLists::of_candidates && job_.num_ranks > 1;
  if (comes_by_candidate || (plan.num_singular_vectors > 0 && are_steps_assumed())) {
    phase.bytes = Exactness::estimate;
  }
  return phase;
}

bool JobPlanner::are_steps_assumed() const {
  return job_.num_ranks > 1 && rates_.subspace_products.source == Rates{}.subspace_products.source;
}

PhasePlan JobPlanner::similar(const std::vector<SimilarityRankPlan>& plans) const {
  PhasePlan phase = by_similarity("similar", plans);
  for (std::size_t rank = 0; rank < plans.size(); ++rank) {
    MemoryPlan lists = started();
    lists.add("data set", memory_bytes(sizes_[rank]));
    constexpr Count entry = sizeof(Count) + sizeof(float);
    lists.add("neighbours, and lists of them", plans[rank].num_neighbours * (2 * entry + 1));
    lists.add("lists as they are written", Count{6} << 20);  // measured
    phase.ranks[rank].memory = larger(phase.ranks[rank].memory, lists);
  }
  return finish(std::move(phase));
}

PhasePlan JobPlanner::recommend(const std::function<LentListRow(int rank, Count row)>& row,
                                const PlannedModel& model) const {
  PhasePlan phase;
  phase.name = "recommend";
  const Count k = model.num_columns;
  const std::vector<Count>& weights = model.weights;
  std::vector<Count> users, items;
  ListSizes sizes;
  sizes.num_ranks = job_.num_ranks;
  sizes.num_items = num_items_;
  sizes.num_columns = k;
  for (const DatasetSizes& part : sizes_) {
    users.push_back(part.users);
    items.push_back(part.items);
    sizes.all_rows += part.users;
  }
  for (std::size_t rank = 0; rank < sizes_.size(); ++rank) {
    const DatasetSizes& part = sizes_[rank];
    if (!lends_rows(part.users, sizes.all_rows, sizes.num_ranks)) continue;
    sizes.lenders_rows += part.users;
    sizes.lenders_excluded += part.user_entries;
    if (model.rows == RowsOfWeights::users) sizes.lenders_own_items += weights[rank];
  }
  sizes.has_item_weights = !weights.empty();
  const Count all_weights = std::accumulate(weights.begin(), weights.end(), Count{0});
  const auto received = list_received_bytes(users, items, k, job_.n, row);
  for (std::size_t rank = 0; rank < sizes_.size(); ++rank) {
    RankPhase& here = phase.ranks.emplace_back();
    here.memory = started();
    here.memory.add("data set", memory_bytes(sizes_[rank]));
    here.memory.add("model", (users[rank] + items[rank]) * k * Count{sizeof(float)});
    sizes.rows = users[rank];
    sizes.excluded = sizes_[rank].user_entries;
    if (sizes.has_item_weights) {
      constexpr Count entry = sizeof(Count) + sizeof(float);
      const bool of_items = model.rows == RowsOfWeights::items;
      here.memory.add(of_items ? "item weights" : "items of users",
                      weights[rank] * entry + (of_items ? items : users)[rank] * Count{sizeof(Count)});
      plan_histories(here.memory, of_items ? sizes_[rank].user_entries : users[rank]);
      sizes.own_weights = of_items ? weights[rank] : 0;
      sizes.remote_weights = of_items ? all_weights - weights[rank] : 0;
    }
    plan_lists(here.memory, sizes, job_.n);
    here.received_bytes = received[rank];
  }
  // Item weights of other ranks come beside what the search counts.
  if (sizes.has_item_weights) phase.bytes = Exactness::estimate;
  const Count most_users = most(users);
  if (first_batch_rows(most_users, num_items_, k, omp_get_max_threads()) < most_users) {
    phase.bytes = Exactness::estimate;  // several batches, by time
  }
  const double pairs = static_cast<double>(num_users_) * static_cast<double>(num_items_);
  const double cores = static_cast<double>(job_.num_ranks) * static_cast<double>(threads_);
  phase.work_seconds = pairs / (rates_.scored_pairs.value * cores);
  return finish(std::move(phase));
}

PhasePlan JobPlanner::evaluate(const std::vector<TestedUsers>& tested) const {
  PhasePlan phase;
  phase.name = "evaluate";
  phase.bytes = Exactness::estimate;  // evaluate counts none
  const EvaluateConfig config;
  const Count n = most(config.at), k = job_.als.k;
  ListSizes sizes;
  sizes.num_ranks = job_.num_ranks;
  sizes.num_items = num_items_;
  sizes.num_columns = k;
  std::vector<Count> rows, items;
  Count all_pairs = 0;
  for (std::size_t rank = 0; rank < tested.size(); ++rank) {
    rows.push_back(tested[rank].users);
    items.push_back(sizes_[rank].items);
    sizes.all_rows += tested[rank].users;
    all_pairs += tested[rank].pairs;
  }
  for (const TestedUsers& here : tested) {
    if (!lends_rows(here.users, sizes.all_rows, sizes.num_ranks)) continue;
    sizes.lenders_rows += here.users;
    sizes.lenders_excluded += here.pairs;
  }
  const LentListRow row{all_pairs / std::max<Count>(1, sizes.all_rows), 0};
  const auto received = list_received_bytes(rows, items, k, n, [&](int, Count) { return row; });
  for (std::size_t rank = 0; rank < tested.size(); ++rank) {
    const DatasetSizes& part = sizes_[rank];
    RankPhase& here = phase.ranks.emplace_back();
    here.memory = started();
    here.memory.add("data set", memory_bytes(part));
    here.memory.add("model", (part.users + part.items) * k * Count{sizeof(float)});
    here.memory.add("popularity of items", part.items * Count{sizeof(float)});
    plan_evaluation(here.memory, config, tested[rank].users, part.items, num_items_);
    sizes.rows = std::min(tested[rank].users, config.batch_users);
    sizes.excluded = tested[rank].pairs;
    plan_lists(here.memory, sizes, n);
    here.received_bytes = received[rank];
  }
  const double pairs = static_cast<double>(sizes.all_rows) * static_cast<double>(num_items_);
  phase.work_seconds = pairs / (rates_.scored_pairs.value * static_cast<double>(job_.num_ranks) *
                                static_cast<double>(threads_));
  return finish(std::move(phase));
}

PhasePlan JobPlanner::by_similarity(std::string name, const std::vector<SimilarityRankPlan>& plans) const {
  PhasePlan phase;
  phase.name = std::move(name);
  double most_work = 0;
  for (std::size_t rank = 0; rank < plans.size(); ++rank) {
    RankPhase& here = phase.ranks.emplace_back();
    here.memory = started();
    here.memory.add("data set", memory_bytes(sizes_[rank]));
    append(here.memory, plans[rank].memory);
    here.received_bytes = plans[rank].received_bytes;
    most_work = std::max(most_work, plans[rank].multiply_adds);
  }
  phase.work_seconds = most_work / (rates_.multiply_adds.value * static_cast<double>(threads_));
  return phase;
}

void JobPlanner::make_item_weights(const std::vector<SimilarityRankPlan>& plans, PhasePlan& phase) const {
  for (std::size_t rank = 0; rank < plans.size(); ++rank) {
    // The model is made when all but what it is made of is gone.
    MemoryPlan model = started();
    model.add("data set", memory_bytes(sizes_[rank]));
    model.add("neighbours, and the model made of them",
              item_knn_bytes(sizes_[rank].items, plans[rank].num_neighbours));
    phase.ranks[rank].memory = larger(phase.ranks[rank].memory, model);
  }
}

MemoryPlan JobPlanner::attaching_vectors(Count rank) const {
  DatasetSizes sizes = sizes_[static_cast<std::size_t>(rank)];
  const Count row_bytes = sizes.vector_columns * Count{sizeof(float)};
  sizes.vector_columns = 0;  // they come by plan_vectors
  MemoryPlan plan = started();
  plan.add("data set", memory_bytes(sizes));
  plan_vectors(plan, num_items_ * row_bytes / job_.num_ranks, sizes.items * row_bytes);
  return plan;
}

std::vector<Count> JobPlanner::lines_read() const {
  // Files that cannot be cut are whole units, however long; so long is none of those that could be.
  constexpr Count any_length = (Count{1} << 20) + 1;
  const Count files = std::max<Count>(1, job_.compressed_files);
  const Count lines_a_file = job_.log_lines / files;
  const InputStretch file{job_.compressed_files > 0 ? any_length : lines_a_file, job_.compressed_files == 0};
  const std::vector<InputStretch> stretches(static_cast<std::size_t>(files), file);
  std::vector<Count> lines;
  for (const std::vector<WorkUnit>& units : share_stretches(stretches, job_.num_ranks)) {
    Count& here = lines.emplace_back(0);
    for (const WorkUnit& unit : units) here += file.may_cut ? unit.end - unit.begin : lines_a_file;
  }
  return lines;
}

MemoryPlan JobPlanner::started() const {
  MemoryPlan plan;
  // Of code and libraries as phases come to use them, and what MPI keeps for each rank of the node:
  // measured.
  constexpr Count touched_later = Count{7} << 20, neighbour_bytes = Count{100} << 10;
  plan.add("program", job_.program_bytes + touched_later + job_.nodes.ranks_per_node * neighbour_bytes);
  return plan;
}

void JobPlanner::append(MemoryPlan& plan, const MemoryPlan& more) {
  for (const MemoryPlan::Part& part : more.parts()) plan.add(part.what, part.num_bytes);
}

Count JobPlanner::unshared(const AlsRankPlan& part) {
  return part.shared_bytes == 0 ? 0 : part.shared_bytes - part.memory.parts().back().num_bytes;
}

PhasePlan JobPlanner::finish(PhasePlan phase) const {
  for (RankPhase& rank : phase.ranks) rank.resident_bytes += rank.memory.total_bytes();
  phase.transfer_seconds = node_seconds(phase.ranks, job_, rates_);
  return phase;
}

}  // namespace pushcart
