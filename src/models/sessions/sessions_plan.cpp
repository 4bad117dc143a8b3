#include "pushcart/models/sessions_plan.hpp"

#include <algorithm>
#include <numeric>

#include "models/sessions/moment_product.hpp"
#include "models/similarity/product_plan.hpp"
#include "pushcart/comm/received_bytes.hpp"
#include "pushcart/comm/thread_ranks.hpp"

namespace pushcart {
namespace sessions {
namespace {

struct PlannedRank {
  similarity::PreparedSearch search;
  std::vector<AnnouncedMemory> steps;
};

PlannedRank plan_rank(const Communicator& comm, const Dataset& part, const SessionsConfig& config) {
  const KeptAnnouncements kept;
  const Count received_before = received_bytes();
  SessionsReport report;
  const similarity::Product product = moment_product(comm, part, config, resolved(config, part), report);
  const Count received = received_bytes() - received_before;
  PlannedRank rank;
  rank.search = similarity::prepare_search(comm, product, search_config(config, part.num_items()));
  rank.search.received_bytes += received;
  rank.steps = kept.steps();
  return rank;
}

/// Entries of the weights go from the lists of candidates to the items of histories.
void turn_round(std::span<const Dataset> parts, std::vector<SimilarityRankPlan>& ranks) {
  constexpr Count moving_entry = 12;  // as transpose() sends them
  Count all = 0;
  for (const SimilarityRankPlan& rank : ranks) all += rank.num_neighbours;
  Count all_pairs = 0;
  for (const Dataset& part : parts) all_pairs += part.by_item.num_entries();
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    // Items of histories are taken to be in lists as often as they have users.
    const double share = static_cast<double>(parts[rank].by_item.num_entries()) /
                         static_cast<double>(std::max<Count>(1, all_pairs));
    const Count of_others = all - ranks[rank].num_neighbours;
    ranks[rank].received_bytes += moving_entry * static_cast<Count>(share * static_cast<double>(of_others));
    ranks[rank].num_neighbours = static_cast<Count>(share * static_cast<double>(all));
  }
}

}  // namespace
}  // namespace sessions

SessionsPlan plan_sessions(std::span<const Dataset> parts, const SessionsConfig& config) {
  SessionsConfig unlimited = config;
  unlimited.memory_budget_bytes = 0;
  std::vector<sessions::PlannedRank> planned(parts.size());
  run_thread_ranks(static_cast<int>(parts.size()), [&](const Communicator& comm) {
    const auto rank = static_cast<std::size_t>(comm.rank());
    planned[rank] = sessions::plan_rank(comm, parts[rank], unlimited);
  });
  std::vector<similarity::PreparedSearch> searches;
  for (const sessions::PlannedRank& rank : planned) searches.push_back(rank.search);
  SessionsPlan plan;
  plan.steps = planned.front().steps;
  plan.ranks =
      similarity::plan_search(searches, sessions::search_config(config, parts.front().num_items()).k);
  for (std::size_t rank = 0; rank < planned.size(); ++rank) {
    for (const AnnouncedMemory& step : planned[rank].steps) {
      MemoryPlan& fullest = plan.ranks[rank].memory;
      if (fullest.total_bytes() < step.here.total_bytes()) fullest = step.here;
    }
  }
  if (config.kept == KeptLists::of_candidates) sessions::turn_round(parts, plan.ranks);
  return plan;
}

}  // namespace pushcart
