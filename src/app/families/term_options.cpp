#include "app/families/term_options.hpp"

#include <fmt/core.h>

#include "pushcart/base/error.hpp"

namespace pushcart::app {

std::pair<std::string, double> weighted_name(const std::string& text) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string::npos) return {text, 1.0};
  std::size_t used = 0;
  double weight = 0;
  try {
    weight = std::stod(text.substr(equals + 1), &used);
  } catch (const std::exception&) {
    used = 0;
  }
  if (used == 0 || equals + 1 + used != text.size()) {
    throw ConfigError(fmt::format("'{}' is not NAME=WEIGHT", text));
  }
  return {text.substr(0, equals), weight};
}

std::string weighted_text(const std::string& name, double weight) {
  return fmt::format("{}={}", name, weight);
}

namespace {

/// The fields of one kind among all.
void add_fields(OptionSet& options, const std::string& key, TextKind kind, std::vector<ContentField>& fields,
                const std::string& help) {
  options.add_custom(
      key, Arity::many, help,
      [&fields, kind](const auto& texts) {
        std::erase_if(fields, [kind](const ContentField& field) { return field.kind == kind; });
        for (const auto& text : texts) {
          const auto [column, weight] = weighted_name(text);
          fields.push_back({kind, column, weight});
        }
      },
      [&fields, kind] {
        std::vector<std::string> texts;
        for (const ContentField& field : fields) {
          if (field.kind == kind) texts.push_back(weighted_text(field.column, field.weight));
        }
        return texts;
      });
}

void add_tags(OptionSet& options, TermConfig& terms, const std::string& default_help) {
  add_fields(options, "tags", TextKind::tags, terms.fields,
             fmt::format("item attributes whose tags are compared: COLUMN or COLUMN=WEIGHT (repeat){}",
                         default_help));
}

void add_words(OptionSet& options, TermConfig& terms) {
  add_fields(
      options, "words", TextKind::words, terms.fields,
      "item attributes whose words are compared: COLUMN or COLUMN=WEIGHT, name = the items' names (repeat)");
  add_fields(options, "ngrams", TextKind::ngrams, terms.fields,
             "item attributes whose words are compared by their n-grams, as names may be misspelt: COLUMN or "
             "COLUMN=WEIGHT, name = the items' names (repeat)");
}

}  // namespace

void declare_terms(OptionSet& options, TermConfig& terms, const std::string& default_help) {
  add_tags(options, terms, default_help);
  options.add("tag-separator", terms.tag_separator, "between the tags of a text");
  add_words(options, terms);
  options.add("ngram-shortest", terms.ngrams.shortest, "code points of the shortest n-grams");
  options.add("ngram-longest", terms.ngrams.longest, "code points of the longest n-grams, at most 16");
  options.add("ngram-buckets", terms.ngrams.buckets, "buckets that n-grams are hashed to");
  options.add("min-items", terms.min_items, "terms of fewer items are left out");
  options.add("max-share", terms.max_share,
              "terms of more than this share of all items are left out, in (0, 1]");
  options.add("tf-exponent", terms.tf_exponent, "power of how often an item has a term");
  options.add("idf-exponent", terms.idf_exponent, "power of the logarithm of how rare a term is");
}

void declare_content_vectors(OptionSet& options, std::vector<ContentVectors>& vectors) {
  options.add_custom(
      "vectors", Arity::many, "sets of item vectors to compare by: NAME or NAME=WEIGHT (repeat)",
      [&vectors](const auto& texts) {
        vectors.clear();
        for (const auto& text : texts) {
          const auto [name, weight] = weighted_name(text);
          vectors.push_back({name, weight});
        }
      },
      [&vectors] {
        std::vector<std::string> texts;
        for (const ContentVectors& set : vectors) texts.push_back(weighted_text(set.name, set.weight));
        return texts;
      });
}

void declare_content_fields(OptionSet& options, ContentConfig& content) {
  add_tags(options, content, "; without --tags, --words, --ngrams and --vectors as train content");
  add_words(options, content);
  declare_content_vectors(options, content.vectors);
}

}  // namespace pushcart::app
