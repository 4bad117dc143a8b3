#include "features/text_columns.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "pushcart/base/nearest_float.hpp"
#include "pushcart/models/text_vectors.hpp"

namespace pushcart::detail {

namespace {

constexpr const char *no_terms = "item has no term in these texts that enough items have", *unit = "1";

FeatureColumn vector_column(TextVectors& text) {
  FeatureColumn column{
      "text_vector",
      unit,
      "the item's row of U S, of its TF-IDF vectors of words and n-grams = U S V' cut to the "
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
      "text_kept_share", unit, "share of the square of the item's TF-IDF vectors that text_vector keeps",
      no_terms,          1,    {}};
  for (const double share : text.kept_share) column.values.push_back(nearest_float(share));
  return column;
}

}  // namespace

std::optional<TextVectorsReport> add_text_vectors(const Communicator& comm, const Dataset& dataset,
                                                  const FeatureConfig& config, FeatureTable& of_items,
                                                  std::vector<AbsentFeature>& absent, PhaseLog& phases) {
  TextVectorsConfig settings = config.text;
  settings.memory_budget_bytes = config.memory_per_rank;
  TextVectors text = text_vectors(comm, dataset, settings, phases);
  if (text.num_terms == 0) {
    absent.push_back({"text_vector", "no word or n-gram is in the texts of at least --min-items items"});
    return std::nullopt;
  }
  FeatureColumn shares = share_column(text);
  of_items.columns.push_back(vector_column(text));
  of_items.columns.push_back(std::move(shares));
  return TextVectorsReport{text.num_terms,       text.num_entries,       text.num_items_without,
                           text.singular_values, text.kept_share_of_all, text.rounds};
}

}  // namespace pushcart::detail
