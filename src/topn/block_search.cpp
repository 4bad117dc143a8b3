#include "topn/block_search.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "pushcart/base/error.hpp"
#include "topn/rounding.hpp"

namespace pushcart::detail {

namespace {

constexpr double untried = 0;  ///< count of an upper end that no trial has found

/// Where about `wanted` of `all` items should reach a limit, by what was tried: a limit that enough reach (0
/// before any trial) and one that too few do. The tail of scores is taken to fall exponentially.
double guess_limit(const SeedTrial& low, const SeedTrial& high, double wanted, double all) {
  const auto depth = [&](double count) { return std::log(1.01 * all / count); };
  const double goal = depth(1.05 * wanted), from = depth(low.count), to = depth(high.count);
  if (low.limit == 0 && high.count == untried) return 0.1 * high.limit;
  if (low.limit == 0) return high.limit * std::clamp(goal / to, 0.3, 0.9);
  if (high.count == untried) return std::min(low.limit * std::clamp(goal / from, 1.02, 3.0), high.limit);
  return low.limit + (high.limit - low.limit) * std::clamp((goal - from) / (to - from), 0.05, 0.95);
}

/// A bit for each item of the panel.
std::uint64_t valid_places(const Panel& panel) {
  return panel.size == panel_items ? ~std::uint64_t{0} : (std::uint64_t{1} << panel.size) - 1;
}

}  // namespace

bool BlockSearch::is_hopeless(const ItemPanels& panels, const Query& query, double most_added) {
  const double reach = query.has_factors() ? query.norm * panels.max_norm() * (1 + 1e-9) : 0;
  return most_added + reach < below_half_step(query.best.cutoff_score());
}

void BlockSearch::take(const ItemBlock& block, const ItemPanels& panels, std::size_t num_queries,
                       const std::function<std::string(Count)>& row_name) {
  block_ = &block;
  panels_ = &panels;
  row_name_ = &row_name;
  rows_.clear();
  slots_.clear();
  num_words_ = panels.panels().size();
  closed_.resize(std::max(closed_.size(), num_queries * num_words_));
  has_closed_.resize(std::max(has_closed_.size(), num_queries));
}

void BlockSearch::search(const ItemBlock& block, const ItemPanels& panels, std::span<Query* const> queries,
                         const std::function<std::string(Count)>& row_name) {
  take(block, panels, queries.size(), row_name);
  has_offsets_ =
      std::any_of(queries.begin(), queries.end(), [](const Query* q) { return !q->weights.empty(); });
  if (has_offsets_) weight_offsets_.begin(panels, queries.size());
  for (std::size_t slot = 0; slot < queries.size(); ++slot) {
    Query& query = *queries[slot];
    has_closed_[slot] = 0;
    if (!query.has_factors() || block.num_columns() == 0) {
      serve_without_factors(query, slot);
      continue;
    }
    if (has_offsets_) weight_offsets_.add(slot, query);
    if (is_hopeless(panels, query, has_offsets_ ? weight_offsets_.largest(slot) : panels.max_bias()))
      continue;
    rows_.push_back(&query);
    slots_.push_back(slot);
  }
  if (rows_.empty()) return;
  begin_screen(Use::once);
  if (has_offsets_) set_offsets();
  screen_panels();
}

void BlockSearch::serve_without_factors(Query& query, std::size_t slot) {
  if (!query.weights.empty()) {
    clear_closed(slot);
    serve_weighted_items(query, slot);
  }
  if (!is_hopeless(*panels_, query)) walk_biases(query, slot);
}

/// Serves the items of the block that the row's history touches; their flags keep them from being served
/// again.
void BlockSearch::serve_weighted_items(Query& query, std::size_t slot) {
  weight_sums_.resize(static_cast<std::size_t>(block_->size()), 0.0);
  has_weight_.resize(static_cast<std::size_t>(block_->size()), 0);
  take_weights(query, *panels_, [this](Count place, double weight) {
    const auto at = static_cast<std::size_t>(place);
    if (!has_weight_[at]) weighted_.push_back(place);
    has_weight_[at] = 1;
    weight_sums_[at] += weight;
  });
  for (Count place : weighted_) {
    const auto at = static_cast<std::size_t>(place);
    close(slot, place);
    const Count position = panels_->position(place);
    offer(query, position, product(query, position), weight_sums_[at]);
    weight_sums_[at] = 0;
    has_weight_[at] = 0;
  }
  weighted_.clear();
}

/// A row without factors has the biases for scores: the best of them, until one does not get in.
void BlockSearch::walk_biases(Query& query, std::size_t slot) {
  for (Count position : panels_->by_bias()) {
    const float bias = block_->bias()[static_cast<std::size_t>(position)];
    const RankKey candidate(block_->items()[static_cast<std::size_t>(position)], bias);
    if (!std::isnan(bias) && !query.best.accepts(candidate)) return;
    if (has_closed_[slot] && is_closed(slot, panels_->place(position))) continue;
    offer(query, position, product(query, position), 0);
  }
}

void BlockSearch::clear_closed(std::size_t slot) {
  has_closed_[slot] = 1;
  std::fill_n(closed_.begin() + static_cast<std::ptrdiff_t>(slot * num_words_), num_words_, std::uint64_t{0});
}

/// Flags the excluded items of the block.
void BlockSearch::exclude(const Query& query, std::size_t slot) {
  const auto items = block_->items();
  const auto item_at = [&](Count position) { return items[static_cast<std::size_t>(position)]; };
  const auto& by_item = panels_->by_item();
  clear_closed(slot);
  auto from = by_item.begin();
  for (Count item : query.excluded) {
    from = std::ranges::lower_bound(from, by_item.end(), item, {}, item_at);
    if (from == by_item.end()) return;
    if (item_at(*from) == item) close(slot, panels_->place(*from));
  }
}

/// How many items of the block have scores that reach limits_ for certain, by row.
void BlockSearch::count_certain() {
  counts_.assign(rows_.size(), 0);
  for (std::size_t p = 0; p < num_words_; ++p) {
    screen_->find_hits(static_cast<Count>(p), Bound::lower, {limits_.data()}, hits_.data());
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      const std::uint64_t closed = closed_[slots_[r] * num_words_ + p];
      counts_[r] += std::popcount(hits_[r] & valid_places(panels_->panels()[p]) & ~closed);
    }
  }
}

