#include "models/linear/ease_tail.hpp"

#include <fmt/core.h>

#include "pushcart/base/log.hpp"
#include "pushcart/comm/exact_sum.hpp"
#include "pushcart/models/item_knn.hpp"

namespace pushcart {
namespace linear {

EaseTailWeights::EaseTailWeights(const Communicator& comm, const Dataset& dataset, const EaseConfig& config,
                                 Count size, PhaseLog& phases)
    : comm_(comm), size_(size) {
  ItemKnnConfig knn{.similarity = config.similarity};
  knn.similarity.k = config.neighbours;
  knn.similarity.event_weights = config.event_weights;
  knn.similarity.memory_budget_bytes = config.memory_budget_bytes;
  similar_ = std::move(*train_item_knn(comm, dataset, knn, "ease", phases).item_weights);
  products_.assign(static_cast<std::size_t>(similar_.num_rows()) * 2, 0.0);
}

void EaseTailWeights::compare(Count local_row, std::span<const float> negated,
                              std::span<const float> diagonal) {
  const auto columns = similar_.row_columns(local_row);
  const auto values = similar_.row_values(local_row);
  double* const sums = products_.data() + 2 * local_row;
  for (std::size_t n = 0; n < columns.size() && columns[n] < size_; ++n) {
    const auto at = static_cast<std::size_t>(columns[n]);
    const auto similarity = static_cast<double>(values[n]);
    sums[0] -= similarity * static_cast<double>(negated[at]) / static_cast<double>(diagonal[at]);
    sums[1] += similarity * similarity;
  }
}

SparseRows EaseTailWeights::join(const SparseRows& head, Count num_owned_head) {
  const auto sums = exact_sum(comm_, products_, 2);
  if (sums[0] > 0) scale_ = sums[0] / sums[1];
  SparseRows all{head.rows, head.num_columns, {0}, {}, {}};
  for (Count local = 0; local < head.num_rows(); ++local) {
    const auto head_columns = head.row_columns(local);
    const auto head_values = head.row_values(local);
    all.columns.insert(all.columns.end(), head_columns.begin(), head_columns.end());
    all.values.insert(all.values.end(), head_values.begin(), head_values.end());
    const auto columns = similar_.row_columns(local);
    for (std::size_t n = 0; n < columns.size(); ++n) {
      if (local < num_owned_head && columns[n] < size_)
        continue;  // columns of the head come before all others
      all.columns.push_back(columns[n]);
      all.values.push_back(static_cast<float>(scale_ * static_cast<double>(similar_.row_values(local)[n])));
    }
    all.offsets.push_back(all.num_entries());
  }
  log_info("tail: {} items beyond the head of {} have weights by similarity, times {:.4g}",
           head.num_columns - size_, size_, scale_);
  return all;
}

}  // namespace linear

EaseTail ease_tail_of(std::string_view name) {
  if (name == "none") return EaseTail::none;
  if (name == "knn") return EaseTail::knn;
  throw ConfigError(fmt::format("'{}' is neither none nor knn", name));
}
std::string_view ease_tail_name(EaseTail tail) {
  return tail == EaseTail::none ? "none" : "knn";
}

}  // namespace pushcart
