#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/matrix/dataset.hpp"

namespace pushcart::similarity {

/// Which pairs make a side of the product, and what of them.
struct SideChoice {
  std::string_view option;         ///< that names the types, for errors
  std::vector<std::string> types;  ///< empty = all pairs
  std::map<std::string, double> weights;
  bool with_times = false;
};

/// What one number of each inner row (a user, where items are compared) is.
enum class InnerStatistic : int { none, length, sum, mean };

/// Which side of the pairs is compared.
enum class Outer : int { items, users };

/// Pairs with their outer rows (items, where items are compared) together.
struct SideRows {
  std::shared_ptr<const SparseRows> rows;  ///< outer x inner; may be the dataset's own
  std::vector<float> inner;                ///< per entry: the statistic of its inner row; empty if none
  std::vector<std::int32_t> times;         ///< per entry: seconds before the cut-off; empty unless asked for
};

/// Pairs by user, and for each the seconds from its latest event to the cut-off.
struct UserRows {
  std::shared_ptr<const SparseRows> rows;
  std::vector<std::int32_t> times;
};

/// ConfigError if times are asked for and the dataset has none. Local.
void check_window(const Dataset& dataset, bool with_times);

/// InputError if they are out of range. Local.
std::int32_t seconds_before(std::int64_t cutoff, std::int64_t time);

/// A time an entry of `pattern`, brought to the transposed table in its order. Collective.
std::vector<std::int32_t> transpose_times(const Communicator& comm, const SparseRows& pattern,
                                          const std::vector<std::int32_t>& times, const Partition& columns,
                                          Count num_rows);

/// Collective; ConfigError on all ranks.
SideRows side_rows(const Communicator& comm, const Dataset& dataset, const SideChoice& choice, Outer outer,
                   InnerStatistic statistic);

}  // namespace pushcart::similarity
