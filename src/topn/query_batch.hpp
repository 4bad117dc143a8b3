#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "topn/block_search.hpp"
#include "topn/served_rows.hpp"

namespace pushcart::detail {

/// Some of a task's rows with their lists so far, their 8-bit codes and what of W they need.
class QueryBatch {
 public:
  /// Serves rows [begin, end). Collective.
  /// @param basis  of the codes, if there is a kernel
  QueryBatch(const Communicator& comm, const SearchTask& task, const ServedRows& rows,
             const ScreenKernel* kernel, const CodeBasis& basis, Count begin, Count end);
  QueryBatch(const QueryBatch&) = delete;
  QueryBatch& operator=(const QueryBatch&) = delete;

  /// Instead of the first search: also gives every list that this block can give one a cutoff to begin with.
  /// Not with weights, which may take items down.
  void begin_lists(const ItemBlock& block, std::vector<std::unique_ptr<BlockSearch>>& threads);
  /// @param threads   an object an OpenMP thread
  /// @param progress  called now and then by the calling thread
  void search(const ItemBlock& block, std::vector<std::unique_ptr<BlockSearch>>& threads,
              const std::function<void()>& progress);
  void append_to(TopLists& lists);

 private:
  void fetch_weights(const Communicator& comm, Count begin, Count end);
  void add_query(Count i, Count begin);
  void encode_rows();
  void encode(Count i);
  void find_active();
  void sort_biases_if_needed(const ItemBlock& block);
  template <class Work>
  void for_each_tile(Count tile, Work&& work);

  const SearchTask& task_;
  const ServedRows& rows_;
  const ScreenKernel* kernel_;
  const CodeBasis& basis_;
  Count wanted_ = 0;
  WeightRows weights_;
  std::vector<WeightCursor> cursors_;
  std::unique_ptr<RankKey[]> entries_;  ///< TopBuffer::room a query
  std::vector<Query> queries_;
  Count num_code_columns_ = 0;
  std::function<std::string(Count)> row_name_;  ///< of a position
  std::vector<std::uint8_t> codes_;             ///< rows x num_code_columns_
  ItemPanels panels_;                           ///< of the block at hand
  std::vector<Query*> active_;                  ///< queries that the block at hand may serve
};

}  // namespace pushcart::detail
