#include "models/content/item_terms.hpp"

#include <fmt/format.h>

#include <functional>
#include <map>
#include <unordered_map>

#include "models/attributes/tags.hpp"
#include "models/content/words.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/base/suggest.hpp"

namespace pushcart::content {

namespace {

const StringTable& texts_of(const Dataset& dataset, const ContentField& field) {
  std::vector<std::string> known;
  for (const TextColumn& column : dataset.item_attributes) {
    if (column.name == field.column) return column.values;
    known.push_back(column.name);
  }
  const bool has_words = field.kind == TextKind::words;
  if (has_words && field.column == "name") return dataset.item_names;
  if (has_words) known.emplace_back("name");
  const std::string_view option = has_words ? "--words" : "--tags";
  if (known.empty()) {
    throw ConfigError(fmt::format(
        "{} {}: the items of the dataset have no attributes; ingest it with --items", option, field.column));
  }
  throw ConfigError(fmt::format("{}: the items of the dataset have no '{}'; did you mean '{}'? (known: {})",
                                option, field.column, nearest_word(field.column, known),
                                fmt::join(known, ", ")));
}

}  // namespace

ItemTerms item_terms(const Dataset& dataset, const ContentField& field, const std::string& tag_separator) {
  const StringTable& texts = texts_of(dataset, field);
  ItemTerms result;
  std::unordered_map<std::string, Count> positions;
  std::map<Count, float> of_item;
  const std::function<void(std::string_view)> add = [&](std::string_view term) {
    const auto [found, is_new] = positions.try_emplace(std::string(term), result.terms.size());
    if (is_new) {
      result.terms.push_back(term);
      result.num_items.push_back(0);
    }
    of_item[found->second] += 1;
  };
  WordCutter words;
  for (Count item = 0; item < texts.size(); ++item) {
    of_item.clear();
    if (field.kind == TextKind::words) {
      words.cut(texts[item], add);
    } else {
      for_each_tag(texts[item], tag_separator, add);
    }
    for (const auto& [term, frequency] : of_item) {
      ++result.num_items[static_cast<std::size_t>(term)];
      result.term.push_back(term);
      result.frequency.push_back(frequency);
    }
    result.offsets.push_back(static_cast<Count>(result.term.size()));
  }
  return result;
}

}  // namespace pushcart::content
