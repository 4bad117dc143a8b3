#include "topn/query_batch.hpp"

#include <omp.h>

#include <algorithm>

#include "pushcart/base/parallel.hpp"
#include "topn/quantize.hpp"

namespace pushcart::detail {

QueryBatch::QueryBatch(const Communicator& comm, const SearchTask& task, const ServedRows& rows,
                       const ScreenKernel* kernel, const CodeBasis& basis, Count begin, Count end)
    : task_(task), rows_(rows), kernel_(kernel), basis_(basis), row_name_([&rows](Count i) {
        return rows.name(i);
      }) {
  wanted_ = std::min(task.n, task.items.partition.num_rows());
  if (task.weights != nullptr) fetch_weights(comm, begin, end);
  entries_ = std::make_unique_for_overwrite<RankKey[]>(
      static_cast<std::size_t>((end - begin) * TopBuffer::room(wanted_)));
  for (Count i = begin; i < end; ++i) add_query(i, begin);
  encode_rows();
}

void QueryBatch::fetch_weights(const Communicator& comm, Count begin, Count end) {
  std::vector<Count> touched;
  for (Count i = begin; i < end; ++i) {
    const auto columns = rows_.history(i).columns;
    touched.insert(touched.end(), columns.begin(), columns.end());
  }
  weights_ = WeightRows(comm, task_.items.partition, *task_.weights, touched);
  cursors_.reserve(touched.size() + static_cast<std::size_t>(end - begin));
}

void QueryBatch::add_query(Count i, Count begin) {
  Query query{i,
              rows_.factors(i),
              rows_.excluded(i),
              {},
              0,
              TopBuffer(entries_.get() + (i - begin) * TopBuffer::room(wanted_), wanted_)};
  if (task_.weights != nullptr) {
    const std::size_t first = cursors_.size();
    const auto history = rows_.history(i), own = rows_.own_items(i);
    for (std::size_t e = 0; e < history.columns.size(); ++e) {
      const auto weights = weights_.row(history.columns[e]);
      cursors_.push_back({weights.columns, weights.values, history.values[e]});
    }
    if (!own.columns.empty()) cursors_.push_back({own.columns, own.values, 1.0F});
    query.weights = std::span(cursors_).subspan(first);  // reserved: does not move
  }
  queries_.push_back(query);
}

/// Norms, and codes if a kernel wants them.
void QueryBatch::encode_rows() {
  if (queries_.empty() || queries_.front().factors.empty()) return;
  const auto num_rows = static_cast<Count>(queries_.size());
  const auto num_columns = static_cast<Count>(queries_.front().factors.size());
  if (kernel_ != nullptr) {
    num_code_columns_ = padded_columns(*kernel_, num_columns);
    codes_.resize(static_cast<std::size_t>(num_rows * num_code_columns_));
  }
  constexpr Count rows_a_task = 256;
  parallel_for((num_rows + rows_a_task - 1) / rows_a_task, [&](Count task) {
    for (Count i = task * rows_a_task; i < std::min(num_rows, (task + 1) * rows_a_task); ++i) encode(i);
  });
}

void QueryBatch::encode(Count i) {
  Query& query = queries_[static_cast<std::size_t>(i)];
  if (kernel_ == nullptr) {
    query.norm = euclidean_norm(query.factors) * (1 + 1e-9);
    return;
  }
  thread_local std::vector<double> values;
  thread_local std::vector<std::int8_t> signed_codes;
  values.resize(query.factors.size());
  signed_codes.assign(static_cast<std::size_t>(num_code_columns_), 0);
  basis_.transform_row(query.factors, values.data());
  query.scale = scale_for(largest_magnitude(values), kernel_->levels);
  const Quantized quantized = quantize(values, query.scale, kernel_->levels, signed_codes.data());
  query.norm = quantized.norm;
  query.error = quantized.error;
  std::uint8_t* codes = codes_.data() + i * num_code_columns_;
  for (Count c = 0; c < num_code_columns_; ++c) {
    codes[c] = static_cast<std::uint8_t>(signed_codes[static_cast<std::size_t>(c)] + kernel_->shift);
  }
  query.codes = codes;
}

/// In the order of the rows; a query with weights must see every block, for its cursors to move on.
void QueryBatch::find_active() {
  active_.clear();
  for (Query& query : queries_) {
    if (!query.weights.empty() || !BlockSearch::is_hopeless(panels_, query)) active_.push_back(&query);
  }
}

void QueryBatch::begin_lists(const ItemBlock& block, std::vector<std::unique_ptr<BlockSearch>>& threads) {
  panels_.build(block, kernel_, basis_);
  panels_.index_items(block);
  find_active();
  sort_biases_if_needed(block);
  for_each_tile(threads.front()->begin_rows(), [&](std::span<Query* const> rows) {
    threads[static_cast<std::size_t>(omp_get_thread_num())]->begin_lists(block, panels_, rows, row_name_);
  });
}

/// Rows without factors walk the biases.
void QueryBatch::sort_biases_if_needed(const ItemBlock& block) {
  const auto is_plain = [&](const Query* query) { return !query->has_factors() || block.num_columns() == 0; };
  if (std::any_of(active_.begin(), active_.end(), is_plain)) panels_.sort_by_bias(block);
}

/// Calls work(queries) for tiles of so many of the active queries.
template <class Work>
void QueryBatch::for_each_tile(Count tile, Work&& work) {
  const auto num_active = static_cast<Count>(active_.size());
  parallel_for((num_active + tile - 1) / tile, [&](Count i) {
    const Count size = std::min(tile, num_active - i * tile);
    work(std::span<Query* const>(active_).subspan(static_cast<std::size_t>(i * tile),
                                                  static_cast<std::size_t>(size)));
  });
}

void QueryBatch::search(const ItemBlock& block, std::vector<std::unique_ptr<BlockSearch>>& threads,
                        const std::function<void()>& progress) {
  panels_.build(block, kernel_, basis_);
  if (task_.weights != nullptr) panels_.index_items(block);
  find_active();
  sort_biases_if_needed(block);
  for_each_tile(threads.front()->tile_rows(), [&](std::span<Query* const> rows) {
    threads[static_cast<std::size_t>(omp_get_thread_num())]->search(block, panels_, rows, row_name_);
    if (omp_get_thread_num() == 0) progress();
  });
}

void QueryBatch::append_to(TopLists& lists) {
  constexpr Count rows_a_task = 256;
  const auto for_each_query = [&](auto&& work) {
    const auto num_rows = static_cast<Count>(queries_.size());
    parallel_for((num_rows + rows_a_task - 1) / rows_a_task, [&](Count task) {
      for (Count i = task * rows_a_task; i < std::min(num_rows, (task + 1) * rows_a_task); ++i)
        work(static_cast<std::size_t>(i));
    });
  };
  const std::size_t before = lists.rows.size();
  lists.rows.resize(before + queries_.size());
  lists.offsets.resize(before + queries_.size() + 1);
  for_each_query([&](std::size_t i) { lists.offsets[before + i + 1] = queries_[i].best.sort(); });
  for (std::size_t i = before; i < lists.rows.size(); ++i) lists.offsets[i + 1] += lists.offsets[i];
  lists.items.resize(static_cast<std::size_t>(lists.offsets.back()));
  lists.scores.resize(lists.items.size());
  for_each_query([&](std::size_t i) {
    lists.rows[before + i] = rows_.row(queries_[i].position);
    const Count begin = lists.offsets[before + i], size = lists.offsets[before + i + 1] - begin;
    for (Count rank = 0; rank < size; ++rank) {
      lists.items[static_cast<std::size_t>(begin + rank)] = queries_[i].best[rank].item();
      lists.scores[static_cast<std::size_t>(begin + rank)] = queries_[i].best[rank].score();
    }
  });
}

}  // namespace pushcart::detail
