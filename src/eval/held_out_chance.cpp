#include "eval/held_out_chance.hpp"

#include <algorithm>
#include <cmath>

#include "pushcart/comm/exact_sum.hpp"

namespace pushcart {

std::vector<double> held_out_chances(const Communicator& comm, const Dataset& dataset, double share,
                                     double power) {
  constexpr double highest = 0.9;
  std::vector<double> pairs_and_weighted, chances;
  for (Count item = 0; item < dataset.by_item.num_rows(); ++item) {
    const auto users = static_cast<double>(dataset.by_item.row_length(item));
    chances.push_back(users > 0 ? std::pow(users, power) : 0);
    pairs_and_weighted.insert(pairs_and_weighted.end(), {users, users * chances.back()});
  }
  const std::vector<double> sums = exact_sum(comm, pairs_and_weighted, 2);
  for (double& chance : chances) chance = std::min(highest, share * chance * sums[0] / sums[1]);
  return chances;
}

}  // namespace pushcart
