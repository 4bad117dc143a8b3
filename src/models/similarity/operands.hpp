#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/similarity.hpp"

namespace pushcart::similarity {

/// One side of the product: rows that this rank owns, of entries (u, value, time).
struct Operand {
  std::shared_ptr<const SparseRows> pattern;  ///< rows x u; its values are not those of the product
  bool has_values = false;                    ///< the same on all ranks; else all values are 1
  bool has_times = false;                     ///< the same on all ranks: there is a window
  std::vector<float> values;                  ///< per entry
  std::vector<std::int32_t> times;            ///< per entry, seconds before the cut-off
  std::vector<double> size, scale;            ///< per row, see Formula

  /// Of so many rows and entries of this kind.
  Count num_bytes(Count num_rows, Count num_entries) const {
    return num_entries * (12 + (has_values ? 4 : 0) + (has_times ? 4 : 0)) + num_rows * 24;
  }
};

/// Rows as they are, for a product that is a plain sum: sizes and scales are 1. Local.
Operand plain_operand(std::shared_ptr<const SparseRows> rows, SimilarityValues values);

/// How P and c become a score.
enum class Formula : int {
  product,  ///< P scale_j scale_i
  overlap,  ///< P / (size_j + size_i - P)
  llr       ///< of c, size_j = n_j, size_i = n_i and N
};

/// What a metric needs: left rows stay where they are, right rows become columns and travel.
struct Product {
  Operand left, right;
  Formula formula = Formula::product;
  bool rows_are_columns = true;  ///< left and right rows are the same things: none is its own neighbour
  double num_inner = 0;          ///< N
  bool counts_too = false;       ///< P is a sum of values, and c is needed beside it
  std::int64_t min_lag = 0, max_lag = 0;  ///< with times: seconds from the row's event to the column's

  bool is_count() const { return !left.has_values && !right.has_values; }  ///< P is c
  bool has_window() const { return left.has_times; }
};

/// What the rows are; those of queries have items as columns, the others themselves.
enum class Neighbourhood : int { of_items, of_users, of_queries };

/// Collective; on all ranks ConfigError for event types that the dataset does not have, for events that leave
/// nothing, for a window without times and for queries without searches.
Product make_product(const Communicator& comm, const Dataset& dataset, const SimilarityConfig& config,
                     Neighbourhood what);

}  // namespace pushcart::similarity
