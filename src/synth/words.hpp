#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "pushcart/base/index.hpp"

namespace pushcart::synth {

inline constexpr int nouns_per_category = 10;

/// Words of one kind of goods. No noun appears in two categories, so names of different ones differ.
struct CategoryWords {
  std::string_view name;
  double typical_price;  ///< in the shop's currency
  std::array<std::string_view, 6> materials;
  std::array<std::string_view, nouns_per_category> nouns;
};

std::span<const CategoryWords> category_words();
std::span<const std::string_view> brand_words();

/// Which words make up an item's name.
struct ItemWords {
  int adjective = 0;
  int material = 0;
  int noun = 0;
  Count variant = 0;  ///< 0: no suffix; then colours and sizes, then numbers
};

/// The words of the serial-th item of a kind; different for every serial, neighbours unlike.
ItemWords words_of_item(Count serial);

/// "Rustic oak garden bench", "Small steel whisk blue".
std::string item_name(const CategoryWords& category, const ItemWords& words);

/// What people type to find an item, from vague to precise.
enum class QueryStyle : std::uint8_t { none, category, noun, material_noun, adjective_noun };
inline constexpr int num_query_styles = 5;
/// Appends such words in lower case; style is not none.
void append_query(const CategoryWords& category, const ItemWords& words, QueryStyle style, std::string& text);

}  // namespace pushcart::synth
