#pragma once

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/features/feature_table.hpp"

namespace pushcart {

/// How a feature is spread over all users or items. Of a profile each column has its own.
struct FeatureDistribution {
  static constexpr std::array<double, 7> probabilities{0, 0.01, 0.25, 0.5, 0.75, 0.99, 1};
  std::string name;  ///< of a profile: "hour_share[13]", counted from 0
  std::string unit;
  double missing_share = 0;  ///< of all rows
  std::array<float, probabilities.size()>
      quantiles{};  ///< the least value that a share p of the values does not exceed; NaN if all are missing
};

struct FeatureDistributions {
  std::vector<FeatureDistribution> of_users, of_items;

  /// {"users": [{"feature", "unit", "missing", "min", "1%", ..., "max"}], "items": [...]}; null for NaN.
  nlohmann::ordered_json to_json() const;
};

/// Collective; the same on all ranks, for any number of them.
FeatureDistributions distributions_of(const Communicator& comm, const Features& features);

}  // namespace pushcart
