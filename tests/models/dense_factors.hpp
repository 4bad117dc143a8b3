#pragma once

#include <Eigen/Dense>
#include <vector>

#include "pushcart/models/factor_table.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::test {

/// The rows of all ranks, in double. Collective.
inline Eigen::MatrixXd dense(const FactorTable& table) {
  const auto values = all_rows(world(), table.values);
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Count k = world().allreduce(table.num_columns, Reduce::max);
  return Eigen::Map<const RowMajor>(values.data(), static_cast<Eigen::Index>(values.size()) / k, k)
      .cast<double>();
}

}  // namespace pushcart::test
