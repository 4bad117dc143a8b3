#include "pushcart/topn/list_plan.hpp"

#include <fmt/core.h>
#include <omp.h>

#include <algorithm>
#include <numeric>

#include "topn/code_screen.hpp"
#include "topn/product_screen.hpp"
#include "topn/query_batch.hpp"

namespace pushcart {

namespace {

/// What a rank holds to answer others who fetch its item weights as it fetches theirs, beside what it will
/// hold of theirs: columns go first, and are gone when values go.
Count answering_bytes(const ListSizes& sizes, Count fetched) {
  const double share =
      static_cast<double>(fetched) / static_cast<double>(std::max<Count>(1, sizes.remote_weights));
  const auto answered =
      static_cast<Count>(static_cast<double>((sizes.num_ranks - 1) * sizes.own_weights) * share);
  const Count columns = answered * Count{sizeof(Count)} - fetched * Count{sizeof(float)};
  return std::max(columns, answered * Count{sizeof(float)});
}

}  // namespace

void plan_lists(MemoryPlan& plan, const ListSizes& sizes, Count n) {
  constexpr Count entry = sizeof(Count) + sizeof(float);
  const Count threads = omp_get_max_threads(), num_columns = sizes.num_columns;
  const Count even_share = (sizes.all_rows + sizes.num_ranks - 1) / sizes.num_ranks;
  const Count borrowed = std::max<Count>(0, even_share - sizes.rows);
  const Count lent_excluded = sizes.lenders_excluded / std::max<Count>(1, sizes.lenders_rows) + 1;
  n = std::min(n, sizes.num_items);
  constexpr Count widest_multiple = 64;  // of the columns of codes
  const Count code_columns = (num_columns + widest_multiple - 1) / widest_multiple * widest_multiple;
  const Count block_rows = std::min(detail::ItemTour::block_items, sizes.num_items);
  plan.add("excluded items", sizes.excluded * entry);
  plan.add("lists", sizes.rows * n * Count{sizeof(Count) + sizeof(float) + 1});
  if (sizes.num_ranks > 1) {
    constexpr Count name_length = 16;
    const Count own_bytes = entry * (sizes.lenders_own_items / std::max<Count>(1, sizes.lenders_rows));
    plan.add(
        "rows served for others",
        borrowed * (detail::lent_row_bytes(num_columns, lent_excluded, name_length) + own_bytes + n * entry));
  }
  const Count before_lists = plan.total_bytes();
  const Count served = sizes.rows + borrowed;
  plan.add("best items so far", served * (detail::TopBuffer::room(n) * Count{sizeof(detail::RankKey)} +
                                          Count{sizeof(detail::Query)}));
  plan.add("8-bit codes of the rows", served * code_columns);
  plan.add("blocks of items", block_rows * (2 * (num_columns * 4 + 12) + code_columns + 40));
  const bool has_codes = detail::choose_screen_kernel() != nullptr;
  const Count tile_rows = has_codes ? detail::CodeScreen::tile : detail::ProductScreen::tile;
  const Count sample_rows = detail::first_block_size(sizes.num_items, num_columns, n, has_codes);
  plan.add("items with which lists begin", sample_rows * (3 * (num_columns * 4 + 12) + code_columns + 40));
  plan.add("tiles of their scores", threads * 36 * sample_rows * 4);
  plan.add("tiles of scores", threads * tile_rows * (block_rows + num_columns) * 4);
  if (!sizes.has_item_weights) return;
  plan.add("sums of item weights", threads * tile_rows * block_rows * Count{sizeof(double) + sizeof(float)});
  if (sizes.num_ranks == 1) return;
  const Count of_lists = plan.total_bytes() - before_lists;
  const Count fetched = std::min(detail::max_fetched_entries, sizes.remote_weights);
  plan.add("item weights of other ranks", fetched * entry);
  // Gone when the lists begin.
  plan.add("answers to other ranks, beyond what lists take",
           std::max<Count>(0, answering_bytes(sizes, fetched) - of_lists));
}

void plan_histories(MemoryPlan& plan, Count num_pairs) {
  plan.add("item weights of each user's items, and how far they are read",
           num_pairs * static_cast<Count>(sizeof(detail::WeightCursor) + sizeof(Count)));
}

Count first_batch_rows(Count num_rows, Count num_items, Count num_columns, int num_threads) {
  constexpr double small_work = 2e12;  // products of a thread: some seconds
  const double work_a_user =
      static_cast<double>(num_items) * static_cast<double>(std::max<Count>(64, num_columns));
  const double small = small_work * num_threads / work_a_user;
  return small >= static_cast<double>(num_rows) ? num_rows : static_cast<Count>(small);
}

std::string list_row_name(std::string_view user_id) {
  return fmt::format("user '{}'", user_id);
}

std::vector<Count> list_received_bytes(std::span<const Count> rows, std::span<const Count> items,
                                       Count num_columns, Count n,
                                       const std::function<LentListRow(int rank, Count row)>& row) {
  const Count num_items = std::accumulate(items.begin(), items.end(), Count{0});
  std::vector<Count> received;
  for (const Count owned : items)
    received.push_back((num_items - owned) * detail::shown_item_bytes(num_columns));
  std::vector<Count> next(rows.begin(),
                          rows.end());  // the first row that is still to be lent: the last ones go
  const std::vector<detail::RowLoan> loans = detail::plan_loans(next);
  for (const detail::RowLoan& loan : loans) next[static_cast<std::size_t>(loan.from)] -= loan.rows;
  for (const detail::RowLoan& loan : loans) {
    Count& position = next[static_cast<std::size_t>(loan.from)];
    for (const Count end = position + loan.rows; position < end; ++position) {
      const LentListRow lent = row(loan.from, position);
      received[static_cast<std::size_t>(loan.to)] +=
          detail::lent_row_bytes(num_columns, lent.num_excluded, lent.name_length);
      received[static_cast<std::size_t>(loan.from)] +=
          detail::returned_list_bytes(std::min(n, num_items - lent.num_excluded));
    }
  }
  return received;
}

}  // namespace pushcart
