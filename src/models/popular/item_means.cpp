#include "pushcart/models/item_means.hpp"

#include <numeric>

#include "pushcart/comm/exact_sum.hpp"

namespace pushcart {

Model train_item_means(const Communicator& comm, const Dataset& dataset) {
  constexpr double damping = 5;
  Model model;
  model.family = "item means";
  model.users = dataset.users;
  model.items = dataset.items;
  model.predicts_ratings = true;
  model.dataset_digest = dataset.digest;

  const SparseRows& by_item = dataset.by_item;
  std::vector<double> sums;
  for (Count item = 0; item < by_item.num_rows(); ++item) {
    const auto ratings = by_item.row_values(item);
    sums.push_back(std::accumulate(ratings.begin(), ratings.end(), 0.0));
  }
  const Count num_ratings = comm.sum(by_item.num_entries());
  model.mean = exact_sum(comm, sums, 1)[0] / static_cast<double>(std::max<Count>(1, num_ratings));
  for (Count item = 0; item < by_item.num_rows(); ++item) {
    const auto count = static_cast<double>(by_item.row_length(item));
    const double deviation = sums[static_cast<std::size_t>(item)] - count * model.mean;
    model.item_bias.push_back(static_cast<float>(deviation / (count + damping)));
  }
  return model;
}

}  // namespace pushcart
