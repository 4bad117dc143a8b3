#include "pushcart/topn/pair_scores.hpp"

#include <algorithm>

#include "pushcart/base/indices_of.hpp"
#include "pushcart/models/item_history.hpp"
#include "pushcart/models/score.hpp"
#include "topn/item_block.hpp"
#include "topn/weight_rows.hpp"

namespace pushcart {

namespace {

double weight_sum(const detail::WeightRows& weights, std::span<const Count> history,
                  std::span<const float> strengths, Count item) {
  double sum = 0;
  for (std::size_t j = 0; j < history.size(); ++j) {
    sum += static_cast<double>(strengths[j]) * detail::value_at(weights.row(history[j]), item);
  }
  return sum;
}

/// What the item weights add to each pair.
std::vector<double> weight_sums(const Communicator& comm, const Model& model, const SparseRows& by_user,
                                const SparseRows& pairs) {
  static const SparseRows none;
  const SparseRows& weights = model.item_weights ? *model.item_weights : none;
  const auto history = [&](std::size_t row) {
    const auto local = static_cast<Count>(row);
    return pairs.row_length(local) > 0 ? by_user.row_columns(local) : std::span<const Count>();
  };
  const auto cuts =
      detail::weight_batches(comm, weights, static_cast<std::size_t>(by_user.num_rows()), history);
  std::vector<double> sums;
  sums.reserve(pairs.columns.size());
  for (std::size_t b = 0; b + 1 < cuts.size(); ++b) {
    std::vector<Count> touched;
    for (Count row = cuts[b]; row < cuts[b + 1]; ++row) {
      const auto items = history(static_cast<std::size_t>(row));
      touched.insert(touched.end(), items.begin(), items.end());
    }
    const detail::WeightRows rows(comm, model.items, weights, touched);
    for (Count row = cuts[b]; row < cuts[b + 1]; ++row) {
      for (Count item : pairs.row_columns(row)) {
        sums.push_back(weight_sum(rows, by_user.row_columns(row), by_user.row_values(row), item));
      }
    }
  }
  return sums;
}

}  // namespace

std::vector<float> pair_scores(const Communicator& comm, const Model& model, const Dataset& dataset,
                               const SparseRows& pairs) {
  PUSHCART_CHECK(pairs.rows == dataset.users.range(comm.rank()));
  std::vector<double> sums;
  if (comm.any(model.item_weights.has_value())) {
    const ItemHistory history(model, dataset, indices_of(pairs.rows));
    sums = weight_sums(comm, model, history.rows(), pairs);
  }
  std::vector<float> scores(pairs.columns.size());
  std::vector<Count> next(pairs.offsets.begin(), pairs.offsets.end() - 1);  // items come in ascending order
  detail::ItemTour tour(comm, {model.items, model.item_bias, model.item_factors, {}},
                        detail::TourOrder::by_index);
  while (const detail::ItemBlock* block = tour.next()) {
    const Count first = block->items().front();
    for (Count row = 0; row < pairs.num_rows(); ++row) {
      Count& entry = next[static_cast<std::size_t>(row)];
      const Count end = pairs.offsets[static_cast<std::size_t>(row) + 1];
      for (; entry < end && pairs.columns[static_cast<std::size_t>(entry)] <= block->items().back();
           ++entry) {
        const auto e = static_cast<std::size_t>(entry);
        const Count position = pairs.columns[e] - first;
        const float bias = block->bias()[static_cast<std::size_t>(position)];
        const auto factors =
            model.user_factors.empty() ? std::span<const float>() : model.user_factors.row(row);
        double score = static_cast<double>(bias) + factor_dot(factors, block->row(position));
        if (!sums.empty()) score += sums[e];
        if (model.user_items) {
          const detail::WeightRows::Row own{model.user_items->row_columns(row),
                                            model.user_items->row_values(row)};
          score += detail::value_at(own, pairs.columns[e]);
        }
        scores[e] = static_cast<float>(score);
      }
    }
  }
  return scores;
}

}  // namespace pushcart
