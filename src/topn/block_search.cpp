#include "topn/block_search.hpp"

#include <cblas.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "pushcart/base/error.hpp"
#include "pushcart/models/score.hpp"

namespace pushcart::detail {

namespace {

constexpr Count chunk_items = 64;
constexpr float minus_infinity = -std::numeric_limits<float>::infinity();

double error_bound(const BlockLimits& limits, double row_norm, double item_norm) {
  const double reach = row_norm * item_norm;
  // Near the end of the range of floats a partial sum may overflow: then nothing is known.
  if (!(reach < 1e38)) return std::numeric_limits<double>::infinity();
  return limits.error_share * reach + limits.underflow;
}

float round_down(double value) {
  const auto rounded = static_cast<float>(value);
  return static_cast<double>(rounded) > value ? std::nextafter(rounded, minus_infinity) : rounded;
}

/// Approximate scores below this cannot belong to exact scores above `threshold`. Rounding is monotone, so
/// comparing the rounded sum of product and bias with it is still rigorous. NaN if nothing is known.
float lowest_hope(BlockSearch::Screen screen, float threshold, double bound) {
  if (screen != BlockSearch::Screen::product) return std::nextafter(threshold, HUGE_VALF);
  return round_down(static_cast<double>(threshold) - bound);
}

/// Where the approximate scores of a chunk come from.
struct ProductAndBias {
  const float *products, *bias;
  float operator[](Count i) const { return products[i] + bias[i]; }
};
struct BiasOnly {
  const float* bias;
  float operator[](Count i) const { return bias[i]; }
};

using Flags = std::array<std::uint8_t, chunk_items>;

/// Flags the scores that are not below the limit (not comparable counts too). Flags are set only if there are
/// any.
template <class Scores>
bool flag_scores(Scores scores, Count size, float limit, Flags& flags) {
  int any = 0;
  for (Count i = 0; i < size; ++i) any |= scores[i] < limit ? 0 : 1;
  if (!any) return false;
  for (Count i = 0; i < size; ++i) flags[static_cast<std::size_t>(i)] = scores[i] < limit ? 0 : 1;
  return true;
}

template <class Scores>
bool flag_chunk(Scores scores, Count size, float limit, Flags& flags) {
  if (size == chunk_items)
    return flag_scores(scores, chunk_items, limit, flags);  // a length the compiler knows
  flags.fill(0);
  return flag_scores(scores, size, limit, flags);
}

/// Adds flags for the items that have weights. @param any  whether `flags` are set already
bool flag_touched(const std::uint8_t* touched, Count size, bool any, Flags& flags) {
  if (std::memchr(touched, 1, static_cast<std::size_t>(size)) == nullptr) return false;
  if (!any) flags.fill(0);
  for (Count i = 0; i < size; ++i) flags[static_cast<std::size_t>(i)] |= touched[i];
  return true;
}

/// Calls visit(i) for each flag that is set, in ascending order, eight at a time where there are none.
template <class Visit>
void for_each_flag(const Flags& flags, Visit&& visit) {
  for (std::size_t first = 0; first < flags.size(); first += 8) {
    std::uint64_t word;
    std::memcpy(&word, flags.data() + first, sizeof word);
    for (; word != 0; word &= word - 1) visit(static_cast<Count>(first) + std::countr_zero(word) / 8);
  }
}

}  // namespace

BlockLimits::BlockLimits(const ItemBlock& block) : max_bias(-HUGE_VAL), max_norm(0) {
  for (float bias : block.bias) {
    if (!(static_cast<double>(bias) <= max_bias)) max_bias = static_cast<double>(bias);
    if (std::isnan(max_bias)) break;
  }
  for (double norm : block.norms) {
    if (!(norm <= max_norm)) max_norm = norm;
    if (std::isnan(max_norm)) break;
  }
  // Higham, Accuracy and Stability of Numerical Algorithms, section 3.1: gamma_k = k u / (1 - k u). The
  // factor covers the rounding of norms and of the double-precision score.
  const double k = static_cast<double>(block.num_columns) + 2;
  error_share = k * 0x1p-24 / (1 - k * 0x1p-24) * (1 + 1e-6);
  underflow = k * 0x1p-126;
}

BlockSearch::Screen BlockSearch::choose_screen(const Query& query, const BlockLimits& limits) const {
  const auto threshold = static_cast<double>(query.heap.threshold());
  if (query.factors.empty() || query.norm == 0) {
    return limits.max_bias <= threshold ? Screen::hopeless : Screen::bias_only;
  }
  const double reach = query.norm * limits.max_norm * (1 + 1e-9);
  return limits.max_bias + reach < threshold ? Screen::hopeless : Screen::product;
}

void BlockSearch::multiply(const ItemBlock& block, std::span<Query> queries) {
  const auto k = static_cast<std::size_t>(block.num_columns);
  rows_.resize(static_cast<std::size_t>(tile_rows) * k);
  Count num_rows = 0;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    if (screens_[i] != Screen::product) continue;
    const auto factors = queries[i].factors;
    std::copy(factors.begin(), factors.end(),
              rows_.begin() + static_cast<std::ptrdiff_t>(num_rows * block.num_columns));
    ++num_rows;
  }
  if (num_rows == 0) return;
  products_.resize(static_cast<std::size_t>(tile_rows * ItemTour::block_items));
  const auto size = static_cast<int>(block.size());
  const auto columns = static_cast<int>(block.num_columns);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<int>(num_rows), size, columns, 1.0F,
              rows_.data(), columns, block.factors.data(), columns, 0.0F, products_.data(), size);
}

