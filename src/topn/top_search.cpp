#include "topn/top_search.hpp"

#include <cblas.h>
#include <omp.h>

#include <exception>

#include "pushcart/base/parallel.hpp"
#include "pushcart/comm/collectively.hpp"
#include "topn/block_search.hpp"

namespace pushcart::detail {

namespace {

/// Entries of W that a batch of rows may touch: bounds what is fetched.
constexpr Count max_weight_entries = Count{1} << 22;

/// Some of the task's rows with their heaps and what of W they need.
class Batch {
 public:
  /// Collective. Serves task.rows[begin, end).
  Batch(const Communicator& comm, const SearchTask& task, Count begin, Count end) : task_(task) {
    capacity_ = std::min(task.n, task.items.partition.num_rows());
    if (task.weights != nullptr) fetch_weights(comm, begin, end);
    entries_.resize(static_cast<std::size_t>((end - begin) * capacity_));
    for (Count i = begin; i < end; ++i) add_query(i, begin);
  }

  void search(const ItemBlock& block, std::vector<BlockSearch>& threads) {
    const BlockLimits limits(block);
    const auto num_queries = static_cast<Count>(queries_.size());
    parallel_for((num_queries + BlockSearch::tile_rows - 1) / BlockSearch::tile_rows, [&](Count tile) {
      const Count first = tile * BlockSearch::tile_rows;
      const Count size = std::min(BlockSearch::tile_rows, num_queries - first);
      threads[static_cast<std::size_t>(omp_get_thread_num())].search(
          block, limits,
          std::span(queries_).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(size)),
          task_.row_name);
    });
  }

  void append_to(TopLists& lists) {
    for (Query& query : queries_) {
      query.heap.sort();
      for (Count rank = 0; rank < query.heap.size(); ++rank) {
        lists.items.push_back(query.heap[rank].item);
        lists.scores.push_back(query.heap[rank].score);
      }
      lists.rows.push_back(query.row);
      lists.offsets.push_back(static_cast<Count>(lists.items.size()));
    }
  }

 private:
  void fetch_weights(const Communicator& comm, Count begin, Count end) {
    std::vector<Count> touched;
    for (Count i = begin; i < end; ++i) {
      const auto columns = task_.history->row_columns(local_row(i, *task_.history));
      touched.insert(touched.end(), columns.begin(), columns.end());
    }
    weights_ = WeightRows(comm, task_.items.partition, *task_.weights, touched);
    cursors_.reserve(touched.size());
  }

  Count local_row(Count i, const SparseRows& table) const {
    return task_.rows[static_cast<std::size_t>(i)] - table.rows.begin;
  }

  void add_query(Count i, Count begin) {
    const Count row = task_.rows[static_cast<std::size_t>(i)];
    Query query{row, {}, {}, {}, 0, TopHeap(entries_.data() + (i - begin) * capacity_, capacity_)};
    if (!task_.queries.empty()) {
      query.factors = task_.queries.row(row - task_.queries.rows.begin);
      query.norm = euclidean_norm(query.factors);
    }
    if (task_.excluded.num_rows() > 0) query.excluded = task_.excluded.row_columns(i);
    if (task_.weights != nullptr) {
      const std::size_t first = cursors_.size();
      const Count local = local_row(i, *task_.history);
      for (Count e = 0; e < task_.history->row_length(local); ++e) {
        const auto position = static_cast<std::size_t>(e);
        const auto weights = weights_.row(task_.history->row_columns(local)[position]);
        cursors_.push_back({weights.columns, weights.values, task_.history->row_values(local)[position]});
      }
      query.weights = std::span(cursors_).subspan(first);  // reserved: does not move
    }
    queries_.push_back(query);
  }

  const SearchTask& task_;
  Count capacity_ = 0;
  WeightRows weights_;
  std::vector<WeightCursor> cursors_;
  std::vector<ScoredItem> entries_;
  std::vector<Query> queries_;
};

std::vector<Count> batch_cuts(const Communicator& comm, const SearchTask& task) {
  if (task.weights == nullptr) return {0, static_cast<Count>(task.rows.size())};
  std::vector<Count> lengths;
  for (Count row : task.rows) lengths.push_back(task.history->row_length(row - task.history->rows.begin));
  return weight_batches(comm, *task.weights, lengths, max_weight_entries);
}

void check_task(const Communicator& comm, const SearchTask& task) {
  PUSHCART_CHECK(task.items.factors.empty() || task.queries.empty() ||
                 task.items.factors.num_columns == task.queries.num_columns);
  PUSHCART_CHECK(task.excluded.num_rows() == 0 ||
                 task.excluded.num_rows() == static_cast<Count>(task.rows.size()));
  PUSHCART_CHECK(task.items.partition.num_ranks() == comm.size());
}

}  // namespace

TopLists search_top(const Communicator& comm, const SearchTask& task) {
  collectively(comm, "check the top-N request", [&] { check_task(comm, task); });
  openblas_set_num_threads(1);  // tiles are spread over the OpenMP threads instead
  std::vector<BlockSearch> threads(static_cast<std::size_t>(omp_get_max_threads()));
  TopLists lists;
  std::exception_ptr failure;
  const std::vector<Count> cuts = batch_cuts(comm, task);
  for (std::size_t b = 0; b + 1 < cuts.size(); ++b) {
    Batch batch(comm, task, cuts[b], cuts[b + 1]);
    ItemTour tour(comm, task.items);
    ItemBlock block;
    while (tour.next(block)) {
      if (failure) continue;  // the others still wait for this rank in the broadcasts
      try {
        batch.search(block, threads);
      } catch (...) {
        failure = std::current_exception();
      }
    }
    batch.append_to(lists);
  }
  collectively(comm, "score the catalogue", [&] {
    if (failure) std::rethrow_exception(failure);
  });
  return lists;
}

}  // namespace pushcart::detail
