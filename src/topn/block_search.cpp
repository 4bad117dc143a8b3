#include "topn/block_search.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "pushcart/base/error.hpp"
#include "topn/rounding.hpp"

namespace pushcart::detail {

bool BlockSearch::is_hopeless(const ItemPanels& panels, const Query& query) {
  const double reach = query.has_factors() ? query.norm * panels.max_norm() * (1 + 1e-9) : 0;
  return panels.max_bias() + reach < below_half_step(query.best.cutoff().score);
}

void BlockSearch::search(const ItemBlock& block, const ItemPanels& panels, std::span<Query* const> queries,
                         const std::function<std::string(Count)>& row_name) {
  block_ = &block;
  panels_ = &panels;
  row_name_ = &row_name;
  rows_.clear();
  slots_.clear();
  num_words_ = panels.panels().size();
  for (std::size_t slot = 0; slot < queries.size(); ++slot) {
    Query& query = *queries[slot];
    if (!query.weights.empty()) {
      if (touched_.size() < queries.size() * num_words_) touched_.resize(queries.size() * num_words_);
      std::fill_n(touched_.begin() + static_cast<std::ptrdiff_t>(slot * num_words_), num_words_,
                  std::uint64_t{0});
      add_weights(query, slot);
    }
    if (is_hopeless(panels, query)) continue;
    if (!query.has_factors() || block.num_columns() == 0) {
      walk_biases(query, slot);
    } else {
      rows_.push_back(&query);
      slots_.push_back(slot);
    }
  }
  if (!rows_.empty()) screen_rows();
}

/// Serves the items of the block that the row's history touches; their flags keep them from being served
/// again.
void BlockSearch::add_weights(Query& query, std::size_t slot) {
  weight_sums_.resize(static_cast<std::size_t>(ItemTour::block_items), 0.0);
  has_weight_.resize(static_cast<std::size_t>(ItemTour::block_items), 0);
  const auto items = block_->items();
  const auto& by_item = panels_->by_item();
  const Count first = items[static_cast<std::size_t>(by_item.front())];
  const Count last = items[static_cast<std::size_t>(by_item.back())];
  const auto item_at = [&](std::size_t i) { return items[static_cast<std::size_t>(by_item[i])]; };
  const bool contiguous = last - first + 1 == block_->size();
  for (WeightCursor& cursor : query.weights) {
    std::size_t used = 0;
    for (; used < cursor.columns.size() && cursor.columns[used] <= last; ++used) {
      const Count item = cursor.columns[used];
      if (item < first) continue;
      auto found = static_cast<std::size_t>(item - first);
      if (!contiguous) {
        const auto range = std::ranges::lower_bound(
            by_item, item, {}, [&](Count position) { return items[static_cast<std::size_t>(position)]; });
        found = static_cast<std::size_t>(range - by_item.begin());
        if (item_at(found) != item) continue;
      }
      const auto position = static_cast<std::size_t>(by_item[found]);
      if (!has_weight_[position]) weighted_.push_back(static_cast<Count>(position));
      has_weight_[position] = 1;
      weight_sums_[position] +=
          static_cast<double>(cursor.strength) * static_cast<double>(cursor.values[used]);
    }
    cursor.columns = cursor.columns.subspan(used);
    cursor.values = cursor.values.subspan(used);
  }
  for (Count position : weighted_) {
    const Count place = panels_->place(position);
    touched_[slot * num_words_ + static_cast<std::size_t>(place / panel_items)] |= std::uint64_t{1}
                                                                                   << (place % panel_items);
    offer(query, position, weight_sums_[static_cast<std::size_t>(position)]);
    weight_sums_[static_cast<std::size_t>(position)] = 0;
    has_weight_[static_cast<std::size_t>(position)] = 0;
  }
  weighted_.clear();
}

/// A row without factors has the biases for scores: the best of them, until one does not get in.
void BlockSearch::walk_biases(Query& query, std::size_t slot) {
  for (Count position : panels_->by_bias()) {
    const float bias = block_->bias()[static_cast<std::size_t>(position)];
    const ScoredItem candidate{block_->items()[static_cast<std::size_t>(position)], bias};
    if (!std::isnan(bias) && !ranks_before(candidate, query.best.cutoff())) return;
    if (!query.weights.empty() && is_touched(slot, panels_->place(position))) continue;
    offer(query, position, 0);
  }
}

void BlockSearch::screen_rows() {
  screen_->begin(*block_, *panels_, rows_);
  limits_.resize(static_cast<std::size_t>(tile_rows()), HUGE_VAL);
  hits_.resize(static_cast<std::size_t>(tile_rows()));
  num_screened_ += static_cast<Count>(rows_.size()) * block_->size();
  for (std::size_t p = 0; p < panels_->panels().size(); ++p) {
    const Panel& panel = panels_->panels()[p];
    for (std::size_t r = 0; r < rows_.size(); ++r)
      limits_[r] = below_half_step(rows_[r]->best.cutoff().score);
    screen_->find_hits(static_cast<Count>(p), limits_.data(), hits_.data());
    const std::uint64_t valid =
        panel.size == panel_items ? ~std::uint64_t{0} : (std::uint64_t{1} << panel.size) - 1;
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      std::uint64_t hits = hits_[r] & valid;
      if (hits == 0) continue;
      if (!rows_[r]->weights.empty()) hits &= ~touched_[slots_[r] * num_words_ + p];
      score_hits(panel, *rows_[r], hits);
    }
  }
}

void BlockSearch::score_hits(const Panel& panel, Query& query, std::uint64_t hits) {
  for (; hits != 0; hits &= hits - 1)
    offer(query, panels_->position(panel.first + std::countr_zero(hits)), 0);
}

void BlockSearch::offer(Query& query, Count position, double weight_sum) {
  const auto i = static_cast<std::size_t>(position);
  const double factors = dot_(query.factors.data(), block_->row(position).data(),
                              query.factors.empty() ? 0 : static_cast<long>(block_->num_columns()));
  const auto score = static_cast<float>(static_cast<double>(block_->bias()[i]) + factors + weight_sum);
  ++num_scored_;
  const Count item = block_->items()[i];
  if (!std::isnan(score) && !ranks_before({item, score}, query.best.cutoff())) return;
  if (std::binary_search(query.excluded.begin(), query.excluded.end(), item)) return;
  if (std::isnan(score)) {
    throw NumericError(
        fmt::format("the score of {} for item number {} is not a number (the model has an infinite "
                    "or undefined value); train it again with more regularization",
                    (*row_name_)(query.row), item));
  }
  if (score > -HUGE_VALF) query.best.offer({item, score});
}

}  // namespace pushcart::detail
