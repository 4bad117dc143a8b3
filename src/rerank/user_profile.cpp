#include "rerank/user_profile.hpp"

#include <algorithm>
#include <cmath>

#include "pushcart/base/nearest_float.hpp"

namespace pushcart::detail {

namespace {

template <class T>
double length_of(std::span<const T> values) {
  double squares = 0;
  for (const T value : values) squares += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(squares);
}

double recency(const Dataset& dataset, std::size_t entry) {
  if (dataset.cutoff_time == 0) return 1;
  constexpr double day_seconds = 86400;
  const auto age = static_cast<double>(dataset.cutoff_time - dataset.last_time[entry]);
  return std::exp2(-age / (UserProfile::half_life_days * day_seconds));
}

}  // namespace

UserProfile::UserProfile(const Dataset& dataset, Count row, const FetchedRows& items, VectorPlace place)
    : place_(place), sum_(place.width, 0.0) {
  const auto first = static_cast<std::size_t>(dataset.by_user.offsets[static_cast<std::size_t>(row)]);
  const auto columns = dataset.by_user.row_columns(row);
  for (std::size_t e = 0; e < columns.size(); ++e) {
    const auto vector = place_.of(items.row(columns[e]));
    const double length = length_of(vector);
    if (!(length > 0)) continue;  // nor NaN
    const double weight = recency(dataset, first + e) / length;
    for (std::size_t c = 0; c < vector.size(); ++c) sum_[c] += weight * static_cast<double>(vector[c]);
  }
}

float UserProfile::similarity(std::span<const float> item_row) const {
  const auto vector = place_.of(item_row);
  const double lengths = length_of(std::span<const double>(sum_)) * length_of(vector);
  if (!(lengths > 0)) return NAN;
  double product = 0;
  for (std::size_t c = 0; c < vector.size(); ++c) product += sum_[c] * static_cast<double>(vector[c]);
  return nearest_float(std::clamp(product / lengths, -1.0, 1.0));
}

}  // namespace pushcart::detail
