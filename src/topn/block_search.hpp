#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "topn/item_block.hpp"
#include "topn/top_heap.hpp"
#include "topn/top_search.hpp"
#include "topn/weight_rows.hpp"

namespace pushcart::detail {

/// What a row of W still has to give to the blocks to come, times the strength of the item in the history.
struct WeightCursor {
  std::span<const Count> columns;
  std::span<const float> values;
  float strength = 0;
};

/// A row that is being served.
struct Query {
  Count row = 0;                    ///< global
  std::span<const float> factors;   ///< empty if the model has none
  std::span<const Count> excluded;  ///< ascending; what earlier blocks have passed is cut off
  std::span<WeightCursor> weights;  ///< by ascending item of the history
  double norm = 0;
  TopHeap heap;
};

/// Limits over all items of a block.
struct BlockLimits {
  explicit BlockLimits(const ItemBlock& block);
  double max_bias;  ///< NaN if any is
  double max_norm;  ///< NaN if any is
  /// |computed - true dot| <= error_share |x| |y| + underflow, in any order of summation.
  double error_share;
  double underflow;
};

/// Scores of some queries against one block. One object a thread; keeps its buffers.
class BlockSearch {
 public:
  static constexpr Count tile_rows = 256;
  /// Where a query's approximate scores of a block are.
  enum class Screen { product, bias_only, hopeless };

  /// Updates the heaps of at most tile_rows queries. Local; NumericError if a score is not a number.
  void search(const ItemBlock& block, const BlockLimits& limits, std::span<Query> queries,
              const std::function<std::string(Count)>& row_name);

 private:
  Screen choose_screen(const Query& query, const BlockLimits& limits) const;
  void multiply(const ItemBlock& block, std::span<Query> queries);
  void add_weights(const ItemBlock& block, Query& query);
  void clear_weights();
  void scan(const ItemBlock& block, const BlockLimits& limits, Query& query, Screen screen,
            const float* products);
  bool has_hope(const ItemBlock& block, const BlockLimits& limits, const Query& query, Screen screen,
                const float* products, Count position) const;
  void offer(const ItemBlock& block, Query& query, Count position);

  std::vector<Screen> screens_;
  std::vector<float> rows_;            ///< gathered factors of the queries that need products
  std::vector<float> products_;        ///< those queries x items of the block
  std::vector<double> weight_sums_;    ///< by position in the block
  std::vector<std::uint8_t> touched_;  ///< by position: 1 = has a weight sum
  std::vector<Count> touched_positions_;
  const std::function<std::string(Count)>* row_name_ = nullptr;
};

}  // namespace pushcart::detail
