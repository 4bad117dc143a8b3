#include <omp.h>

#include <chrono>

#include "models/similarity/block_ring.hpp"
#include "models/similarity/operands.hpp"
#include "models/similarity/row_search.hpp"
#include "models/similarity/settings.hpp"
#include "pushcart/base/parallel.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/memory_budget.hpp"

namespace pushcart {

namespace similarity {
namespace {

/// The best columns of this rank's rows, while they are being found.
struct BestOfRows {
  BestOfRows(Count num_rows, Count k)
      : capacity(k),
        entries(static_cast<std::size_t>(num_rows * k)),
        sizes(static_cast<std::size_t>(num_rows), 0) {}
  BestColumns of(Count row) {
    return {entries.data() + row * capacity, capacity, sizes[static_cast<std::size_t>(row)]};
  }

  Count capacity;
  std::vector<ScoredColumn> entries;
  std::vector<std::int32_t> sizes;
};

Count operand_bytes(const Operand& operand) {
  return operand.pattern->num_entries() * 12 +
         static_cast<Count>(operand.values.size() + operand.times.size()) * 4 +
         operand.pattern->num_rows() * 24;
}

void announce(const Communicator& comm, const Product& product, const SimilarityConfig& config,
              const BlockRing& ring) {
  MemoryPlan plan;
  const bool is_same = product.left.pattern == product.right.pattern;
  plan.add("rows", operand_bytes(product.left) + (is_same ? 0 : operand_bytes(product.right)));
  plan.add("blocks of columns, one in and one out", ring.planned_bytes());
  plan.add("best of each row",
           product.left.pattern->num_rows() * (config.k * Count{sizeof(ScoredColumn)} + 4));
  plan.add("accumulators", omp_get_max_threads() * RowSearch::planned_bytes(product, config.block_columns));
  if (product.is_count() && !product.has_window()) {
    plan.add("bit slices of dense columns",
             BitSlices::planned_bytes(product.right.pattern->num_columns,
                                      std::min(config.block_columns, product.right.pattern->num_rows())));
  }
  announce_memory(comm, "similarity", plan, config.memory_budget_bytes);
}

/// Works on all rows with one block; the main thread moves the next one on meanwhile.
void search_block(const ColumnBlock& block, const BlockAids& aids, std::vector<RowSearch>& searches,
                  BestOfRows& best, BlockRing& ring) {
  constexpr Count rows_at_once = 32;
  const Count num_rows = static_cast<Count>(best.sizes.size());
  parallel_for((num_rows + rows_at_once - 1) / rows_at_once, [&](Count task) {
    const int thread = omp_get_thread_num();
    if (thread == 0) ring.advance();
    for (Count row = task * rows_at_once; row < std::min(num_rows, (task + 1) * rows_at_once); ++row) {
      BestColumns of_row = best.of(row);
      searches[static_cast<std::size_t>(thread)].search(row, block, aids, of_row);
    }
  });
}

Neighbours sorted(BestOfRows& best, const SparseRows& rows) {
  Neighbours result;
  result.rows = rows.rows;
  for (const std::int32_t size : best.sizes) result.offsets.push_back(result.offsets.back() + size);
  const auto num_entries = static_cast<std::size_t>(result.offsets.back());
  result.columns.resize(num_entries);
  result.scores.resize(num_entries);
  result.support.resize(num_entries);
  constexpr Count rows_at_once = 256;
  parallel_for((rows.num_rows() + rows_at_once - 1) / rows_at_once, [&](Count task) {
    for (Count row = task * rows_at_once; row < std::min(rows.num_rows(), (task + 1) * rows_at_once); ++row) {
      best.of(row).sort();
      auto out = static_cast<std::size_t>(result.offsets[static_cast<std::size_t>(row)]);
      const ScoredColumn* const first = best.entries.data() + row * best.capacity;
      for (std::int32_t n = 0; n < best.sizes[static_cast<std::size_t>(row)]; ++n, ++out) {
        result.columns[out] = first[n].column;
        result.scores[out] = first[n].score;
        result.support[out] = first[n].support;
      }
    }
  });
  return result;
}

Neighbours nearest(const Communicator& comm, const Dataset& dataset, const SimilarityConfig& config,
                   Neighbourhood what, PhaseLog& phases, SimilarityReport* report) {
  const Count num_columns = what == Neighbourhood::of_items ? dataset.num_items() : dataset.num_users();
  collectively(comm, "checking the settings", [&] {
    check_settings(config, num_columns, dataset.value_kind);
    PUSHCART_CHECK(num_columns < Count{1} << 32);
  });
  const auto start = std::chrono::steady_clock::now();
  std::optional<Product> product;
  {
    const auto timer = phases.time("similarity: prepare", dataset.by_user.num_entries());
    product = make_product(comm, dataset, config, what);
  }
  const SparseRows& rows = *product->left.pattern;
  BlockRing ring(comm, product->right, cut_into_blocks(*product, config.block_columns));
  announce(comm, *product, config, ring);

  const PairScore score(*product, config);
  BestOfRows best(rows.num_rows(), config.k);
  std::vector<RowSearch> searches;
  const Count widest = std::min(config.block_columns, num_columns);
  for (int thread = 0; thread < omp_get_max_threads(); ++thread)
    searches.emplace_back(*product, score, widest);
  {
    const auto timer = phases.time("similarity: multiply", rows.num_rows());
    BlockAids aids;
    while (const ColumnBlock* block = ring.next()) {
      aids.fill(*block, *product, score);
      search_block(*block, aids, searches, best, ring);
    }
  }
  const auto timer = phases.time("similarity: sort", rows.num_rows());
  Neighbours result = sorted(best, rows);
  result.num_columns = num_columns;
  if (report) {
    for (const RowSearch& search : searches) {
      report->multiply_adds += search.report().multiply_adds;
      report->sliced += search.report().sliced;
      report->skipped += search.report().skipped;
      report->offered += search.report().offered;
    }
    report->seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  return result;
}

}  // namespace
}  // namespace similarity

Neighbours nearest_items(const Communicator& comm, const Dataset& dataset, const SimilarityConfig& config,
                         PhaseLog& phases, SimilarityReport* report) {
  return similarity::nearest(comm, dataset, config, similarity::Neighbourhood::of_items, phases, report);
}

Neighbours nearest_users(const Communicator& comm, const Dataset& dataset, const SimilarityConfig& config,
                         PhaseLog& phases, SimilarityReport* report) {
  return similarity::nearest(comm, dataset, config, similarity::Neighbourhood::of_users, phases, report);
}

}  // namespace pushcart
