#include "pushcart/store/drift.hpp"

#include <algorithm>
#include <cmath>

namespace pushcart {

namespace {

constexpr Count fewest_older_days = 3;

double median_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double usual_of(const DailyCounts& counts, Count first, Count last, std::size_t type) {
  std::vector<double> older;
  for (Count day = first; day < last; ++day) {
    older.push_back(static_cast<double>(counts.days[static_cast<std::size_t>(day)][type]));
  }
  return median_of(std::move(older));
}

}  // namespace

std::vector<TypeDrift> find_drift(const DailyCounts& counts, Count num_new_days, double least_usual) {
  const auto num_whole_days = static_cast<Count>(counts.days.size()) - 1;
  if (num_new_days < 1 || num_whole_days - num_new_days < fewest_older_days) return {};
  std::vector<TypeDrift> all;
  for (std::size_t type = 0; type < counts.types.size(); ++type) {
    TypeDrift worst{counts.types[type], usual_of(counts, num_new_days, num_whole_days, type), 0, 0, 1};
    double farthest = -1;
    for (Count day = 0; day < num_new_days; ++day) {
      const Count count = counts.days[static_cast<std::size_t>(day)][type];
      const double ratio =
          std::max(static_cast<double>(count), least_usual) / std::max(worst.usual, least_usual);
      if (day > 0 && ratio < 1) continue;
      if (std::abs(std::log(ratio)) <= farthest) continue;
      farthest = std::abs(std::log(ratio));
      worst.count = count;
      worst.days_ago = day;
      worst.ratio = ratio;
    }
    all.push_back(std::move(worst));
  }
  return all;
}

}  // namespace pushcart
