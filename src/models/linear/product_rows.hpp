#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/ids/partition.hpp"
#include "pushcart/matrix/sparse_rows.hpp"

namespace pushcart::linear {

/// S by item and by user over the ranks: the same entries twice. Spans and rows must outlive the use.
struct TwoSided {
  const SparseRows& by_item;
  std::span<const float> item_values;  ///< in the order of by_item
  const SparseRows& by_user;
  std::span<const float> user_values;
  const Partition& users;
};

/// One row of S'S: the columns touched, in no order, and the sums by column.
struct ProductRow {
  std::span<const std::int32_t> columns;
  const double* sums = nullptr;
};

struct ProductLimits {
  Count num_items = 0;                ///< rows and columns [0, num_items) of S'S: the popular head, or all
  Count batch_entries = 1 << 22;      ///< entries of other ranks' rows on a rank at once, about
  Count batch_rows = Count{1} << 40;  ///< rows finished between two calls of after_batch
};

/// Rows of S'S of the owned items, by Gustavson's algorithm: user rows come from their owners in batches,
/// sums are taken in double in ascending order of users, so that bits do not depend on ranks, threads or
/// batches.
/// @param consume      called on any thread, once for each owned row below num_items, by its local number
/// @param after_batch  called on all ranks after each batch; may communicate
/// Collective.
void for_each_product_row(const Communicator& comm, const TwoSided& s, const ProductLimits& limits,
                          const std::function<void(Count local_row, const ProductRow&)>& consume,
                          const std::function<void()>& after_batch = {});

}  // namespace pushcart::linear
