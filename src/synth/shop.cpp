#include "synth/shop.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "synth/draw.hpp"
#include "synth/vectors.hpp"

namespace pushcart::synth {

namespace {

constexpr Count num_kinds = 20;  // categories with words of their own; further ones are named after them
constexpr double period_days = 10;
constexpr Count max_periods = 12;

// What an item is like: its category, its noun within the category, and something of its own (squares add to
// 1).
constexpr float category_part = 0.70F;
constexpr float noun_part = 0.45F;
constexpr float own_part = 0.55F;

Count number_of_categories(const SynthConfig& config) {
  return config.categories > 0 ? config.categories : std::min(num_kinds, config.items);
}

/// Sizes that fall like 1/sqrt(position), each at least 1, adding up to the items.
std::vector<Count> category_sizes(Count num_items, Count num_categories) {
  std::vector<Count> sizes;
  double total = 0, reached = 0;
  for (Count c = 0; c < num_categories; ++c) total += 1.0 / std::sqrt(static_cast<double>(c + 1));
  Count used = 0;
  const auto spare = static_cast<double>(num_items - num_categories);
  for (Count c = 0; c < num_categories; ++c) {
    reached += 1.0 / std::sqrt(static_cast<double>(c + 1));
    const Count end = c + 1 == num_categories ? num_items - num_categories
                                              : static_cast<Count>(spare * std::min(1.0, reached / total));
    sizes.push_back(1 + end - used);
    used = end;
  }
  return sizes;
}

std::int32_t charm_price_cents(double price) {
  if (price < 1) return std::max(5, static_cast<std::int32_t>(std::lround(price * 20)) * 5);
  return static_cast<std::int32_t>(std::lround(std::min(price, 1e6))) * 100 - 1;
}

/// Popularity rank of each item, from 0: a random order.
std::vector<Count> random_ranks(std::uint64_t seed, Count num_items) {
  std::vector<Count> ranks(static_cast<std::size_t>(num_items));
  std::iota(ranks.begin(), ranks.end(), Count{0});
  Draw draw(seed, Purpose::ranking, 0);
  for (std::size_t i = ranks.size(); i > 1; --i) {
    std::swap(ranks[i - 1], ranks[static_cast<std::size_t>(draw.below(static_cast<Count>(i)))]);
  }
  return ranks;
}

}  // namespace

Shop::Shop(const SynthConfig& config)
    : num_dimensions_(config.latent_dimensions),
      config_days_(config.days),
      num_periods_(num_periods_of(config)) {
  lay_out_categories(config);
  make_age_groups(config);
  make_items(config);
  make_popularity(config);
}

Count Shop::num_periods_of(const SynthConfig& config) {
  return std::clamp<Count>(static_cast<Count>(static_cast<double>(config.days) / period_days), 1,
                           max_periods);
}

void Shop::lay_out_categories(const SynthConfig& config) {
  Count first = 0;
  for (const Count size : category_sizes(config.items, number_of_categories(config))) {
    const auto c = static_cast<Count>(categories_.size());
    const Count kind = c % num_kinds, series = c / num_kinds;
    Category category;
    category.name = category_words()[index(kind)].name;
    if (series > 0) category.name += fmt::format(" {}", series + 1);
    category.words = static_cast<int>(kind);
    category.items = {first, first + size};
    Draw draw(config.seed, Purpose::category, c);
    category.centre = random_direction(draw, num_dimensions_);
    categories_.push_back(std::move(category));
    first += size;
  }
}

void Shop::make_age_groups(const SynthConfig& config) {
  for (int group = 0; group < num_age_groups; ++group) {
    Draw draw(config.seed, Purpose::age_group, group);
    age_groups_.push_back(random_direction(draw, num_dimensions_));
  }
}

ItemWords Shop::words(Count item) const {
  const Count c = category_[index(item)];
  const Count series = c / num_kinds, num_series = (num_categories() - 1 - c % num_kinds) / num_kinds + 1;
  return words_of_item((item - categories_[index(c)].items.begin) * num_series + series);
}

void Shop::make_items(const SynthConfig& config) {
  factors_.resize(index(config.items * num_dimensions_));
  names_.reserve(config.items, config.items * 28);
  for (std::size_t c = 0; c < categories_.size(); ++c) {
    const Category& category = categories_[c];
    std::vector<std::vector<float>> nouns;
    for (Count noun = 0; noun < nouns_per_category; ++noun) {
      Draw draw(config.seed, Purpose::noun, static_cast<Count>(c) * nouns_per_category + noun);
      nouns.push_back(random_direction(draw, num_dimensions_));
    }
    for (Count item = category.items.begin; item < category.items.end; ++item) {
      category_.push_back(static_cast<std::uint32_t>(c));
      Draw draw(config.seed, Purpose::item, item);
      const ItemWords word = words(item);
      const std::span<float> vector(factors_.data() + item * num_dimensions_, index(num_dimensions_));
      add_scaled(vector, category_part, category.centre);
      add_scaled(vector, noun_part, nouns[static_cast<std::size_t>(word.noun)]);
      add_scaled(vector, own_part, random_direction(draw, num_dimensions_));
      names_.push_back(item_name(category_words_of(item), word));
      brand_.push_back(static_cast<std::uint8_t>(draw.below(static_cast<Count>(brand_words().size()))));
      price_cents_.push_back(
          charm_price_cents(category_words_of(item).typical_price * std::exp(0.6 * draw.normal())));
      const bool is_new =
          item > category.items.begin && num_periods_ > 1 && draw.happens(config.new_item_share);
      first_period_.push_back(is_new ? static_cast<std::int32_t>(1 + draw.below(num_periods_ - 1)) : 0);
    }
  }
}

void Shop::make_popularity(const SynthConfig& config) {
  constexpr double novelty = 3.0;  // a new item is shown more in its first period
  const std::vector<Count> ranks = random_ranks(config.seed, config.items);
  std::vector<double> level(ranks.size()), weights(ranks.size());
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    level[i] = std::pow(static_cast<double>(ranks[i] + 5), -config.popularity_exponent);
  }
  alias_.resize(index(num_periods_ * config.items));
  category_shares_.resize(index(num_periods_) * categories_.size());
  for (Count period = 0; period < num_periods_; ++period) {
    Draw draw(config.seed, Purpose::ranking, period + 1);
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      level[i] *= std::exp(config.popularity_drift * draw.normal());
      weights[i] = period < first_period_[i] ? 0.0 : level[i];
      if (period == first_period_[i] && period > 0) weights[i] *= novelty;
    }
    close_period(period, weights);
  }
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight /= total;
  final_popularity_ = std::move(weights);
}

void Shop::close_period(Count period, std::span<const double> weights) {
  double total = 0;
  for (const double weight : weights) total += weight;
  for (std::size_t c = 0; c < categories_.size(); ++c) {
    const Range items = categories_[c].items;
    const auto part = weights.subspan(index(items.begin), index(items.size()));
    build_alias(part, std::span(alias_).subspan(index(period * num_items() + items.begin), part.size()));
    category_shares_[index(period) * categories_.size() + c] =
        std::accumulate(part.begin(), part.end(), 0.0) / total;
  }
}

Count Shop::period_of(Count day) const {
  // The first day d of period p is floor(p * days / periods): the launch day of its new items.
  Count period = std::min(day * num_periods_ / config_days_, num_periods_ - 1);
  while (period + 1 < num_periods_ && (period + 1) * config_days_ / num_periods_ <= day) ++period;
  return period;
}

double Shop::affinity(std::span<const float> taste, Count item) const {
  return dot(taste, factors(item));
}

}  // namespace pushcart::synth
