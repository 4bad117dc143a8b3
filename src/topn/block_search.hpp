#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "topn/exact_dot.hpp"
#include "topn/item_panels.hpp"
#include "topn/query.hpp"
#include "topn/screen.hpp"

namespace pushcart::detail {

/// Scores some queries against one block of items. One object a thread; keeps its buffers.
class BlockSearch {
 public:
  explicit BlockSearch(const ScreenKernel* kernel) : screen_(make_screen(kernel)), dot_(choose_exact_dot()) {}

  Count tile_rows() const { return screen_->tile_rows(); }
  /// Pairs scored exactly so far, and pairs of rows and items that were screened.
  Count num_scored() const { return num_scored_; }
  Count num_screened() const { return num_screened_; }

  /// Whether no item of the block can get into the list by its factors and bias.
  static bool is_hopeless(const ItemPanels& panels, const Query& query);

  /// Updates the lists of at most tile_rows queries. Local; NumericError if a score is not a number.
  void search(const ItemBlock& block, const ItemPanels& panels, std::span<Query* const> queries,
              const std::function<std::string(Count)>& row_name);

 private:
  void add_weights(Query& query, std::size_t slot);
  void walk_biases(Query& query, std::size_t slot);
  void screen_rows();
  void score_hits(const Panel& panel, Query& query, std::uint64_t hits);
  void offer(Query& query, Count position, double weight_sum);
  bool is_touched(std::size_t slot, Count place) const {
    return (touched_[slot * num_words_ + static_cast<std::size_t>(place / panel_items)] >>
            (place % panel_items)) &
           1;
  }

  std::unique_ptr<Screen> screen_;
  ExactDot dot_;
  Count num_scored_ = 0, num_screened_ = 0;

  // Of the block and the queries at hand.
  const ItemBlock* block_ = nullptr;
  const ItemPanels* panels_ = nullptr;
  const std::function<std::string(Count)>* row_name_ = nullptr;
  std::vector<Query*> rows_;              ///< that are screened
  std::vector<std::size_t> slots_;        ///< of rows_: which of the queries
  std::size_t num_words_ = 0;             ///< of a query's flags: a word a panel
  std::vector<std::uint64_t> touched_;    ///< by query: places that have weights, served already
  std::vector<double> weight_sums_;       ///< by position in the block
  std::vector<std::uint8_t> has_weight_;  ///< by position
  std::vector<Count> weighted_;           ///< positions
  std::vector<double> limits_;
  std::vector<std::uint64_t> hits_;
};

}  // namespace pushcart::detail
