#include "pushcart/plan/plan_report.hpp"

#include <fmt/core.h>
#include <omp.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

#include "pushcart/base/log.hpp"

namespace pushcart {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(Count bytes) {
  return bytes_text(static_cast<double>(bytes));
}

const RankPhase& fullest_rank(const PhasePlan& phase) {
  return *std::max_element(
      phase.ranks.begin(), phase.ranks.end(),
      [](const RankPhase& a, const RankPhase& b) { return a.resident_bytes < b.resident_bytes; });
}

Count num_nodes(const PlannedJob& job) {
  return (job.num_ranks + job.nodes.ranks_per_node - 1) / job.nodes.ranks_per_node;
}

std::vector<std::pair<const char*, const Rate*>> named(const Rates& rates) {
  return {{"ingested_lines", &rates.ingested_lines},   {"product_flops", &rates.product_flops},
          {"gathered_bytes", &rates.gathered_bytes},   {"sweep_factor", &rates.sweep_factor},
          {"scored_pairs", &rates.scored_pairs},       {"multiply_adds", &rates.multiply_adds},
          {"subspace_rounds", &rates.subspace_rounds}, {"subspace_products", &rates.subspace_products},
          {"network_bytes", &rates.network_bytes}};
}

std::string phases_text(const JobPlan& plan) {
  std::string text = fmt::format("{:<14} {:>14} {:>16} {:>16} {:>12} {:>12}\n", "phase", "peak of a rank",
                                 "received, most", "received, all", "work s", "transfer s");
  for (const PhasePlan& phase : plan.phases) {
    Count most = 0;
    for (const RankPhase& rank : phase.ranks) most = std::max(most, rank.received_bytes);
    const char* about = phase.bytes == Exactness::exact ? "" : "~";
    text += fmt::format("{:<14} {:>14} {:>16} {:>16} {:>12.2f} {:>12.2f}\n", phase.name,
                        text_of(phase.peak_bytes()), fmt::format("{}{}", about, text_of(most)),
                        fmt::format("{}{}", about, text_of(phase.received_bytes())), phase.work_seconds,
                        phase.transfer_seconds);
  }
  return text + fmt::format("all of it {:.1f} s\n", plan.seconds());
}

std::string memory_text(const JobPlan& plan) {
  std::string text = "\nmemory of the fullest rank\n";
  for (const PhasePlan& phase : plan.phases) {
    const RankPhase& rank = fullest_rank(phase);
    text += fmt::format("  {}\n", phase.name);
    for (const auto& part : rank.memory.parts()) {
      if (part.num_bytes > 0) text += fmt::format("    {:<44} {:>12}\n", part.what, text_of(part.num_bytes));
    }
    const Count in_sight = rank.resident_bytes - rank.memory.total_bytes();
    if (in_sight > 0)
      text +=
          fmt::format("    {:<44} {:>12}\n", "shared by the node, in sight of each rank", text_of(in_sight));
  }
  return text;
}

std::string model_text(const PlannedJob& job) {
  if (job.family == PlannedFamily::als) return fmt::format("k = {}, {} sweeps", job.als.k, job.als.sweeps);
  if (job.family == PlannedFamily::ease)
    return fmt::format("ease with {} weights an item", job.ease.neighbours);
  if (job.family == PlannedFamily::spectral) return fmt::format("spectral with k = {}", job.spectral.k);
  if (job.family == PlannedFamily::popular) return "popular";
  if (job.family == PlannedFamily::content)
    return fmt::format("content with {} weights an item and k = {}", job.content.neighbours, job.content.k);
  if (job.family == PlannedFamily::sessions)
    return fmt::format("sessions with {} weights an item", job.sessions.neighbours);
  return fmt::format("{} with {} neighbours", planned_family_name(job.family), job.item_knn.k);
}

std::string slurm_time(double seconds) {
  const auto minutes = std::max<long long>(10, std::llround(std::ceil(seconds / 60)));
  return fmt::format("{:02}:{:02}:00", minutes / 60, minutes % 60);
}

}  // namespace

