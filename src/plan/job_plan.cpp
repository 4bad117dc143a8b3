#include "pushcart/plan/job_plan.hpp"

#include <omp.h>

#include <algorithm>
#include <numeric>

#include "pushcart/ingest/ingest_plan.hpp"
#include "pushcart/matrix/attach_vectors.hpp"
#include "pushcart/matrix/cut_dataset.hpp"
#include "pushcart/topn/list_plan.hpp"

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

class JobPlanner {
 public:
  JobPlanner(const PlannedJob& job, const Rates& rates, std::vector<DatasetSizes> sizes)
      : job_(job), rates_(rates), sizes_(std::move(sizes)), threads_(omp_get_max_threads()) {
    for (const DatasetSizes& part : sizes_) {
      num_users_ += part.users;
      num_items_ += part.items;
    }
  }

  PhasePlan ingest() const {
    PhasePlan phase;
    phase.name = "ingest";
    phase.bytes = Exactness::estimate;
    const Count ranks = job_.num_ranks;
    for (Count rank = 0; rank < ranks; ++rank) {
      IngestSizes sizes;
      sizes.read_rows = lines_read_by(rank);
      sizes.owned_rows = job_.log_lines / ranks;
      sizes.num_ids = num_users_ + num_items_;
      sizes.num_types = sizes_.front().event_types;
      sizes.num_ranks = ranks;
      RankPhase& here = phase.ranks.emplace_back();
      here.memory = started();
      append(here.memory, plan_ingest({}, sizes));
      if (sizes_.front().vector_columns > 0) here.memory = larger(here.memory, attaching_vectors(rank));
      here.received_bytes = ingest_received_bytes(sizes);
    }
    const double cores = static_cast<double>(ranks * threads_);
    phase.work_seconds = static_cast<double>(job_.log_lines) / (rates_.ingested_lines.value * cores);
    return finish(std::move(phase));
  }

  PhasePlan train(const AlsPlan& plan) const {
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

  /// @param row  what goes along with a user's row that another rank serves
  PhasePlan recommend(const std::function<LentListRow(int rank, Count row)>& row) const {
    PhasePlan phase;
    phase.name = "recommend";
    const Count k = job_.als.k;
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
    for (const DatasetSizes& part : sizes_) {
      if (!lends_rows(part.users, sizes.all_rows, sizes.num_ranks)) continue;
      sizes.lenders_rows += part.users;
      sizes.lenders_excluded += part.user_entries;
    }
    const auto received = list_received_bytes(users, items, k, job_.n, row);
    for (std::size_t rank = 0; rank < sizes_.size(); ++rank) {
      RankPhase& here = phase.ranks.emplace_back();
      here.memory = started();
      here.memory.add("data set", memory_bytes(sizes_[rank]));
      here.memory.add("model", (users[rank] + items[rank]) * k * Count{sizeof(float)});
      sizes.rows = users[rank];
      sizes.excluded = sizes_[rank].user_entries;
      plan_lists(here.memory, sizes, job_.n);
      here.received_bytes = received[rank];
    }
    const Count most_users = most(users);
    if (first_batch_rows(most_users, num_items_, k, omp_get_max_threads()) < most_users) {
      phase.bytes = Exactness::estimate;  // several batches, by time
    }
    const double pairs = static_cast<double>(num_users_) * static_cast<double>(num_items_);
    const double cores = static_cast<double>(job_.num_ranks) * static_cast<double>(threads_);
    phase.work_seconds = pairs / (rates_.scored_pairs.value * cores);
    return finish(std::move(phase));
  }

 private:
  static MemoryPlan larger(const MemoryPlan& a, const MemoryPlan& b) {
    return a.total_bytes() < b.total_bytes() ? b : a;
  }
  /// The last step of ingest, when the log is a data set; all sets of vectors as one.
  MemoryPlan attaching_vectors(Count rank) const {
    DatasetSizes sizes = sizes_[static_cast<std::size_t>(rank)];
    const Count row_bytes = sizes.vector_columns * Count{sizeof(float)};
    sizes.vector_columns = 0;  // they come by plan_vectors
    MemoryPlan plan = started();
    plan.add("data set", memory_bytes(sizes));
    plan_vectors(plan, num_items_ * row_bytes / job_.num_ranks, sizes.items * row_bytes);
    return plan;
  }
  /// Plain files are cut evenly; compressed ones, alike in length, are dealt out whole.
  Count lines_read_by(Count rank) const {
    const Count ranks = job_.num_ranks, files = job_.compressed_files;
    if (files == 0) return job_.log_lines / ranks + (rank < job_.log_lines % ranks ? 1 : 0);
    return job_.log_lines / files * (files / ranks + (rank < files % ranks ? 1 : 0));
  }
  MemoryPlan started() const {
    MemoryPlan plan;
    // Of code and libraries as phases come to use them, and what MPI keeps for each rank of the node:
    // measured.
    constexpr Count touched_later = Count{7} << 20, neighbour_bytes = Count{100} << 10;
    plan.add("program", job_.program_bytes + touched_later + job_.nodes.ranks_per_node * neighbour_bytes);
    return plan;
  }
  static void append(MemoryPlan& plan, const MemoryPlan& more) {
    for (const MemoryPlan::Part& part : more.parts()) plan.add(part.what, part.num_bytes);
  }
  /// What the system counts for a rank beyond its share of shared memory.
  static Count unshared(const AlsRankPlan& part) {
    return part.shared_bytes == 0 ? 0 : part.shared_bytes - part.memory.parts().back().num_bytes;
  }
  PhasePlan finish(PhasePlan phase) const {
    for (RankPhase& rank : phase.ranks) rank.resident_bytes += rank.memory.total_bytes();
    phase.transfer_seconds = node_seconds(phase.ranks, job_, rates_);
    return phase;
  }

  const PlannedJob& job_;
  const Rates& rates_;
  const std::vector<DatasetSizes> sizes_;
  const Count threads_;
  Count num_users_ = 0, num_items_ = 0;
};

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

}  // namespace

