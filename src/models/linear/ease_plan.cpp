#include "models/linear/ease_plan.hpp"

#include <fmt/core.h>
#include <omp.h>

#include <algorithm>
#include <cmath>

#include "models/linear/cut_rows.hpp"
#include "models/linear/ease_tail.hpp"
#include "models/linear/normalized_matrix.hpp"
#include "models/linear/product_batches.hpp"
#include "models/linear/symmetric_blocks.hpp"
#include "pushcart/models/linear_plan.hpp"

namespace pushcart {
namespace linear {
void check_settings(const EaseConfig& config, Count num_items) {
  if (!(config.lambda > 0) || !std::isfinite(config.lambda)) {
    throw ConfigError(fmt::format("--lambda {} must be a number above 0", config.lambda));
  }
  if (config.head_items < 0 || config.head_items > num_items) {
    throw ConfigError(fmt::format("--head-items {} must be from 1 to {}, the number of items (or 0 for all)",
                                  config.head_items, num_items));
  }
  if (config.neighbours < 1 || config.neighbours > num_items) {
    throw ConfigError(fmt::format("--neighbours {} must be from 1 to {}, the number of items",
                                  config.neighbours, num_items));
  }
}

EaseSizes ease_sizes(const Dataset& part, int rank, Count all_entries) {
  EaseSizes sizes;
  sizes.all_items = part.items;
  sizes.items = part.items.range(rank);
  sizes.entries = part.by_user.num_entries() + part.by_item.num_entries();
  sizes.all_entries = all_entries;
  sizes.rank = rank;
  sizes.num_ranks = part.items.num_ranks();
  return sizes;
}

namespace {

/// After the fullest batch of rows, none of them zero.
struct MovedEntries {
  Count sent = 0, received = 0;
};
MovedEntries most_moved(const EaseSizes& sizes, const EaseConfig& config, Count size) {
  const Count block = SymmetricBlocks::block_size(size), batch_rows = gram_limits(config, size).batch_rows;
  std::vector<MovedEntries> batches(static_cast<std::size_t>(size / batch_rows + 1));
  for (int sender = 0; sender < sizes.num_ranks; ++sender) {
    const Range items = sizes.all_items.range(sender);
    for (Count row = items.begin; row < std::min(items.end, size); ++row) {
      const int receiver = SymmetricBlocks::owner_of_row(row, size, sizes.num_ranks);
      if ((sender == sizes.rank) == (receiver == sizes.rank)) continue;
      MovedEntries& batch = batches[static_cast<std::size_t>((row - items.begin) / batch_rows)];
      (sender == sizes.rank ? batch.sent : batch.received) += stored_columns(row, block);
    }
  }
  MovedEntries most;
  for (const MovedEntries& batch : batches) {
    most.sent = std::max(most.sent, batch.sent);
    most.received = std::max(most.received, batch.received);
  }
  return most;
}

/// Columns are sent before values: what is sent of one kind is held twice when it is put together, and is
/// still there when all has arrived.
Count rows_on_their_way(const EaseSizes& sizes, const EaseConfig& config, Count size) {
  const MovedEntries most = sizes.sent_entries && sizes.received_entries
                                ? MovedEntries{*sizes.sent_entries, *sizes.received_entries}
                                : most_moved(sizes, config, size);
  constexpr Count one_kind = sizeof(float);
  return std::max(most.sent * (fetched_entry_bytes + one_kind),
                  most.sent * one_kind + most.received * fetched_entry_bytes);
}

}  // namespace

MemoryPlan plan_memory(const EaseSizes& sizes, const EaseConfig& config, Count size) {
  const Count threads = omp_get_max_threads(),
              own_items = std::clamp<Count>(size - sizes.items.begin, 0, sizes.items.size());
  MemoryPlan filling;
  if (sizes.num_ranks > 1) {
    filling.add("rows of the Gram matrix on their way", rows_on_their_way(sizes, config, size));
    const Count of_others = sizes.all_entries * (sizes.num_ranks - 1) / sizes.num_ranks;
    filling.add("users' rows on their way",
                2 * std::min(config.batch_bytes / 4, of_others * fetched_entry_bytes));
  }
  filling.add("sums of a row", (threads + 2) * size * Count{sizeof(double) + 1 + 4});
  MemoryPlan cutting;
  cutting.add("columns of the inverse", threads * size * (panel_columns_at_once * Count{sizeof(float)} + 8));
  const Count weights = own_items * std::min(config.neighbours, size - 1);
  cutting.add("item weights", CutRows::taken_bytes(own_items, weights));
  // The check comes when the rows are cut and put together.
  cutting.add("rows being cut, or sparse matrix of the check",
              std::max(CutRows::cut_bytes(own_items, weights), sizes.entries * Count{2 * sizeof(float)}));
  MemoryPlan plan;
  plan.add("inverse", SymmetricBlocks::owned_bytes(size, sizes.num_ranks));
  plan.add("panels", SymmetricBlocks::working_bytes(size, sizes.num_ranks));
  // What the matrix is filled from is gone when its inverse is cut.
  const MemoryPlan& fuller = filling.total_bytes() > cutting.total_bytes() ? filling : cutting;
  for (const MemoryPlan::Part& part : fuller.parts()) plan.add(part.what, part.num_bytes);
  if (config.tail == EaseTail::knn) {
    plan.add("neighbours of the tail", EaseTailWeights::planned_bytes(sizes.items.size(), config.neighbours));
  }
  return plan;
}

ProductLimits gram_limits(const EaseConfig& config, Count size) {
  ProductLimits limits;
  limits.num_rows = limits.num_columns = size;
  limits.batch_entries = std::max<Count>(1, config.batch_bytes / 4 / fetched_entry_bytes);
  limits.batch_rows = std::max<Count>(1, config.batch_bytes / 4 / (size * fetched_entry_bytes));
  return limits;
}

Count stored_columns(Count row, Count block_size) {
  return (row / block_size + 1) * block_size;
}

namespace {

/// Entries of each row of the Gram matrix that are stored.
std::vector<Count> stored_lengths(const Communicator& alone, const Dataset& whole, const EaseConfig& config,
                                  Count size) {
  std::vector<Count> lengths(static_cast<std::size_t>(size));
  const Count block = SymmetricBlocks::block_size(size);
  const Operands operands{whole.by_item, whole.by_item.values, whole.by_user, whole.by_user.values,
                          whole.users};
  for_each_product_row(alone, operands, gram_limits(config, size), [&](Count row, const ProductRow& product) {
    lengths[static_cast<std::size_t>(row)] = std::ranges::count_if(
        product.columns, [&](Count column) { return column < stored_columns(row, block); });
  });
  return lengths;
}

/// The rows of the Gram matrix that go from the ranks that sum them to those that hold their blocks.
struct SentRows {
  std::vector<Count> received_bytes;            ///< by rank
  std::vector<Count> most_sent, most_received;  ///< by rank: entries after a batch
};
SentRows sent_rows(std::span<const Dataset> parts, std::span<const ProductPlan> products,
                   std::span<const Count> lengths) {
  const auto size = static_cast<Count>(lengths.size());
  const auto num_ranks = static_cast<int>(parts.size());
  const std::vector<Count> none(parts.size(), 0);
  SentRows sent{none, none, none};
  std::size_t num_batches = 0;
  for (const ProductPlan& product : products) num_batches = std::max(num_batches, product.cuts.size());
  std::vector<std::vector<Count>> received(num_batches, none);  // by batch and rank
  for (std::size_t rank = 0; rank < parts.size(); ++rank) {
    const SparseRows& rows = parts[rank].by_item;
    std::size_t batch = 0;
    Count in_batch = 0;
    for (Count row = rows.rows.begin; row < std::min(rows.rows.end, size); ++row) {
      const auto local = static_cast<std::size_t>(row - rows.rows.begin);
      for (; rows.offsets[local + 1] > products[rank].cuts[batch + 1]; ++batch) in_batch = 0;
      const int receiver = SymmetricBlocks::owner_of_row(row, size, num_ranks);
      if (receiver == static_cast<int>(rank)) continue;
      const Count length = lengths[static_cast<std::size_t>(row)];
      in_batch += length;
      sent.most_sent[rank] = std::max(sent.most_sent[rank], in_batch);
      received[batch][static_cast<std::size_t>(receiver)] += length;
      sent.received_bytes[static_cast<std::size_t>(receiver)] +=
          row_header_bytes + length * fetched_entry_bytes;
    }
  }
  for (const std::vector<Count>& batch : received) {
    for (std::size_t rank = 0; rank < parts.size(); ++rank) {
      sent.most_received[rank] = std::max(sent.most_received[rank], batch[rank]);
    }
  }
  return sent;
}

}  // namespace
}  // namespace linear

std::vector<LinearRankPlan> plan_ease(const Communicator& alone, const Dataset& whole,
                                      std::span<const Dataset> parts, const EaseConfig& config) {
  PUSHCART_CHECK(alone.size() == 1 && !parts.empty());
  using namespace linear;
  check_settings(config, whole.num_items());
  const Count size = config.head_items > 0 ? config.head_items : whole.num_items();
  const auto num_ranks = static_cast<int>(parts.size());
  const auto products = plan_item_products(parts, whole.by_user, gram_limits(config, size));
  const SentRows sent = sent_rows(parts, products,
                                  num_ranks > 1 ? stored_lengths(alone, whole, config, size)
                                                : std::vector<Count>(static_cast<std::size_t>(size), 0));
  const auto checked = plan_normalized_matrix(parts, 1, config.batch_bytes);
  std::vector<LinearRankPlan> plans;
  for (int rank = 0; rank < num_ranks; ++rank) {
    const auto at = static_cast<std::size_t>(rank);
    EaseSizes sizes = ease_sizes(parts[at], rank, whole.by_user.num_entries());
    sizes.sent_entries = sent.most_sent[at];
    sizes.received_entries = sent.most_received[at];
    LinearRankPlan& plan = plans.emplace_back();
    plan.memory = plan_memory(sizes, config, size);
    plan.num_weights = std::clamp<Count>(size - sizes.items.begin, 0, sizes.items.size()) *
                       std::min(config.neighbours, size - 1);
    plan.received_bytes = products[at].received_bytes + sent.received_bytes[at] +
                          SymmetricBlocks::inversion_bytes(size, num_ranks, rank) +
                          SymmetricBlocks::panels_bytes(size, num_ranks, rank) + checked[at].made_bytes() +
                          checked[at].both_ways_bytes(1);
    plan.multiply_adds = products[at].multiply_adds;
    plan.operations = SymmetricBlocks::inversion_operations(size, num_ranks, rank);
  }
  return plans;
}

}  // namespace pushcart