void BlockSearch::begin_lists(const ItemBlock& block, const ItemPanels& panels,
                              std::span<Query* const> queries,
                              const std::function<std::string(Count)>& row_name) {
  take(block, panels, queries.size(), row_name);
  has_offsets_ = false;
  for (std::size_t slot = 0; slot < queries.size(); ++slot) {
    has_closed_[slot] = 0;
    if (queries[slot]->has_factors() && block.num_columns() > 0) {
      rows_.push_back(queries[slot]);
      slots_.push_back(slot);
    } else {
      serve_without_factors(*queries[slot], slot);
    }
  }
  if (rows_.empty()) return;
  begin_screen(Use::again_and_again);
  if (are_tame()) find_seeds();
  screen_panels();
}

/// Finds a score that enough items of the block reach for certain, but not many more.
void BlockSearch::find_seeds() {
  for (std::size_t r = 0; r < rows_.size(); ++r) exclude(*rows_[r], slots_[r]);
  const Count wanted = rows_.front()->best.wanted();
  const auto all = static_cast<double>(block_->size());
  lowest_.assign(rows_.size(), {0, all});
  highest_.clear();
  for (const Query* query : rows_)
    highest_.push_back({query->norm * panels_->max_norm() + panels_->max_bias(), untried});
  constexpr int num_trials = 5;
  for (int trial = 0; trial < num_trials; ++trial) {
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      limits_[r] = guess_limit(lowest_[r], highest_[r], static_cast<double>(wanted), all);
    }
    count_certain();
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      auto& end = counts_[r] >= wanted ? lowest_[r] : highest_[r];
      end = {limits_[r], std::max(0.5, static_cast<double>(counts_[r]))};
    }
  }
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    if (lowest_[r].limit > 0) rows_[r]->best.expect_at_least(round_down(lowest_[r].limit));
  }
}