Count PhasePlan::peak_bytes() const {
  Count peak = 0;
  for (const RankPhase& rank : ranks) peak = std::max(peak, rank.resident_bytes);
  return peak;
}

Count PhasePlan::received_bytes() const {
  Count sum = 0;
  for (const RankPhase& rank : ranks) sum += rank.received_bytes;
  return sum;
}

double JobPlan::seconds() const {
  double sum = 0;
  for (const PhasePlan& phase : phases) sum += phase.seconds();
  return sum;
}

Count JobPlan::peak_bytes() const {
  Count peak = 0;
  for (const PhasePlan& phase : phases) peak = std::max(peak, phase.peak_bytes());
  return peak;
}

Count JobPlan::node_bytes(const PlannedNodes& nodes) const {
  const auto per_node = static_cast<std::size_t>(nodes.ranks_per_node);
  Count fullest = 0;
  for (const PhasePlan& phase : phases) {
    std::vector<Count> by_node((phase.ranks.size() + per_node - 1) / per_node);
    for (std::size_t rank = 0; rank < phase.ranks.size(); ++rank) {
      by_node[rank / per_node] += phase.ranks[rank].memory.total_bytes();
    }
    fullest = std::max(fullest, most(by_node));
  }
  return fullest;
}

JobPlan plan_job(const Dataset& whole, const PlannedJob& job, const Rates& rates) {
  const std::vector<Dataset> parts = cut_dataset(whole, job.num_ranks);
  std::vector<DatasetSizes> sizes;
  for (const Dataset& part : parts) sizes.push_back(sizes_of(part));
  const JobPlanner planner(job, rates, std::move(sizes));
  return put_together(planner, job, plan_als(parts, job.als, job.nodes), [&](int rank, Count row) {
    const Dataset& part = parts[static_cast<std::size_t>(rank)];
    return LentListRow{part.by_user.row_length(row),
                       static_cast<Count>(list_row_name(part.user_ids[row]).size())};
  });
}

JobPlan plan_job(const AssumedData& data, const PlannedJob& job, const Rates& rates) {
  check(data);
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