std::string plan_text(const JobPlan& plan, const PlannedJob& job, const Rates& rates) {
  std::string text = fmt::format("{} rank{} of {} thread{}, {} a node, {} node{}; {}, lists of {}\n\n",
                                 job.num_ranks, job.num_ranks == 1 ? "" : "s", omp_get_max_threads(),
                                 omp_get_max_threads() == 1 ? "" : "s", job.nodes.ranks_per_node,
                                 num_nodes(job), num_nodes(job) == 1 ? "" : "s", model_text(job), job.n);
  text += phases_text(plan);
  text += memory_text(plan);
  if (job.family == PlannedFamily::als)
    text += fmt::format(
        "\nexchange of factors: {}; solving work of the busiest rank: {:.3f} of the mean; "
        "heavy rows: {}; rows lent: {}\n",
        exchange_method_name(plan.exchange), plan.work_balance, plan.num_heavy_rows, plan.num_lent_rows);
  text += "\nrates (a core; the network: a node)\n";
  for (const auto& [name, rate] : named(rates))
    text += fmt::format("  {:<17} {:>10.4g}  {}\n", name, rate->value, rate->source);
  text += "\n# to paste; a quarter more memory and twice the time than planned\n";
  for (const std::string& line : sbatch_lines(plan, job)) text += line + "\n";
  return text;
}

Json plan_json(const JobPlan& plan, const PlannedJob& job, const Rates& rates) {
  Json json;
  json["ranks"] = job.num_ranks;
  json["nodes"] = num_nodes(job);
  json["ranks_per_node"] = job.nodes.ranks_per_node;
  json["threads_per_rank"] = omp_get_max_threads();
  json["phases"] = Json::array();
  for (const PhasePlan& phase : plan.phases) {
    Json peaks = Json::array(), received = Json::array(), parts = Json::object();
    for (const RankPhase& rank : phase.ranks) {
      peaks.push_back(rank.resident_bytes);
      received.push_back(rank.received_bytes);
    }
    for (const auto& part : fullest_rank(phase).memory.parts()) parts[part.what] = part.num_bytes;
    json["phases"].push_back({{"name", phase.name},
                              {"peak_memory_bytes_by_rank", std::move(peaks)},
                              {"memory_of_fullest_rank", std::move(parts)},
                              {"bytes_are_exact", phase.bytes == Exactness::exact},
                              {"received_bytes_by_rank", std::move(received)},
                              {"work_seconds", phase.work_seconds},
                              {"transfer_seconds", phase.transfer_seconds},
                              {"seconds", phase.seconds()}});
    if (phase.steps.empty()) continue;
    Json& steps = json["phases"].back()["memory_planned_per_rank"];
    for (const AnnouncedMemory& step : phase.steps)
      steps.push_back({{"step", step.step}, {"memory", step.words}});
  }
  if (job.family == PlannedFamily::als) {
    json["exchange"] = exchange_method_name(plan.exchange);
    json["solving_work_largest_over_mean"] = plan.work_balance;
    json["heavy_rows"] = plan.num_heavy_rows;
    json["lent_rows"] = plan.num_lent_rows;
  }
  json["seconds"] = plan.seconds();
  json["peak_memory_bytes"] = plan.peak_bytes();
  json["node_memory_bytes"] = plan.node_bytes(job.nodes);
  for (const auto& [name, rate] : named(rates))
    json["rates"][name] = {{"value", rate->value}, {"source", rate->source}};
  json["sbatch"] = sbatch_lines(plan, job);
  return json;
}

std::vector<std::string> sbatch_lines(const JobPlan& plan, const PlannedJob& job) {
  constexpr double memory_room = 1.25, time_room = 2;
  const double mebibytes = memory_room * static_cast<double>(plan.node_bytes(job.nodes)) / (1 << 20);
  return {
      fmt::format("#SBATCH --nodes={}", num_nodes(job)),
      fmt::format("#SBATCH --ntasks-per-node={}", std::min<Count>(job.nodes.ranks_per_node, job.num_ranks)),
      fmt::format("#SBATCH --cpus-per-task={}", omp_get_max_threads()),
      fmt::format("#SBATCH --mem={:.0f}M", std::ceil(mebibytes)),
      fmt::format("#SBATCH --time={}", slurm_time(time_room * plan.seconds())),
      "#SBATCH --open-mode=append",
      "#SBATCH --signal=B:USR1@120",
      "#SBATCH --requeue"};
}

}  // namespace pushcart
