#include "pushcart/matrix/categories.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <string_view>
#include <unordered_map>

#include "pushcart/base/error.hpp"
#include "pushcart/base/suggest.hpp"
#include "pushcart/ids/number_texts.hpp"
#include "pushcart/matrix/numbered_texts.hpp"

namespace pushcart {

bool has_item_attribute(const Dataset& dataset, const std::string& attribute) {
  return std::any_of(dataset.item_attributes.begin(), dataset.item_attributes.end(),
                     [&](const TextColumn& column) { return column.name == attribute; });
}

void check_item_attribute(const Dataset& dataset, const std::string& attribute, std::string_view option) {
  if (has_item_attribute(dataset, attribute)) return;
  std::vector<std::string> names;
  for (const TextColumn& column : dataset.item_attributes) names.push_back(column.name);
  throw ConfigError(
      fmt::format("{} {}: the items of the data set have no such attribute{}", option, attribute,
                  names.empty() ? "; give ingest the catalogue (--items)"
                                : fmt::format("; did you mean '{}'?", nearest_word(attribute, names))));
}

Categories categories_of(const Communicator& comm, const Dataset& dataset, const std::string& attribute) {
  Categories result;
  result.partition = Partition::even(0, comm.size());
  result.of_item.assign(static_cast<std::size_t>(dataset.item_ids.size()), -1);
  const TextColumn* column = nullptr;
  for (const auto& candidate : dataset.item_attributes) {
    if (candidate.name == attribute) column = &candidate;
  }
  if (!column) return result;
  StringTable texts;
  std::vector<Count> counts;
  std::unordered_map<std::string_view, Count> positions;
  for (std::size_t item = 0; item < result.of_item.size(); ++item) {
    const auto text = column->values[static_cast<Count>(item)];
    if (text.empty()) continue;
    const auto [found, is_new] = positions.try_emplace(text, texts.size());
    if (is_new) {
      texts.push_back(text);
      counts.push_back(0);
    }
    ++counts[static_cast<std::size_t>(found->second)];
    result.of_item[item] = found->second;
  }
  const auto numbers =
      number_texts(comm, texts, counts, {.least = 1, .most = std::numeric_limits<Count>::max()});
  for (Count& category : result.of_item) {
    if (category >= 0) category = numbers.index[static_cast<std::size_t>(category)];
  }
  result.partition = Partition::even(numbers.total, comm.size());
  result.names = numbered_texts(comm, result.partition, texts, numbers.index);
  return result;
}

}  // namespace pushcart
