#pragma once

#include <vector>

#include "models/linear/product_rows.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/matrix/factor_exchange.hpp"

namespace pushcart::linear {

/// What of a product's rows travels between ranks, and in which batches: for those who multiply and for who
/// plans a job from outside it.

inline constexpr Count fetched_entry_bytes = sizeof(std::int32_t) + sizeof(float);
inline constexpr Count asked_row_bytes = sizeof(Count), row_length_bytes = sizeof(Count);

/// Of the lengths of B's rows, by which batches are cut.
inline ExchangeSettings length_exchange() {
  return {.method = ExchangeMethod::stream};
}

/// Cuts the entries of a rank's rows of A into batches by what they bring in; a long row may be cut.
class BatchCuts {
 public:
  /// `limits` must outlive this.
  explicit BatchCuts(const ProductLimits& limits) : limits_(limits) {}

  /// A row that has entries, by its first; rows in order.
  void begin_row(Count first_entry) {
    if (rows_ == limits_.batch_rows) cut(first_entry);
    ++rows_;
  }
  /// An entry of it whose row of B, so long, is another rank's.
  void bring(Count entry, Count row_length) {
    if (entries_ > 0 && entries_ + row_length > limits_.batch_entries) {
      cut(entry);
      rows_ = 1;
    }
    entries_ += row_length;
  }
  /// From 0 to `end`.
  std::vector<Count> end_at(Count end) {
    cuts_.push_back(end);
    return std::move(cuts_);
  }

 private:
  void cut(Count entry) {
    cuts_.push_back(entry);
    rows_ = entries_ = 0;
  }

  const ProductLimits& limits_;
  std::vector<Count> cuts_{0};
  Count rows_ = 0, entries_ = 0;
};

/// Rows of B that the entries [begin, end) of A touch and `owned` does not hold, ascending, each once. Local.
std::vector<Count> rows_of_others(const SparseRows& left, Count begin, Count end, Range owned);

/// for_each_product_row() on one of the ranks of a job, from outside it.
struct ProductPlan {
  Count received_bytes = 0;  ///< exactly
  double multiply_adds = 0;
  std::vector<Count> cuts;  ///< of the rank's entries of A into batches
};

/// Of the rows by item times the rows by user, by rank. Local.
/// @param parts    the data set of each rank
/// @param by_user  as one rank holds it
std::vector<ProductPlan> plan_item_products(std::span<const Dataset> parts, const SparseRows& by_user,
                                            const ProductLimits& limits);

}  // namespace pushcart::linear
