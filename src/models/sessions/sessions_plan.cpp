#include "pushcart/models/sessions_plan.hpp"

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
    MemoryPlan& fullest = plan.ranks[rank].memory;
    for (const AnnouncedMemory& step : planned[rank].steps) fullest = larger(fullest, step.here);
  }
  if (config.kept == KeptLists::of_candidates) {
    // Items are taken to be in lists as often as they have users.
    std::vector<Count> pairs;
    for (const Dataset& part : parts) pairs.push_back(part.by_item.num_entries());
    similarity::turn_lists_round(pairs, plan.ranks);
  }
  return plan;
}

}  // namespace pushcart