/// Whether the scores of these rows with this block are far from the ends of the range of floats: then each
/// is a number and none is infinite.
bool BlockSearch::are_tame() const {
  constexpr double most = 1e15;
  if (!(panels_->max_norm() < most)) return false;
  for (const Panel& panel : panels_->panels()) {
    if (!(panel.bias < most)) return false;
  }
  return std::all_of(rows_.begin(), rows_.end(), [](const Query* query) { return query->norm < most; });
}

void BlockSearch::begin_screen(Use use) {
  screen_->begin(*block_, *panels_, rows_, use);
  limits_.assign(static_cast<std::size_t>(tile_rows()), HUGE_VAL);
  hits_.resize(static_cast<std::size_t>(tile_rows()));
  num_screened_ += static_cast<Count>(rows_.size()) * block_->size();
}

void BlockSearch::screen_panels() {
  for (std::size_t p = 0; p < num_words_; ++p) {
    for (std::size_t r = 0; r < rows_.size(); ++r)
      limits_[r] = below_half_step(rows_[r]->best.cutoff_score());
    find_hit_pairs(p);
    score_hit_pairs();
  }
}

void BlockSearch::set_offsets() {
  offsets_.clear();
  offset_reach_.clear();
  for (std::size_t slot : slots_) {
    offsets_.push_back(weight_offsets_.bounds(slot));
    offset_reach_.push_back(weight_offsets_.reach(slot));
  }
}

void BlockSearch::find_hit_pairs(std::size_t p) {
  const Panel& panel = panels_->panels()[p];
  RowLimits limits{limits_.data()};
  if (has_offsets_) limits = {limits_.data(), offsets_.data(), offset_reach_.data()};
  screen_->find_hits(static_cast<Count>(p), Bound::upper, limits, hits_.data());
  pairs_.clear();
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    std::uint64_t hits = hits_[r] & valid_places(panel);
    if (hits == 0) continue;
    for (; hits != 0; hits &= hits - 1) {
      const Count place = panel.first + std::countr_zero(hits);
      const double sum = has_offsets_ ? weight_offsets_.sum(slots_[r], place) : 0;
      pairs_.push_back({rows_[r], panels_->position(place), sum});
    }
  }
}

/// All products first: they overlap, which they could not with an unpredictable branch after each.
void BlockSearch::score_hit_pairs() {
  constexpr std::size_t ahead = 4;
  products_.resize(pairs_.size());
  const auto fetch = [&](std::size_t i) {
    if (i >= pairs_.size()) return;
    const auto row = std::as_bytes(block_->row(pairs_[i].position));
    for (std::size_t byte = 0; byte < row.size(); byte += 64) __builtin_prefetch(row.data() + byte);
  };
  for (std::size_t i = 0; i < ahead; ++i) fetch(i);
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    fetch(i + ahead);
    products_[i] = product(*pairs_[i].query, pairs_[i].position);
  }
  for (std::size_t i = 0; i < pairs_.size(); ++i)
    offer(*pairs_[i].query, pairs_[i].position, products_[i], pairs_[i].weight_sum);
}

double BlockSearch::product(const Query& query, Count position) const {
  return dot_(query.factors.data(), block_->row(position).data(),
              query.factors.empty() ? 0 : static_cast<long>(block_->num_columns()));
}

void BlockSearch::offer(Query& query, Count position, double product, double weight_sum) {
  const auto i = static_cast<std::size_t>(position);
  const auto score = static_cast<float>(static_cast<double>(block_->bias()[i]) + product + weight_sum);
  ++num_scored_;
  const Count item = block_->items()[i];
  const RankKey candidate(item, score);
  if (!std::isnan(score) && !query.best.accepts(candidate)) return;
  if (std::binary_search(query.excluded.begin(), query.excluded.end(), item)) return;
  if (std::isnan(score)) refuse_score(query, item);
  if (score > -HUGE_VALF) query.best.offer(candidate);
}

void BlockSearch::refuse_score(const Query& query, Count item) const {
  throw NumericError(
      fmt::format("the score of {} for item number {} is not a number (the model has an infinite "
                  "or undefined value); train it again with more regularization",
                  (*row_name_)(query.position), item));
}

}  // namespace pushcart::detail
