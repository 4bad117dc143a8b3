#include "models/linear/spectral_plan.hpp"

#include <omp.h>

#include <algorithm>
#include <numeric>

#include "models/linear/cut_rows.hpp"
#include "models/linear/normalized_matrix.hpp"
#include "models/linear/product_batches.hpp"
#include "models/linear/subspace.hpp"
#include "pushcart/models/linear_plan.hpp"

namespace pushcart {
namespace linear {

SpectralSizes spectral_sizes(const Dataset& part, int rank) {
  SpectralSizes sizes;
  sizes.users = part.users.range(rank).size();
  sizes.items = part.items.range(rank).size();
  sizes.num_users = part.num_users();
  sizes.num_items = part.num_items();
  sizes.num_ranks = part.items.num_ranks();
  return sizes;
}

Count num_low_rank_terms(const SpectralFilter& filter) {
  const bool plain = filter.sharpening_time > 0 ||
                     std::ranges::any_of(filter.polynomial, [](double factor) { return factor != 0; });
  const bool low_pass = filter.low_pass_weight > 0;
  return filter.low_pass_exponent == 0 ? (plain || low_pass ? 1 : 0) : (plain ? 1 : 0) + (low_pass ? 1 : 0);
}

namespace {

/// While the vectors are found: the three tables of items and one of users that are iterated on.
MemoryPlan iteration_memory(const SpectralSizes& sizes, Count width) {
  constexpr Count float_bytes = sizeof(float), double_bytes = sizeof(double);
  const Count threads = omp_get_max_threads();
  MemoryPlan plan;
  plan.add("blocks of vectors", (3 * sizes.items + sizes.users) * width * float_bytes);
  plan.add("Gram matrix", width * width * (threads * (double_bytes + float_bytes) + 4 * double_bytes));
  plan.add("residuals", sizes.items / Partition::granule(sizes.num_items) * width * double_bytes);
  return plan;
}

/// Once they are: what becomes the model, and then what is needed beside the factors.
MemoryPlan model_memory(const SpectralSizes& sizes, const SpectralConfig& config,
                        const SpectralFilter& filter) {
  const Count threads = omp_get_max_threads();
  const Count rows = sizes.users + sizes.items, column_bytes = config.k * Count{sizeof(float)};
  MemoryPlan plan;
  plan.add("vectors", sizes.items * column_bytes);
  plan.add("factors", rows * num_low_rank_terms(filter) * column_bytes);
  MemoryPlan weights;
  if (filter.sparse_weight > 0) {
    const Count num_weights =
        sizes.num_weights.value_or(sizes.items * std::min(config.neighbours, sizes.num_items - 1));
    weights.add("item weights", CutRows::cut_bytes(sizes.items, num_weights) +
                                    CutRows::taken_bytes(sizes.items, num_weights));
    weights.add("sums of a row", (threads + 2) * sizes.num_items * Count{sizeof(double) + 1 + 4 + 8});
    if (sizes.num_ranks > 1) {
      const Count of_others = sizes.all_entries * (sizes.num_ranks - 1) / sizes.num_ranks;
      weights.add("user rows on their way",
                  2 * std::min(config.batch_bytes / 2, of_others * fetched_entry_bytes));
    }
  }
  const Count mixed_bytes = rows * column_bytes;
  if (weights.total_bytes() < mixed_bytes) {
    plan.add("vectors of a term, by item and by user", mixed_bytes);
    return plan;
  }
  for (const MemoryPlan::Part& part : weights.parts()) plan.add(part.what, part.num_bytes);
  return plan;
}

}  // namespace

MemoryPlan plan_memory(const SpectralSizes& sizes, const SpectralConfig& config,
                       const SpectralFilter& filter) {
  const MemoryPlan iteration =
      iteration_memory(sizes, block_width(config.k, sizes.num_users, sizes.num_items));
  const MemoryPlan model = model_memory(sizes, config, filter);
  MemoryPlan plan;
  plan.add("normalized matrix and rows fetched", sizes.matrix_bytes);
  const MemoryPlan& fuller = iteration.total_bytes() > model.total_bytes() ? iteration : model;
  for (const MemoryPlan::Part& part : fuller.parts()) plan.add(part.what, part.num_bytes);
  return plan;
}

ProductLimits weight_limits(const SpectralConfig& config, Count num_items) {
  ProductLimits limits;
  limits.num_rows = limits.num_columns = num_items;
  limits.batch_entries = std::max<Count>(1, config.batch_bytes / 2 / fetched_entry_bytes);
  return limits;
}

namespace {

/// Of each rank's rows of R~'R~ cut to the largest: exactly, but for sums that are 0.
std::vector<Count> num_kept(const Communicator& alone, const Dataset& whole, std::span<const Dataset> parts,
                            const SpectralConfig& config) {
  const Operands operands{whole.by_item, whole.by_item.values, whole.by_user, whole.by_user.values,
                          whole.users};
  std::vector<Count> lengths(static_cast<std::size_t>(whole.num_items()), 0);
  for_each_product_row(
      alone, operands, weight_limits(config, whole.num_items()), [&](Count row, const ProductRow& product) {
        // Of an item that anybody has, the diagonal is among the sums.
        const auto others = static_cast<Count>(product.columns.size()) - 1;
        lengths[static_cast<std::size_t>(row)] = std::clamp<Count>(others, 0, config.neighbours);
      });
  std::vector<Count> kept;
  for (const Dataset& part : parts) {
    const Range rows = part.by_item.rows;
    kept.push_back(std::accumulate(lengths.begin() + rows.begin, lengths.begin() + rows.end, Count{0}));
  }
  return kept;
}

}  // namespace

double iteration_operations(Count other_rows, Count rows, Count width, const SubspaceSteps& steps) {
  const auto users = static_cast<double>(other_rows), items = static_cast<double>(rows);
  const auto square = static_cast<double>(width) * static_cast<double>(width);
  // A round: Gram matrix and rotation of the users' image, rotation of the items; and columns made
  // orthonormal, in two passes.
  return 2 * square * (2 * users + 5 * items) * static_cast<double>(steps.rounds);
}

}  // namespace linear

std::vector<LinearRankPlan> plan_spectral(const Communicator& alone, const Dataset& whole,
                                          std::span<const Dataset> parts, const SpectralConfig& config,
                                          const SubspaceSteps& steps) {
  PUSHCART_CHECK(alone.size() == 1 && !parts.empty());
  using namespace linear;
  const SpectralFilter filter = resolve_filter(config, whole.num_users(), whole.num_items());
  const Count width = block_width(config.k, whole.num_users(), whole.num_items());
  const Count num_terms = num_low_rank_terms(filter);
  const auto matrix = plan_normalized_matrix(parts, width, config.batch_bytes);
  std::vector<ProductPlan> products(parts.size());
  std::vector<Count> kept(parts.size(), 0);
  if (filter.sparse_weight > 0) {
    products = plan_item_products(parts, whole.by_user, weight_limits(config, whole.num_items()));
    kept = num_kept(alone, whole, parts, config);
  }
  std::vector<LinearRankPlan> plans;
  for (std::size_t rank = 0; rank < parts.size(); ++rank) {
    SpectralSizes sizes = spectral_sizes(parts[rank], static_cast<int>(rank));
    sizes.all_entries = whole.by_user.num_entries();
    sizes.matrix_bytes = matrix[rank].memory_bytes;
    sizes.num_weights = kept[rank];
    LinearRankPlan& plan = plans.emplace_back();
    plan.memory = plan_memory(sizes, config, filter);
    plan.num_weights = kept[rank];
    plan.received_bytes = matrix[rank].made_bytes() + steps.products * matrix[rank].both_ways_bytes(width) +
                          num_terms * matrix[rank].times_bytes(config.k) + products[rank].received_bytes;
    plan.multiply_adds = products[rank].multiply_adds;
    plan.operations = iteration_operations(sizes.users, sizes.items, width, steps);
    plan.gathered_bytes = (parts[rank].by_user.num_entries() + parts[rank].by_item.num_entries()) * width *
                          Count{sizeof(float)} * steps.products;
  }
  return plans;
}

Count spectral_columns(const SpectralConfig& config, Count num_users, Count num_items) {
  return config.k * linear::num_low_rank_terms(resolve_filter(config, num_users, num_items));
}

}  // namespace pushcart
