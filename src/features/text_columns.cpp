#include "features/text_columns.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "pushcart/base/nearest_float.hpp"
#include "pushcart/matrix/categories.hpp"
#include "pushcart/models/text_vectors.hpp"

namespace pushcart::detail {

namespace {

constexpr const char *vector_name = "text_vector", *share_name = "text_kept_share";
constexpr const char *no_terms = "item has no term in these texts that enough items have", *unit = "1";

/// With the items' categories beside their words, unless tags are named.
TermConfig with_categories(TermConfig terms, const Dataset& dataset, const std::string& category_attribute) {
  const bool names_tags = std::any_of(terms.fields.begin(), terms.fields.end(),
                                      [](const ContentField& field) { return field.kind == TextKind::tags; });
  if (!names_tags && has_item_attribute(dataset, category_attribute))
    terms.fields.push_back({TextKind::tags, category_attribute});
  return terms;
}

FeatureColumn vector_column(TextVectors& text) {
  FeatureColumn column{
      vector_name,
      unit,
      "the item's row of U S, of its TF-IDF vectors of words, n-grams and tags = U S V' cut to the "
      "largest singular values",
      no_terms,
      text.vectors.num_columns,
      std::move(text.vectors.values)};
  for (std::size_t item = 0; item < text.kept_share.size(); ++item) {
    if (!std::isnan(text.kept_share[item])) continue;
    const auto width = static_cast<std::size_t>(column.width);
    std::fill_n(column.values.begin() + static_cast<std::ptrdiff_t>(item * width), width, NAN);
  }
  return column;
}

FeatureColumn share_column(const TextVectors& text) {
  FeatureColumn column{
      share_name, unit, "share of the square of the item's TF-IDF vectors that text_vector keeps",
      no_terms,   1,    {}};
  for (const double share : text.kept_share) column.values.push_back(nearest_float(share));
  return column;
}

}  // namespace

std::optional<TextVectorsReport> add_text_vectors(const Communicator& comm, const Dataset& dataset,
                                                  const FeatureConfig& config, FeatureTable& of_items,
                                                  std::vector<AbsentFeature>& absent, PhaseLog& phases) {
  TextVectorsConfig settings = config.text;
  settings.svd.memory_budget_bytes = config.memory_per_rank;
  settings.terms = with_categories(settings.terms, dataset, config.category_attribute);
  TextVectors text = text_vectors(comm, dataset, settings, phases);
  if (text.num_terms == 0) {
    for (const char* name : {vector_name, share_name})
      absent.push_back({name, "no word, n-gram or tag is in the texts of at least --min-items items"});
    return std::nullopt;
  }
  FeatureColumn shares = share_column(text);
  of_items.columns.push_back(vector_column(text));
  of_items.columns.push_back(std::move(shares));
  return TextVectorsReport{text.num_terms,       text.num_entries,       text.num_items_without,
                           text.singular_values, text.kept_share_of_all, text.rounds};
}

}  // namespace pushcart::detail