void BlockSearch::add_weights(const ItemBlock& block, Query& query) {
  weight_sums_.resize(static_cast<std::size_t>(ItemTour::block_items), 0.0);
  touched_.resize(static_cast<std::size_t>(ItemTour::block_items), 0);
  const Count first = block.items.front(), last = block.items.back();
  const bool contiguous = last - first + 1 == block.size();
  for (WeightCursor& cursor : query.weights) {
    std::size_t used = 0;
    for (; used < cursor.columns.size() && cursor.columns[used] <= last; ++used) {
      const Count item = cursor.columns[used];
      if (item < first) continue;
      std::size_t position = static_cast<std::size_t>(item - first);
      if (!contiguous) {
        const auto found = std::lower_bound(block.items.begin(), block.items.end(), item);
        if (*found != item) continue;
        position = static_cast<std::size_t>(found - block.items.begin());
      }
      if (!touched_[position]) touched_positions_.push_back(static_cast<Count>(position));
      touched_[position] = 1;
      weight_sums_[position] +=
          static_cast<double>(cursor.strength) * static_cast<double>(cursor.values[used]);
    }
    cursor.columns = cursor.columns.subspan(used);
    cursor.values = cursor.values.subspan(used);
  }
}

void BlockSearch::clear_weights() {
  for (Count position : touched_positions_) {
    weight_sums_[static_cast<std::size_t>(position)] = 0;
    touched_[static_cast<std::size_t>(position)] = 0;
  }
  touched_positions_.clear();
}

void BlockSearch::offer(const ItemBlock& block, Query& query, Count position) {
  const Count item = block.items[static_cast<std::size_t>(position)];
  while (!query.excluded.empty() && query.excluded.front() < item) query.excluded = query.excluded.subspan(1);
  if (!query.excluded.empty() && query.excluded.front() == item) return;
  const float bias = block.bias[static_cast<std::size_t>(position)];
  float score;
  if (!touched_positions_.empty() && touched_[static_cast<std::size_t>(position)]) {
    score = static_cast<float>(static_cast<double>(bias) + factor_dot(query.factors, block.row(position)) +
                               weight_sums_[static_cast<std::size_t>(position)]);
  } else {
    score = factor_score(bias, query.factors, block.row(position));
  }
  if (std::isnan(score)) {
    throw NumericError(
        fmt::format("the score of {} for item number {} is not a number (the model has an infinite "
                    "or undefined value); train it again with more regularization",
                    (*row_name_)(query.row), item));
  }
  if (score > minus_infinity) query.heap.offer({item, score});
}

void BlockSearch::scan(const ItemBlock& block, const BlockLimits& limits, Query& query, Screen screen,
                       const float* products) {
  const bool weighted = !touched_positions_.empty();
  const double block_bound = screen == Screen::product ? error_bound(limits, query.norm, limits.max_norm) : 0;
  std::array<std::uint8_t, chunk_items> flags;
  float threshold = query.heap.threshold();
  float hope = lowest_hope(screen, threshold, block_bound);
  for (Count begin = 0; begin < block.size(); begin += chunk_items) {
    const Count size = std::min(chunk_items, block.size() - begin);
    bool any = false;
    if (screen != Screen::hopeless) {
      const float* bias = block.bias.data() + begin;
      any = products == nullptr ? flag_chunk(BiasOnly{bias}, size, hope, flags)
                                : flag_chunk(ProductAndBias{products + begin, bias}, size, hope, flags);
    }
    if (weighted) any = flag_touched(touched_.data() + begin, size, any, flags) || any;
    if (!any) continue;
    for_each_flag(flags, [&](Count i) {
      const Count position = begin + i;
      if (weighted && touched_[static_cast<std::size_t>(position)]) {
        offer(block, query, position);
      } else if (has_hope(block, limits, query, screen, products, position)) {
        offer(block, query, position);
      }
    });
    if (query.heap.threshold() != threshold) {
      threshold = query.heap.threshold();
      hope = lowest_hope(screen, threshold, block_bound);
    }
  }
}

/// Looks again at a flagged item: the threshold may have risen since, and the item's own bound is tighter.
bool BlockSearch::has_hope(const ItemBlock& block, const BlockLimits& limits, const Query& query,
                           Screen screen, const float* products, Count position) const {
  const auto i = static_cast<std::size_t>(position);
  const auto threshold = static_cast<double>(query.heap.threshold());
  const auto bias = static_cast<double>(block.bias[i]);
  if (screen != Screen::product) return !(bias <= threshold);
  return !(static_cast<double>(products[i]) + bias + error_bound(limits, query.norm, block.norms[i]) <
           threshold);
}

void BlockSearch::search(const ItemBlock& block, const BlockLimits& limits, std::span<Query> queries,
                         const std::function<std::string(Count)>& row_name) {
  row_name_ = &row_name;
  screens_.clear();
  for (const Query& query : queries) screens_.push_back(choose_screen(query, limits));
  multiply(block, queries);
  const float* products = products_.data();
  for (std::size_t i = 0; i < queries.size(); ++i) {
    add_weights(block, queries[i]);
    const bool has_product = screens_[i] == Screen::product;
    if (screens_[i] != Screen::hopeless || !touched_positions_.empty()) {
      scan(block, limits, queries[i], screens_[i], has_product ? products : nullptr);
    }
    clear_weights();
    if (has_product) products += block.size();
  }
}

}  // namespace pushcart::detail
