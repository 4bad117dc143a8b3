#include "pushcart/models/content_plan.hpp"

#include <algorithm>
#include <optional>

#include "models/content/item_content.hpp"
#include "models/content/low_rank.hpp"
#include "models/content/settings.hpp"
#include "models/linear/normalized_matrix.hpp"
#include "models/linear/spectral_plan.hpp"
#include "models/similarity/product_plan.hpp"
#include "pushcart/comm/received_bytes.hpp"
#include "pushcart/comm/thread_ranks.hpp"

namespace pushcart {
namespace content {
namespace {

struct PreparedContent {
  std::optional<similarity::PreparedSearch> search;
  Dataset by_term;           ///< terms as its users: what singular vectors are found of, empty without them
  Count received_bytes = 0;  ///< beside the search
  Count num_columns = 0, num_singular_vectors = 0;
  std::vector<AnnouncedMemory> steps;
};

PreparedContent prepare(const Communicator& comm, const Dataset& part, const ContentConfig& config) {
  const KeptAnnouncements kept;
  Count received_before = received_bytes();
  ContentReport report;
  const ItemContent content(comm, part, config, report);
  PreparedContent prepared;
  prepared.num_columns = content.num_columns();
  prepared.num_singular_vectors = content.num_singular_vectors();
  prepared.received_bytes = received_bytes() - received_before;
  if (content.has_weights()) {
    prepared.search = similarity::prepare_search(comm, content.product(), content.search_config());
  }
  if (prepared.num_columns > 0) content.announce(TrainingRows(part));
  if (prepared.num_singular_vectors > 0) {
    received_before = received_bytes();
    const TrainingRows by_term = rows_by_term(comm, content.terms(), part);
    prepared.received_bytes += received_bytes() - received_before;
    prepared.by_term.by_user = by_term.by_user();
    prepared.by_term.by_item = by_term.by_item();
    prepared.by_term.users = content.terms().terms;
    prepared.by_term.items = part.items;
  }
  prepared.steps = kept.steps();
  return prepared;
}

/// Lists, and what the search receives and does.
void add_weights(std::span<const PreparedContent> prepared, const ContentConfig& config, Count num_items,
                 std::vector<LinearRankPlan>& ranks) {
  std::vector<similarity::PreparedSearch> searches;
  std::vector<Count> items;
  for (const PreparedContent& rank : prepared) {
    searches.push_back(*rank.search);
    items.push_back(rank.search->left->num_rows());
  }
  auto plans = similarity::plan_search(searches, std::min(config.neighbours, num_items));
  if (config.kept == KeptLists::of_candidates) similarity::turn_lists_round(items, plans);
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    ranks[rank].num_weights = plans[rank].num_neighbours;
    ranks[rank].received_bytes += plans[rank].received_bytes;
    ranks[rank].multiply_adds += plans[rank].multiply_adds;
  }
}

void add_iteration(std::span<const PreparedContent> prepared, Count batch_bytes, const SubspaceSteps& steps,
                   std::vector<LinearRankPlan>& ranks) {
  std::vector<Dataset> by_term;
  for (const PreparedContent& rank : prepared) by_term.push_back(rank.by_term);
  const Dataset& any = by_term.front();
  const Count width =
      linear::block_width(prepared.front().num_singular_vectors, any.num_users(), any.num_items());
  const auto matrix = linear::plan_normalized_matrix(by_term, width, batch_bytes);
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    const Dataset& part = by_term[rank];
    ranks[rank].received_bytes +=
        matrix[rank].made_bytes() + steps.products * matrix[rank].both_ways_bytes(width);
    ranks[rank].operations +=
        linear::iteration_operations(part.by_user.num_rows(), part.by_item.num_rows(), width, steps);
    ranks[rank].gathered_bytes += (part.by_user.num_entries() + part.by_item.num_entries()) * width *
                                  Count{sizeof(float)} * steps.products;
  }
}

void add_profiles(std::span<const Dataset> parts, Count num_columns, Count batch_bytes,
                  std::vector<LinearRankPlan>& ranks) {
  const auto matrix = linear::plan_normalized_matrix(parts, num_columns, batch_bytes);
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    ranks[rank].received_bytes += matrix[rank].made_bytes() + matrix[rank].times_bytes(num_columns);
    ranks[rank].gathered_bytes += parts[rank].by_user.num_entries() * num_columns * Count{sizeof(float)};
  }
}

/// The fuller of both steps; there are item weights in the second.
MemoryPlan fullest_step(const PreparedContent& prepared, Count num_items, Count num_weights) {
  MemoryPlan fullest;
  for (const AnnouncedMemory& step : prepared.steps) {
    MemoryPlan plan = step.here;
    if (num_weights > 0 && &step == &prepared.steps.back() && prepared.num_columns > 0) {
      plan.add("item weights",
               num_items * Count{sizeof(Count)} + num_weights * Count{sizeof(Count) + sizeof(float)});
    }
    fullest = larger(fullest, plan);
  }
  return fullest;
}

}  // namespace
}  // namespace content

ContentPlan plan_content(std::span<const Dataset> parts, const ContentConfig& config,
                         const SubspaceSteps& steps) {
  using namespace content;
  ContentConfig settings = resolved(config, parts.front());
  settings.memory_budget_bytes = 0;
  std::vector<PreparedContent> prepared(parts.size());
  run_thread_ranks(static_cast<int>(parts.size()), [&](const Communicator& comm) {
    const auto rank = static_cast<std::size_t>(comm.rank());
    prepared[rank] = prepare(comm, parts[rank], settings);
  });
  ContentPlan plan;
  plan.steps = prepared.front().steps;
  plan.num_columns = prepared.front().num_columns;
  plan.num_singular_vectors = prepared.front().num_singular_vectors;
  for (const PreparedContent& rank : prepared) plan.ranks.emplace_back().received_bytes = rank.received_bytes;
  if (prepared.front().search) add_weights(prepared, settings, parts.front().num_items(), plan.ranks);
  if (plan.num_singular_vectors > 0) add_iteration(prepared, settings.batch_bytes, steps, plan.ranks);
  if (plan.num_columns > 0) add_profiles(parts, plan.num_columns, settings.batch_bytes, plan.ranks);
  for (std::size_t rank = 0; rank < parts.size(); ++rank) {
    plan.ranks[rank].memory =
        fullest_step(prepared[rank], parts[rank].by_item.num_rows(), plan.ranks[rank].num_weights);
  }
  return plan;
}

}  // namespace pushcart
