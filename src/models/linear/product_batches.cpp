#include "models/linear/product_batches.hpp"

#include <algorithm>

#include "pushcart/matrix/exchange_forecast.hpp"

namespace pushcart::linear {

std::vector<Count> rows_of_others(const SparseRows& left, Count begin, Count end, Range owned) {
  std::vector<Count> numbers;
  for (Count e = begin; e < end; ++e) {
    const Count inner = left.columns[static_cast<std::size_t>(e)];
    if (!owned.contains(inner)) numbers.push_back(inner);
  }
  std::ranges::sort(numbers);
  const auto repeated = std::ranges::unique(numbers);
  numbers.erase(repeated.begin(), repeated.end());
  return numbers;
}

namespace {

/// How much of each row lies before a column.
std::vector<Count> prefix_lengths(const SparseRows& rows, Count num_columns) {
  std::vector<Count> lengths;
  for (Count row = 0; row < rows.num_rows(); ++row) {
    const auto columns = rows.row_columns(row);
    lengths.push_back(std::ranges::lower_bound(columns, num_columns) - columns.begin());
  }
  return lengths;
}

/// Where a rank's batches begin and end. @param lengths  of the rows of B
std::vector<Count> batch_cuts(const SparseRows& left, Count num_rows, Range owned,
                              std::span<const Count> lengths, const ProductLimits& limits) {
  BatchCuts cuts(limits);
  for (Count row = 0; row < num_rows; ++row) {
    const Count first = left.offsets[static_cast<std::size_t>(row)];
    if (left.row_length(row) > 0) cuts.begin_row(first);
    for (Count e = first; e < first + left.row_length(row); ++e) {
      const Count number = left.columns[static_cast<std::size_t>(e)];
      if (!owned.contains(number)) cuts.bring(e, lengths[static_cast<std::size_t>(number)]);
    }
  }
  return cuts.end_at(left.offsets[static_cast<std::size_t>(num_rows)]);
}

}  // namespace

std::vector<ProductPlan> plan_item_products(std::span<const Dataset> parts, const SparseRows& by_user,
                                            const ProductLimits& limits) {
  std::vector<ProductPlan> plans(parts.size());
  const std::vector<Count> lengths = prefix_lengths(by_user, limits.num_columns);
  const ExchangeSettings of_lengths = length_exchange();
  for (std::size_t rank = 0; rank < parts.size(); ++rank) {
    const SparseRows& left = parts[rank].by_item;
    const Range owned = parts[rank].users.range(static_cast<int>(rank));
    const Count num_rows = std::clamp<Count>(limits.num_rows - left.rows.begin, 0, left.num_rows());
    const auto entries =
        std::span(left.columns)
            .first(static_cast<std::size_t>(left.offsets[static_cast<std::size_t>(num_rows)]));
    for (const Count user : entries) {
      plans[rank].multiply_adds += static_cast<double>(lengths[static_cast<std::size_t>(user)]);
    }
    plans[rank].received_bytes +=
        count_fetched_rows(WorkRows(left), owned, of_lengths).fetched * of_lengths.row_bytes;
    plans[rank].cuts = batch_cuts(left, num_rows, owned, lengths, limits);
    const auto& cuts = plans[rank].cuts;
    for (std::size_t b = 0; b + 1 < cuts.size(); ++b) {
      for (const Count user : rows_of_others(left, cuts[b], cuts[b + 1], owned)) {
        plans[rank].received_bytes +=
            row_length_bytes + lengths[static_cast<std::size_t>(user)] * fetched_entry_bytes;
        const auto owner = static_cast<std::size_t>(parts[rank].users.owner(user));
        plans[owner].received_bytes += asked_row_bytes;
      }
    }
  }
  return plans;
}

}  // namespace pushcart::linear
