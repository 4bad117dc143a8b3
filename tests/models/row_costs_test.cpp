#include "models/similarity/row_costs.hpp"

#include <gtest/gtest.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <fstream>

#include "pushcart/base/memory.hpp"
#include "support/world.hpp"

namespace pushcart::similarity::row_costs_test {
namespace {

using test::world;

/// A row a rank, of few of many columns.
SparseRows wide_rows(Count num_columns) {
  SparseRows rows;
  rows.rows = {world().rank(), world().rank() + 1};
  rows.num_columns = num_columns;
  rows.columns = {0, num_columns / 2, num_columns - 1};
  rows.values = {1, 1, 1};
  rows.offsets = {0, 3};
  return rows;
}

/// Begins the peak of this process anew, without the memory that earlier tests have given back, which would
/// serve again. @return whether the system can
bool forget_peak() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  std::ofstream peak("/proc/self/clear_refs");
  peak << "5" << std::flush;
  return peak.good();
}

TEST(RowCosts, TakeWhatIsPlanned) {
  constexpr Count num_columns = Count{1} << 21, column_bytes = num_columns * 8;
  for (const Count num_sides : {1, 2}) {
    Product product;
    product.left =
        plain_operand(std::make_shared<const SparseRows>(wide_rows(num_columns)), SimilarityValues::binary);
    product.right = num_sides == 1 ? product.left
                                   : plain_operand(std::make_shared<const SparseRows>(wide_rows(num_columns)),
                                                   SimilarityValues::binary);
    const Count planned = row_cost_bytes(product, 1);
    EXPECT_EQ(planned, num_sides * column_bytes + 8);
    const bool measures = forget_peak();
    const Count before = peak_memory_bytes();
    const std::vector<Count> costs = row_costs(world(), product, 5);
    ASSERT_EQ(costs.size(), 1U);
    EXPECT_GT(costs.front(), 0);
    if (!world().all(measures)) GTEST_SKIP() << "the system does not begin a peak anew";
    const Count taken = peak_memory_bytes() - before;
    EXPECT_LE(planned, taken + (Count{1} << 20));
    // A round of the sum that MPI keeps a copy of.
    EXPECT_GE(planned + column_bytes + (Count{4} << 20), taken);
  }
}

}  // namespace
}  // namespace pushcart::similarity::row_costs_test
