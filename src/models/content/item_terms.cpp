#include "models/content/item_terms.hpp"

#include <fmt/format.h>

#include <functional>
#include <map>
#include <unordered_map>

#include "models/attributes/tags.hpp"
#include "models/content/ngrams.hpp"
#include "models/content/settings.hpp"
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
  const bool has_words = field.kind != TextKind::tags;
  if (has_words && field.column == "name") return dataset.item_names;
  if (has_words) known.emplace_back("name");
  const std::string option = text_kind_option(field.kind);
  if (known.empty()) {
    throw ConfigError(fmt::format(
        "{} {}: the items of the dataset have no attributes; ingest it with --items", option, field.column));
  }
  throw ConfigError(fmt::format("{}: the items of the dataset have no '{}'; did you mean '{}'? (known: {})",
                                option, field.column, nearest_word(field.column, known),
                                fmt::join(known, ", ")));
}

}  // namespace

TextTerms text_terms(const StringTable& texts, const CutText& cut) {
  TextTerms result;
  std::unordered_map<std::string, Count> positions;
  std::map<Count, float> of_text;
  const std::function<void(std::string_view)> add = [&](std::string_view term) {
    const auto [found, is_new] = positions.try_emplace(std::string(term), result.terms.size());
    if (is_new) {
      result.terms.push_back(term);
      result.num_texts.push_back(0);
    }
    of_text[found->second] += 1;
  };
  for (Count text = 0; text < texts.size(); ++text) {
    of_text.clear();
    cut(texts[text], add);
    for (const auto& [term, frequency] : of_text) {
      ++result.num_texts[static_cast<std::size_t>(term)];
      result.term.push_back(term);
      result.frequency.push_back(frequency);
    }
    result.offsets.push_back(static_cast<Count>(result.term.size()));
  }
  return result;
}

TextTerms item_terms(const Dataset& dataset, const ContentField& field, const std::string& tag_separator,
                     const NgramConfig& ngram_config) {
  WordCutter words;
  NgramCutter ngrams(ngram_config);
  return text_terms(texts_of(dataset, field), [&](std::string_view text, const auto& visit) {
    switch (field.kind) {
      case TextKind::tags:
        return for_each_tag(text, tag_separator, visit);
      case TextKind::words:
        return words.cut(text, visit);
      case TextKind::ngrams:
        return ngrams.cut(text, visit);
    }
  });
}

}  // namespace pushcart::content
