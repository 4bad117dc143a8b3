#include "models/similarity/nearest.hpp"

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "models/similarity/row_batches.hpp"
#include "models/similarity/row_costs.hpp"
#include "models/similarity/row_search.hpp"
#include "models/similarity/row_sorter.hpp"
#include "models/similarity/settings.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/base/parallel.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/memory_budget.hpp"
#include "pushcart/comm/received_bytes.hpp"

namespace pushcart {

namespace similarity {
namespace {

/// Adds the time until its end to the report, if there is one.
class Stopwatch {
 public:
  explicit Stopwatch(SimilarityReport* report) : report_(report) {}
  ~Stopwatch() {
    if (report_) {
      report_->seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    }
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  SimilarityReport* report_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void announce(const Communicator& comm, const Product& product, const SimilarityConfig& config,
              const RingOrder& order, const LeftShares& shares) {
  MemoryPlan plan;
  const Count num_searched = shares.searched().size();
  const bool is_same = product.left.pattern == product.right.pattern;
  const auto bytes_of = [](const Operand& operand) {
    return operand.num_bytes(operand.pattern->num_rows(), operand.pattern->num_entries());
  };
  plan.add("rows", bytes_of(product.left) + (is_same ? 0 : bytes_of(product.right)));
  plan.add("costs of rows", comm.size() == 1 ? 0 : row_cost_bytes(product, product.left.pattern->num_rows()));
  plan.add("blocks of columns, in, out and merged", order.buffer_bytes());
  const bool wants_support = config.support == SupportColumn::wanted;
  if (shares.moves()) {
    plan.add("rows searched here",
             product.left.num_bytes(num_searched, shares.num_taken(*product.left.pattern)));
    plan.add("lists of lent rows", shares.num_lent() * BestOfRows::bytes_a_row(config.k, wants_support));
  }
  plan.add("best of each row", num_searched * BestOfRows::bytes_a_row(config.k, wants_support));
  plan.add("lists of the best", product.left.pattern->num_rows() * config.k * (wants_support ? 20 : 12));
  plan.add("accumulators", omp_get_max_threads() * RowSearch::planned_bytes(product, config));
  if (product.is_count() && !product.has_window()) {
    Count widest = 0;
    for (const BlockShape& block : order.blocks()) widest = std::max(widest, block.columns.size());
    plan.add("bit slices of dense columns",
             BitSlices::planned_bytes(product.right.pattern->num_columns, widest));
  }
  announce_memory(comm, "similarity", plan, config.memory_budget_bytes);
}

/// The product of other left rows; of the right ones it has the kind alone.
Product with_left(const Product& product, Operand left) {
  Product other;
  other.left = std::move(left);
  other.right.has_values = product.right.has_values;
  other.right.has_times = product.right.has_times;
  other.right.pattern = product.right.pattern;
  other.formula = product.formula;
  other.rows_are_columns = product.rows_are_columns;
  other.num_inner = product.num_inner;
  other.counts_too = product.counts_too;
  other.min_lag = product.min_lag;
  other.max_lag = product.max_lag;
  return other;
}

/// Works on some rows with one block; the main thread moves the next one on meanwhile.
void search_block(const ColumnBlock& block, const BlockAids& aids, std::span<const Count> rows,
                  std::vector<RowSearch>& searches, BestOfRows& best, BlockRing& ring, Progress& progress,
                  Count rows_done) {
  constexpr Count rows_at_once = 32;
  const Count num_rows = static_cast<Count>(rows.size());
  parallel_for((num_rows + rows_at_once - 1) / rows_at_once, [&](Count task) {
    const int thread = omp_get_thread_num();
    if (thread == 0) {
      ring.advance();
      progress.advance(rows_done + task * rows_at_once);
    }
    for (Count n = task * rows_at_once; n < std::min(num_rows, (task + 1) * rows_at_once); ++n) {
      const Count row = rows[static_cast<std::size_t>(n)];
      searches[static_cast<std::size_t>(thread)].search(row, block, aids, best);
    }
  });
}

/// Calls body(begin, end) for parts of the rows, on all threads.
template <class Body>
void for_row_parts(Count num_rows, Body&& body) {
  constexpr Count rows_at_once = 256;
  parallel_for((num_rows + rows_at_once - 1) / rows_at_once,
               [&](Count task) { body(task * rows_at_once, std::min(num_rows, (task + 1) * rows_at_once)); });
}

void sort(BestOfRows& best) {
  for_row_parts(best.num_rows(), [&](Count begin, Count end) {
    RowSorter sorter(best.k, best.has_support);
    for (Count row = begin; row < end; ++row) sorter.sort(best, row);
  });
}

Neighbours lists_of(const std::vector<BestOfRow>& best, Range rows, Count num_columns, bool has_support) {
  Neighbours result;
  result.rows = rows;
  result.num_columns = num_columns;
  result.offsets.reserve(best.size() + 1);
  for (const BestOfRow& row : best) result.offsets.push_back(result.offsets.back() + row.size);
  const auto num_entries = static_cast<std::size_t>(result.offsets.back());
  result.columns.resize(num_entries);
  result.scores.resize(num_entries);
  if (has_support) result.support.resize(num_entries);
  for_row_parts(rows.size(), [&](Count begin, Count end) {
    auto out = static_cast<std::size_t>(result.offsets[static_cast<std::size_t>(begin)]);
    for (Count row = begin; row < end; ++row) {
      const BestOfRow& found = best[static_cast<std::size_t>(row)];
      for (std::int32_t n = 0; n < found.size; ++n, ++out) {
        result.columns[out] = column_of_key(found.keys[n]);
        result.scores[out] = score_of_key(found.keys[n]);
        if (has_support) result.support[out] = found.support[n];
      }
    }
  });
  return result;
}

/// Row lengths of the right side, for the columns of all entries, from their owners. Collective.
std::vector<Count> column_sizes(const Communicator& comm, const Partition& partition, const SparseRows& right,
                                const std::vector<Count>& columns) {
  std::vector<Count> distinct = columns;
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  std::vector<Count> counts(static_cast<std::size_t>(comm.size()), 0);
  for (const Count column : distinct) ++counts[static_cast<std::size_t>(partition.owner(column))];
  const auto asked = comm.alltoallv(std::span<const Count>(distinct), std::span<const Count>(counts));
  std::vector<Count> answers;
  for (const Count column : asked.data) answers.push_back(right.row_length(column - right.rows.begin));
  const auto lengths =
      comm.alltoallv(std::span<const Count>(answers), std::span<const Count>(asked.counts)).data;
  std::vector<Count> sizes;
  for (const Count column : columns) {
    const auto found = std::lower_bound(distinct.begin(), distinct.end(), column);
    sizes.push_back(lengths[static_cast<std::size_t>(found - distinct.begin())]);
  }
  return sizes;
}

Neighbours nearest(const Communicator& comm, const Dataset& dataset, const SimilarityConfig& config,
                   Neighbourhood what, PhaseLog& phases, SimilarityReport* report,
                   RowCheckpoints* checkpoints) {
  const Partition& columns = what == Neighbourhood::of_users ? dataset.users : dataset.items;
  collectively(comm, "checking the settings", [&] {
    check_settings(config, columns.num_rows(), dataset.value_kind);
    if (what == Neighbourhood::of_queries) check_settings_of_queries(config);
  });
  std::optional<Product> product;
  {
    const auto timer = phases.time("similarity: prepare", dataset.by_user.num_entries());
    const Stopwatch watch(report);
    product = make_product(comm, dataset, config, what);
  }
  return best_of_product(comm, *product, columns, config, phases, report, checkpoints);
}

std::vector<Count> costs_of_rows(const Communicator& comm, const Product& product, Count k) {
  if (comm.size() > 1) return row_costs(comm, product, k);
  return std::vector<Count>(static_cast<std::size_t>(product.left.pattern->num_rows()), 1);
}

}  // namespace

SharedSearch::SharedSearch(const Communicator& comm, const Product& product, const SimilarityConfig& config)
    : product_(product),
      shares_(comm, *product.left.pattern, costs_of_rows(comm, product, config.k)),
      order_(ring_order(comm, product.right, cut_into_blocks(product, config.block_columns),
                        config.block_columns)) {
  announce(comm, product, config, order_, shares_);
  if (shares_.moves()) shared_ = with_left(product, shares_.take(product.left));
}

Neighbours best_of_product(const Communicator& comm, const Product& product, const Partition& columns,
                           const SimilarityConfig& config, PhaseLog& phases, SimilarityReport* report,
                           RowCheckpoints* checkpoints) {
  PUSHCART_CHECK(columns.num_rows() < Count{1} << 32);
  const Stopwatch watch(report);
  const Count received_before = received_bytes();
  const SparseRows& rows = *product.left.pattern;
  SharedSearch search(comm, product, config);
  LeftShares& shares = search.shares();
  const RingOrder& order = search.order();
  const Product& searched = search.product();

  const bool wants_support = config.support == SupportColumn::wanted;
  const PairScore score(searched, config);
  BestOfRows best(shares.searched().size(), config.k, wants_support);
  std::vector<RowSearch> searches;
  const Count widest = std::min(config.block_columns, columns.num_rows());
  for (int thread = 0; thread < omp_get_max_threads(); ++thread) {
    searches.emplace_back(searched, score, widest, best);
  }
  Count ring_bytes = 0;
  RowBatches batches(comm, searched, best, columns.num_rows(), checkpoints);
  while (batches.next()) {
    const auto timer = phases.time("similarity: multiply", static_cast<Count>(batches.rows().size()));
    BlockRing ring(comm, product.right, order);
    BlockAids aids;
    const auto num_rows = static_cast<Count>(batches.rows().size());
    Progress progress("comparing rows", num_rows * static_cast<Count>(order.blocks().size()));
    Count rows_done = 0;
    while (const ColumnBlock* block = ring.next()) {
      if (block->shape().columns.size() > 0) {  // ranks may have fewer blocks than others
        aids.fill(*block, searched, score);
        search_block(*block, aids, batches.rows(), searches, best, ring, progress, rows_done);
      }
      rows_done += num_rows;
    }
    ring_bytes += ring.received_bytes();
  }
  const auto timer = phases.time("similarity: sort", shares.searched().size());
  sort(best);
  Neighbours result = lists_of(shares.bring_back(best), rows.rows, columns.num_rows(), wants_support);
  if (wants_support) {
    result.num_inner = rows.num_columns;
    for (Count row = 0; row < rows.num_rows(); ++row) result.row_sizes.push_back(rows.row_length(row));
    result.column_sizes = column_sizes(comm, columns, *product.right.pattern, result.columns);
  }
  if (report) {
    report->received_bytes += ring_bytes + received_bytes() - received_before;
    for (const RowSearch& of_thread : searches) {
      report->multiply_adds += of_thread.report().multiply_adds;
      report->sliced += of_thread.report().sliced;
      report->skipped += of_thread.report().skipped;
      report->scored += of_thread.report().scored;
    }
  }
  return result;
}

}  // namespace similarity

Neighbours nearest_items(const Communicator& comm, const Dataset& dataset, const SimilarityConfig& config,
                         PhaseLog& phases, SimilarityReport* report, RowCheckpoints* checkpoints) {
  return similarity::nearest(comm, dataset, config, similarity::Neighbourhood::of_items, phases, report,
                             checkpoints);
}

Neighbours nearest_users(const Communicator& comm, const Dataset& dataset, const SimilarityConfig& config,
                         PhaseLog& phases, SimilarityReport* report, RowCheckpoints* checkpoints) {
  return similarity::nearest(comm, dataset, config, similarity::Neighbourhood::of_users, phases, report,
                             checkpoints);
}

Neighbours items_of_queries(const Communicator& comm, const Dataset& dataset, const SimilarityConfig& config,
                            PhaseLog& phases, SimilarityReport* report, RowCheckpoints* checkpoints) {
  return similarity::nearest(comm, dataset, config, similarity::Neighbourhood::of_queries, phases, report,
                             checkpoints);
}

}  // namespace pushcart
