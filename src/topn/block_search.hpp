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
#include "topn/weight_offsets.hpp"

namespace pushcart::detail {

/// A limit and how many items of a row reach it for certain (at least one half, for logarithms).
struct SeedTrial {
  double limit, count;
};

/// Scores some queries against one block of items. One object a thread; keeps its buffers.
class BlockSearch {
 public:
  explicit BlockSearch(const ScreenKernel* kernel) : screen_(make_screen(kernel)), dot_(choose_exact_dot()) {}

  Count tile_rows() const { return screen_->tile_rows(); }
  Count begin_rows() const { return screen_->kept_tile_rows(); }
  /// Pairs scored exactly so far, and pairs of rows and items that were screened.
  Count num_scored() const { return num_scored_; }
  Count num_screened() const { return num_screened_; }

  /// Whether no item of the block can get into the list by its factors and bias.
  static bool is_hopeless(const ItemPanels& panels, const Query& query) {
    return is_hopeless(panels, query, panels.max_bias());
  }

  /// Updates the lists of at most tile_rows queries. Local; NumericError if a score is not a number.
  void search(const ItemBlock& block, const ItemPanels& panels, std::span<Query* const> queries,
              const std::function<std::string(Count)>& row_name);

  /// As search, for lists that are empty: first gives them a cutoff, a score that enough items of the block
  /// reach for certain. They then do not climb there item by item. At most begin_rows queries, without
  /// weights.
  void begin_lists(const ItemBlock& block, const ItemPanels& panels, std::span<Query* const> queries,
                   const std::function<std::string(Count)>& row_name);

 private:
  /// @param most_added  the largest that is added to a product
  static bool is_hopeless(const ItemPanels& panels, const Query& query, double most_added);
  void take(const ItemBlock& block, const ItemPanels& panels, std::size_t num_queries,
            const std::function<std::string(Count)>& row_name);
  void serve_weighted_items(Query& query, std::size_t slot);
  void serve_without_factors(Query& query, std::size_t slot);
  void set_offsets();
  void walk_biases(Query& query, std::size_t slot);
  void exclude(const Query& query, std::size_t slot);
  void find_seeds();
  bool are_tame() const;
  void count_certain();
  void find_hit_pairs(std::size_t panel);
  void score_hit_pairs();
  void begin_screen(Use use);
  void screen_panels();
  double product(const Query& query, Count position) const;
  void offer(Query& query, Count position, double product, double weight_sum);
  [[noreturn]] void refuse_score(const Query& query, Count item) const;
  void clear_closed(std::size_t slot);
  void close(std::size_t slot, Count place) {
    closed_[slot * num_words_ + static_cast<std::size_t>(place / panel_items)] |= std::uint64_t{1}
                                                                                  << (place % panel_items);
  }
  bool is_closed(std::size_t slot, Count place) const {
    return (closed_[slot * num_words_ + static_cast<std::size_t>(place / panel_items)] >>
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
  std::vector<Query*> rows_;        ///< that are screened
  std::vector<std::size_t> slots_;  ///< of rows_: which of the queries
  std::size_t num_words_ = 0;       ///< of a query's flags: a word a panel
  /// By query: places that are excluded, or were served already.
  std::vector<std::uint64_t> closed_;
  std::vector<double> weight_sums_;       ///< by place
  std::vector<std::uint8_t> has_weight_;  ///< by place
  std::vector<Count> weighted_;           ///< places
  WeightOffsets weight_offsets_;          ///< by slot
  bool has_offsets_ = false;              ///< whether rows_ have weights
  std::vector<const float*> offsets_;     ///< by screened row
  std::vector<double> offset_reach_;
  struct HitPair {
    Query* query;
    Count position;
    double weight_sum;
  };
  std::vector<double> products_;          ///< of pairs_
  std::vector<HitPair> pairs_;            ///< of a panel
  std::vector<std::uint8_t> has_closed_;  ///< by query: whether its flags are set at all
  std::vector<double> limits_;
  std::vector<SeedTrial> lowest_, highest_;  ///< by screened row: limits that enough items reach, and too few
  std::vector<Count> counts_;
  std::vector<std::uint64_t> hits_;
};

}  // namespace pushcart::detail
