#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "pushcart/base/log.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/attribute_map.hpp"

namespace pushcart::detail {

/// ConfigError if it is out of range. Local.
inline void check_pair_weight(double pair_weight) {
  if (!(pair_weight > 0 && pair_weight < 1e6)) {
    throw ConfigError(fmt::format("--pair-weight {}: must be above 0 and below 1e6", pair_weight));
  }
}

/// Logs the columns of the map that are not among `given`. @param side  "user" or "item"
inline void tell_missing(const AttributeMap& map, const std::vector<TextColumn>& given,
                         std::string_view side) {
  for (const AttributeMap::Column& column : map.columns) {
    const bool is_there = std::any_of(given.begin(), given.end(),
                                      [&](const TextColumn& one) { return one.name == column.name; });
    if (is_there) continue;
    log_info("the model maps the {} attribute '{}' to factors, and the newcomers have none of that name",
             side, column.name);
  }
}

}  // namespace pushcart::detail
