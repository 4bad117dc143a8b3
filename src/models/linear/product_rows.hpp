#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/ids/partition.hpp"
#include "pushcart/matrix/sparse_rows.hpp"

namespace pushcart::linear {

/// A and B over the ranks: A's columns are B's rows, spread by `inner`. Spans and rows must outlive the use.
struct Operands {
  const SparseRows& left;              ///< A, owned rows
  std::span<const float> left_values;  ///< in the order of `left`
  const SparseRows& right;             ///< B, owned rows
  std::span<const float> right_values;
  const Partition& inner;
};

/// One row of A B: the columns touched, in no order, and the sums by column.
struct ProductRow {
  std::span<const std::int32_t> columns;
  const double* sums = nullptr;
};

struct ProductLimits {
  Count num_rows = 0;                 ///< rows [0, num_rows) of A B, of all ranks: the popular head, or all
  Count num_columns = 0;              ///< columns [0, num_columns)
  Count batch_entries = 1 << 22;      ///< entries of other ranks' rows on a rank at once, about
  Count batch_rows = Count{1} << 40;  ///< rows finished between two calls of after_batch
};

/// Rows of A B, by Gustavson's algorithm: rows of B come from their owners in batches, sums are taken in
/// double in ascending order of A's columns, so that bits do not depend on ranks, threads or batches.
/// @param consume      called on any thread, once for each owned row below num_rows, by its local number
/// @param after_batch  called on all ranks after each batch; may communicate
/// @return bytes received: rows of other ranks, their lengths, and the numbers of own rows that were asked
/// for. Collective.
Count for_each_product_row(const Communicator& comm, const Operands& s, const ProductLimits& limits,
                           const std::function<void(Count local_row, const ProductRow&)>& consume,
                           const std::function<void()>& after_batch = {});

}  // namespace pushcart::linear
