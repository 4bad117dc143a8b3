#include "models/als/attribute_side.hpp"

#include <algorithm>
#include <array>

#include "models/als/granule_sums.hpp"
#include "pushcart/base/log.hpp"

namespace pushcart::als {

void check_attributes(const AttributeConfig& config) {
  const AttributeConfig usual;
  if (config.users.empty() && config.items.empty() &&
      (config.separator != usual.separator || config.ridge != usual.ridge)) {
    throw ConfigError("--tag-separator and --attribute-ridge are for --user-attributes or --item-attributes");
  }
}

AttributeSide::AttributeSide(const Communicator& comm, const std::vector<TextColumn>& attributes,
                             const std::vector<std::string>& columns, const AttributeConfig& config,
                             std::string_view option, const SparseRows& rows, Count num_rows)
    : comm_(comm),
      attributes_(attributes),
      columns_(columns),
      config_(config),
      option_(option),
      rows_(rows),
      num_rows_(num_rows),
      map_(map_without_factors(comm, attributes, columns, config, option, rows_with_entries())) {}

std::vector<char> AttributeSide::rows_with_entries() const {
  std::vector<char> result;
  for (Count row = 0; row < rows_.num_rows(); ++row) result.push_back(rows_.row_length(row) > 0 ? 1 : 0);
  return result;
}

Count AttributeSide::memory_bytes(Count num_values, Count rows, Count k, AttributeFit fit) {
  const Count weights = fit == AttributeFit::joint ? rows * Count{sizeof(double)} : 0;
  return attribute_map_bytes(num_values, rows, k) + weights;
}

std::vector<double> AttributeSide::relative_weights(const HalfSweep& sweep) {
  const auto sums = sum_over_rows<2>(comm_, rows_.rows, num_rows_, [&](Count row) {
    const Count length = rows_.row_length(row);
    return length > 0 ? std::array{sweep.regularization(length), 1.0} : std::array{0.0, 0.0};
  });
  mean_weight_ = sums[1] > 0 ? sums[0] / sums[1] : 0.0;
  std::vector<double> weights(static_cast<std::size_t>(rows_.num_rows()), 0.0);
  for (Count row = 0; row < rows_.num_rows(); ++row) {
    const Count length = rows_.row_length(row);
    if (length > 0) weights[static_cast<std::size_t>(row)] = sweep.regularization(length) / mean_weight_;
  }
  return weights;
}

FactorTable AttributeSide::means(const FactorTable& factors, const HalfSweep& sweep) {
  if (!joint_) {
    joint_ = std::make_unique<attributes::Regression>(comm_, map_, attributes_, relative_weights(sweep));
  }
  map_.factors = joint_->fit(factors);
  return mapped_factors(map_, attributes_, factors.rows);
}

double AttributeSide::penalty(const FactorTable& factors, const FactorTable& means,
                              const HalfSweep& sweep) const {
  double of_map = 0;
  for (Count value = 1; value <= map_.num_values(); ++value)
    of_map += sum_of_squares(map_.factors.row(value));
  const auto regularization = [&](Count row_length) { return sweep.regularization(row_length); };
  return weighted_distances(comm_, rows_, num_rows_, regularization, factors, means) +
         config_.ridge * mean_weight_ * of_map;
}

AttributeMap AttributeSide::finish(FactorTable& factors) {
  const std::vector<char> learned = rows_with_entries();
  if (joint_) {
    map_.factors = joint_->fit(factors);
  } else {
    map_ = fit_attribute_map(comm_, attributes_, columns_, config_, option_, factors, learned);
  }
  const FactorTable mapped = mapped_factors(map_, attributes_, factors.rows);
  Count num_mapped = 0;
  for (Count row = 0; row < factors.rows.size(); ++row) {
    if (learned[static_cast<std::size_t>(row)]) continue;
    std::ranges::copy(mapped.row(row), factors.row(row).begin());
    ++num_mapped;
  }
  log_info("{}: {} values mapped to factors; {} rows without interactions have theirs from it", option_,
           map_.num_values(), comm_.sum(num_mapped));
  return map_;
}

}  // namespace pushcart::als
