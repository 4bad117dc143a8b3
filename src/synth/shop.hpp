#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pushcart/base/string_table.hpp"
#include "pushcart/synth/synth_config.hpp"
#include "synth/alias_table.hpp"
#include "synth/words.hpp"

namespace pushcart::synth {

/// Kinds of people, whose tastes lean the same way.
inline constexpr int num_age_groups = 6;

/// A category's items stand together in the numbering of items.
struct Category {
  std::string name;
  int words = 0;  ///< position in category_words()
  Range items;
  std::vector<float> centre;  ///< unit length
};

/// The catalogue and how popular its parts are over time. A function of the settings alone; every rank builds
/// all of it. Item factors have length about 1: their products with tastes of length sqrt(dimensions) are
/// about standard normal for unrelated pairs.
class Shop {
 public:
  explicit Shop(const SynthConfig& config);

  Count num_items() const { return static_cast<Count>(category_.size()); }
  Count num_dimensions() const { return num_dimensions_; }
  std::span<const Category> categories() const { return categories_; }
  const Category& category_of(Count item) const { return categories_[category_[index(item)]]; }
  Count category_number(Count item) const { return category_[index(item)]; }
  std::span<const float> factors(Count item) const {
    return {factors_.data() + item * num_dimensions_, static_cast<std::size_t>(num_dimensions_)};
  }
  std::span<const float> all_factors() const { return factors_; }
  std::span<const float> age_group(int group) const { return age_groups_[static_cast<std::size_t>(group)]; }
  std::string_view name(Count item) const { return names_[item]; }
  ItemWords words(Count item) const;
  const CategoryWords& category_words_of(Count item) const {
    return category_words()[static_cast<std::size_t>(category_of(item).words)];
  }
  std::string_view brand(Count item) const { return brand_words()[brand_[index(item)]]; }
  Count price_cents(Count item) const { return price_cents_[index(item)]; }
  Count launch_day(Count item) const { return first_period_[index(item)] * config_days_ / num_periods_; }

  static Count num_periods_of(const SynthConfig& config);
  /// Popularity is constant within a period of some ten days.
  Count num_periods() const { return num_periods_; }
  Count period_of(Count day) const;
  /// Share of a category in the popularity of all items.
  double category_share(Count period, Count category) const {
    return category_shares_[index(period * num_categories() + category)];
  }
  /// An item of the category by popularity in the period, never one before its launch.
  Count draw_item(Count period, Count category, std::uint64_t bits) const {
    const Range items = categories_[index(category)].items;
    const std::span<const AliasSlot> slots(alias_.data() + period * num_items() + items.begin,
                                           static_cast<std::size_t>(items.size()));
    return items.begin + pick_slot(slots, bits);
  }
  /// Shares of all items in the last period; they add up to 1.
  std::span<const double> final_popularity() const { return final_popularity_; }

  double affinity(std::span<const float> taste, Count item) const;

 private:
  static std::size_t index(Count position) { return static_cast<std::size_t>(position); }
  Count num_categories() const { return static_cast<Count>(categories_.size()); }
  void lay_out_categories(const SynthConfig& config);
  void make_age_groups(const SynthConfig& config);
  void make_items(const SynthConfig& config);
  void make_popularity(const SynthConfig& config);
  void close_period(Count period, std::span<const double> weights);

  Count num_dimensions_;
  Count config_days_;
  Count num_periods_;
  std::vector<Category> categories_;
  std::vector<std::vector<float>> age_groups_;
  std::vector<std::uint32_t> category_;
  std::vector<float> factors_;
  StringTable names_;
  std::vector<std::uint8_t> brand_;
  std::vector<std::int32_t> price_cents_;
  std::vector<std::int32_t> first_period_;
  std::vector<AliasSlot> alias_;         ///< periods x items
  std::vector<double> category_shares_;  ///< periods x categories
  std::vector<double> final_popularity_;
};

}  // namespace pushcart::synth
