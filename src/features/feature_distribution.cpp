#include "pushcart/features/feature_distribution.hpp"

#include <fmt/core.h>

#include <cmath>

#include "features/quantiles.hpp"

namespace pushcart {

namespace {

using Json = nlohmann::ordered_json;

std::vector<FeatureDistribution> distributions_of(const Communicator& comm, const FeatureTable& table,
                                                  Count num_rows) {
  std::vector<FeatureDistribution> result;
  std::vector<detail::SortedColumn> sorted;
  for (const FeatureColumn& column : table.columns) {
    for (Count part = 0; part < column.width; ++part) {
      result.push_back(
          {column.width == 1 ? column.name : fmt::format("{}[{}]", column.name, part), column.unit});
      auto& values = sorted.emplace_back();
      for (auto at = static_cast<std::size_t>(part); at < column.values.size();
           at += static_cast<std::size_t>(column.width)) {
        values.add(column.values[at]);
      }
      values.sort();
    }
  }
  const auto& probabilities = FeatureDistribution::probabilities;
  const auto found = detail::quantiles(comm, sorted, probabilities);
  std::vector<Count> present;
  for (const auto& column : sorted) present.push_back(column.size());
  comm.allreduce(std::span<Count>(present), Reduce::sum);
  for (std::size_t c = 0; c < result.size(); ++c) {
    std::copy_n(found.begin() + static_cast<std::ptrdiff_t>(c * probabilities.size()), probabilities.size(),
                result[c].quantiles.begin());
    result[c].missing_share =
        num_rows == 0 ? 0 : static_cast<double>(num_rows - present[c]) / static_cast<double>(num_rows);
  }
  return result;
}

Json to_json(const std::vector<FeatureDistribution>& distributions) {
  static constexpr std::array<const char*, FeatureDistribution::probabilities.size()> names{
      "min", "1%", "25%", "50%", "75%", "99%", "max"};
  Json list = Json::array();
  for (const auto& distribution : distributions) {
    Json row{
        {"feature", distribution.name}, {"unit", distribution.unit}, {"missing", distribution.missing_share}};
    for (std::size_t q = 0; q < names.size(); ++q) {
      const float value = distribution.quantiles[q];
      row[names[q]] = std::isnan(value) ? Json() : Json(static_cast<double>(value));
    }
    list.push_back(std::move(row));
  }
  return list;
}

}  // namespace

Json FeatureDistributions::to_json() const {
  return {{"users", pushcart::to_json(of_users)}, {"items", pushcart::to_json(of_items)}};
}

FeatureDistributions distributions_of(const Communicator& comm, const Features& features) {
  return {distributions_of(comm, features.of_users, features.users.num_rows()),
          distributions_of(comm, features.of_items, features.items.num_rows())};
}

}  // namespace pushcart
