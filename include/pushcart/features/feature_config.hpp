#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pushcart/base/index.hpp"
#include "pushcart/models/text_vectors.hpp"

namespace pushcart {

/// All settings of features but those of reading the log. Plain; defaults are those of the program.
struct FeatureConfig {
  std::string view_type = "view", cart_type = "cart", purchase_type = "purchase";  ///< event types of the log
  std::vector<double> window_days{1, 7, 30};  ///< ascending: the last so many days before the cut-off
  double session_gap_minutes = 30;            ///< a longer pause begins another session
  double utc_offset_hours = 0;                ///< of the shop's clock, for days, hours and weekdays
  Count price_bands = 5;
  std::string category_attribute = "category";  ///< item attribute of the data set
  Count top_terms = 5;                          ///< query words kept of a user
  TextVectorsConfig text{.dimensions = 0};  ///< of the items' texts; 0 dimensions = none; without tags among
                                            ///< its fields the category is one; its budget is not used
  Count category_dimensions = 0;  ///< of vectors of categories; 0 = none; tag separator and settings of the
                                  ///< iteration are those of text
  std::optional<std::int64_t> cutoff;  ///< unix seconds, inclusive; none: that of the data set
  Count memory_per_rank = 0;           ///< bytes; 0 = no budget
};

/// Settings that make no sense are ConfigError naming the option. Local.
void check_config(const FeatureConfig& config);

}  // namespace pushcart
