#include "topn/top_search.hpp"

#include <cblas.h>
#include <fmt/core.h>
#include <omp.h>

#include <chrono>
#include <exception>
#include <memory>

#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"
#include "topn/query_batch.hpp"

namespace pushcart::detail {

namespace {

std::vector<Count> batch_cuts(const Communicator& comm, const SearchTask& task, const ServedRows& rows) {
  if (task.weights == nullptr) return {0, rows.size()};
  return weight_batches(comm, *task.weights, static_cast<std::size_t>(rows.size()),
                        [&](std::size_t row) { return rows.history(static_cast<Count>(row)).columns; });
}

void check_task(const Communicator& comm, const SearchTask& task) {
  PUSHCART_CHECK(task.items.factors.empty() || task.queries.empty() ||
                 task.items.factors.num_columns == task.queries.num_columns);
  PUSHCART_CHECK(task.excluded.num_rows() == 0 ||
                 task.excluded.num_rows() == static_cast<Count>(task.rows.size()));
  PUSHCART_CHECK(task.items.partition.num_ranks() == comm.size());
  if (task.items.partition.num_rows() > RankKey::max_items) {
    throw ConfigError(
        fmt::format("lists are made of at most {} items, and the model has {}; leave rare items out",
                    RankKey::max_items, task.items.partition.num_rows()));
  }
}

}  // namespace

Count first_block_size(Count num_items, Count num_columns, Count n, bool has_codes) {
  // What seeding costs must stay below what it saves: sgemm is slow, and long lists gain more.
  const Count share = !has_codes ? 16 : n < 64 ? 8 : 5;
  const Count size =
      std::min({num_items / share, most_first_items, most_first_factors / std::max<Count>(1, num_columns)});
  return size >= std::max<Count>(256, 4 * n) ? size : 0;
}

TopLists search_top(const Communicator& comm, const SearchTask& task) {
  collectively(comm, "check the top-N request", [&] { check_task(comm, task); });
  const auto start = std::chrono::steady_clock::now();
  openblas_set_num_threads(1);  // tiles are spread over the OpenMP threads instead
  const ScreenKernel* kernel = choose_screen_kernel();
  std::vector<std::unique_ptr<BlockSearch>> threads;
  for (int i = 0; i < omp_get_max_threads(); ++i) threads.push_back(std::make_unique<BlockSearch>(kernel));
  const CodeBasis basis = kernel == nullptr ? CodeBasis() : CodeBasis(comm, task.queries, task.items.factors);
  TopLists lists;
  std::exception_ptr failure;
  const ServedRows rows(comm, task);
  lists.scoring.received_bytes = rows.received_bytes();
  const std::vector<Count> cuts = batch_cuts(comm, task, rows);
  // Weights come by ascending item.
  const TourOrder order = task.weights == nullptr ? TourOrder::by_norm : TourOrder::by_index;
  Progress progress("scoring", rows.size() * task.items.partition.num_rows());
  for (std::size_t b = 0; b + 1 < cuts.size(); ++b) {
    QueryBatch batch(comm, task, rows, kernel, basis, cuts[b], cuts[b + 1]);
    ItemTour tour(comm, task.items, order);
    const Count num_first =
        order == TourOrder::by_norm
            ? first_block_size(tour.num_items(), tour.num_columns(), task.n, kernel != nullptr)
            : 0;
    lists.scoring.pairs += (cuts[b + 1] - cuts[b]) * tour.num_items();
    lists.scoring.received_bytes +=
        (tour.num_items() - tour.num_owned()) * shown_item_bytes(tour.num_columns());
    Count pairs_done = cuts[b] * tour.num_items();
    const auto serve = [&](const ItemBlock& block, auto&& work) {
      if (failure) return;  // the others still wait for this rank in the broadcasts
      try {
        work();
      } catch (...) {
        failure = std::current_exception();
      }
      pairs_done += (cuts[b + 1] - cuts[b]) * block.size();
      progress.advance(pairs_done);
    };
    if (num_first > 0) {
      const ItemBlock first = tour.take_first(num_first);
      serve(first, [&] { batch.begin_lists(first, threads); });
    }
    while (const ItemBlock* block = tour.next())
      serve(*block, [&] { batch.search(*block, threads, [&] { tour.progress(); }); });
    batch.append_to(lists);
  }
  for (const auto& thread : threads) {
    lists.scoring.scored += thread->num_scored();
    lists.scoring.skipped -= thread->num_screened();
  }
  lists.scoring.skipped += lists.scoring.pairs;
  lists.scoring.num_threads = omp_get_max_threads();
  lists.scoring.kernel = kernel == nullptr ? "sgemm" : kernel->name;
  lists.scoring.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  collectively(comm, "score the catalogue", [&] {
    if (failure) std::rethrow_exception(failure);
  });
  rows.give_back(comm, lists);
  return lists;
}

}  // namespace pushcart::detail
