#pragma once

#include <vector>

#include "pushcart/base/index.hpp"
#include "pushcart/ids/partition.hpp"
#include "pushcart/matrix/cut_dataset.hpp"
#include "pushcart/models/als_plan.hpp"

namespace pushcart {

/// A data set that is known by its counts only. Row r of a side, from the longest, is assumed to have a share
/// of the interactions that goes with (r + 5)^-exponent, and interactions of a user and an item to fall
/// together as these shares say.
struct AssumedData {
  Count users = 0, items = 0;
  Count pairs = 0;      ///< distinct user-item pairs
  Count log_lines = 0;  ///< that they came from
  double user_exponent = 0.6, item_exponent = 0.8;
  Count event_types = 1;
  Count id_bytes = 12;  ///< of an outside id
};

/// ConfigError, naming the option, for counts that no data set has. Local.
void check(const AssumedData& data);

/// One side's rows, by the assumption above. Positions may be fractions of rows.
class AssumedRows {
 public:
  AssumedRows(Count num_rows, Count num_entries, double exponent);

  Count num_rows() const { return num_rows_; }
  double length(Count row) const;
  /// Of all rows in [begin, end).
  double entries(Count begin, Count end) const;
  /// How many of the rows [begin, end) are met at least once by so many random interactions.
  double distinct(double num_interactions, Count begin, Count end) const;
  Partition partition(int num_ranks) const;

 private:
  /// Share of the interactions of rows [begin, end).
  double share(double begin, double end) const;

  Count num_rows_;
  double num_entries_, exponent_, total_;
};

/// What each rank of a job would hold. Local.
struct AssumedPart {
  ExpectedPart als;
  DatasetSizes sizes;
};
std::vector<AssumedPart> assume_parts(const AssumedData& data, const AlsConfig& config, int num_ranks);

}  // namespace pushcart
