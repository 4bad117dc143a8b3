#pragma once

#include <span>
#include <string>
#include <vector>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// Events by type in periods of 24 hours back from the end of a log, the latest first.
struct DailyCounts {
  std::vector<std::string> types;
  std::vector<std::vector<Count>> days;  ///< by day, by type
};

/// A type's new day that is farthest from what is usual.
struct TypeDrift {
  std::string type;
  double usual = 0;  ///< median of the older days
  Count count = 0;   ///< of that new day
  Count days_ago = 0;
  /// count over usual, both at least `least_usual`: 1 = as always, 0.1 = a tenth, 10 = ten times. Types that
  /// are rarer than that do not drift by staying away.
  double ratio = 1;
};

/// Compares the `num_new_days` latest days with the older ones, type by type. Of these, too few events count
/// against the latest day only: what is missing earlier was told when it was the latest, and cannot be mended
/// by waiting. Too many count on any. The oldest day is left out: the log may begin in its middle. Empty if
/// fewer than three older days are left. Local.
std::vector<TypeDrift> find_drift(const DailyCounts& counts, Count num_new_days, double least_usual);

}  // namespace pushcart
