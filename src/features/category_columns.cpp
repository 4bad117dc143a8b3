#include "features/category_columns.hpp"

#include <fmt/core.h>

#include <utility>

#include "pushcart/matrix/categories.hpp"

namespace pushcart::detail {

CategoryVectorsConfig category_vectors_config(const FeatureConfig& config) {
  CategoryVectorsConfig vectors{.attribute = config.category_attribute,
                                .separator = config.text.terms.tag_separator,
                                .dimensions = config.category_dimensions,
                                .svd = config.text.svd};
  vectors.svd.memory_budget_bytes = config.memory_per_rank;
  return vectors;
}

std::optional<CategoryVectorsReport> add_category_vectors(const Communicator& comm, const Dataset& dataset,
                                                          const FeatureConfig& config, Features& features,
                                                          std::vector<AbsentFeature>& absent,
                                                          PhaseLog& phases) {
  constexpr const char* name = "category_vector";
  if (!has_item_attribute(dataset, config.category_attribute)) {
    absent.push_back(
        {name, fmt::format("the items of the data set have no attribute '{}'", config.category_attribute)});
    return std::nullopt;
  }
  CategoryVectors made = category_vectors(
      comm, dataset, {features.category_events, features.categories, features.category_names},
      category_vectors_config(config), phases);
  if (made.num_entries == 0) {
    absent.push_back({name, "no user has an event on an item with a category"});
    return std::nullopt;
  }
  features.of_items.columns.push_back(
      {name, "1",
       "mean of its categories' rows of Y S^0.5, of length 1, of the TF-IDF "
       "weights of users' events by category "
       "= X S Y' cut to the largest singular values",
       "no user has an event on an item of its categories, or the vectors keep next to nothing of these",
       made.vectors.num_columns, std::move(made.vectors.values)});
  return CategoryVectorsReport{made.num_categories,  made.num_entries, made.num_items_without,
                               made.singular_values, made.kept_share,  made.rounds};
}

}  // namespace pushcart::detail
