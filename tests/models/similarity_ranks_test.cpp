// How the work of the similarity engine is spread over ranks: blocks that go round and shares of left rows.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "models/similarity/block_ring.hpp"
#include "models/similarity/left_shares.hpp"
#include "pushcart/base/random.hpp"
#include "support/world.hpp"

namespace pushcart::similarity::similarity_ranks_test {
namespace {

using test::world;

/// The pairs (row, u) of a random matrix that every rank can make whole.
std::vector<std::vector<Count>> random_matrix(RandomStream& random, Count num_rows, Count num_inner) {
  std::vector<std::vector<Count>> rows(static_cast<std::size_t>(num_rows));
  for (auto& row : rows) {
    const double density = random.next_uniform() * 0.6;
    for (Count u = 0; u < num_inner; ++u) {
      if (random.next_uniform() < density) row.push_back(u);
    }
  }
  return rows;
}

/// Uneven ranges of rows for the ranks, some of them empty.
Range random_range(RandomStream& random, Count num_rows) {
  std::vector<Count> cuts{0, num_rows};
  for (int rank = 1; rank < world().size(); ++rank) {
    cuts.push_back(static_cast<Count>(random.next_uniform() * static_cast<double>(num_rows + 1)));
  }
  std::sort(cuts.begin(), cuts.end());
  return {cuts[static_cast<std::size_t>(world().rank())], cuts[static_cast<std::size_t>(world().rank()) + 1]};
}

float value_of(Count row, Count u) {
  return static_cast<float>(row * 1000 + u);
}

Operand operand_of(const std::vector<std::vector<Count>>& matrix, Range rows, Count num_inner) {
  auto pattern = std::make_shared<SparseRows>();
  pattern->rows = rows;
  pattern->num_columns = num_inner;
  Operand operand;
  operand.has_values = operand.has_times = true;
  for (Count row = rows.begin; row < rows.end; ++row) {
    for (const Count u : matrix[static_cast<std::size_t>(row)]) {
      pattern->columns.push_back(u);
      operand.values.push_back(value_of(row, u));
      operand.times.push_back(static_cast<std::int32_t>(u - row));
    }
    pattern->offsets.push_back(pattern->num_entries());
    operand.size.push_back(static_cast<double>(row) + 0.25);
    operand.scale.push_back(static_cast<double>(row) + 0.5);
  }
  operand.pattern = std::move(pattern);
  return operand;
}

/// Checks that the block holds the transposed rows of its columns.
void expect_columns(const ColumnBlock& block, const std::vector<std::vector<Count>>& matrix) {
  const Range columns = block.shape().columns;
  std::vector<std::vector<Count>> found(static_cast<std::size_t>(columns.size()));
  for (Count u = 0; u < block.shape().num_inner; ++u) {
    for (std::uint32_t at = block.offsets()[u]; at < block.offsets()[u + 1]; ++at) {
      const Count column = columns.begin + block.columns()[at];
      ASSERT_LT(column, columns.end);
      found[static_cast<std::size_t>(column - columns.begin)].push_back(u);
      EXPECT_EQ(block.values()[at], value_of(column, u));
      EXPECT_EQ(block.times()[at], u - column);
      if (at > block.offsets()[u]) {
        EXPECT_LT(block.columns()[at - 1], block.columns()[at]);
      }
    }
  }
  for (Count column = columns.begin; column < columns.end; ++column) {
    EXPECT_EQ(found[static_cast<std::size_t>(column - columns.begin)],
              matrix[static_cast<std::size_t>(column)]);
    EXPECT_EQ(block.sizes()[column - columns.begin], static_cast<double>(column) + 0.25);
    EXPECT_EQ(block.scales()[column - columns.begin], static_cast<double>(column) + 0.5);
  }
}

TEST(BlockRing, BringsEveryColumnOnceInBlocksAsWideAsMayBe) {
  RandomStream random(5, 0);
  for (int run = 0; run < 40; ++run) {
    const auto num_rows = static_cast<Count>(random.next_uniform() * 60) + 1;
    const Count num_inner = 9;
    const auto block_columns = static_cast<Count>(random.next_uniform() * 70) + 1;
    const auto matrix = random_matrix(random, num_rows, num_inner);
    Product product;
    product.right = operand_of(matrix, random_range(random, num_rows), num_inner);
    SCOPED_TRACE(testing::Message() << num_rows << " rows, blocks of " << block_columns);
    const RingOrder order =
        ring_order(world(), product.right, cut_into_blocks(product, block_columns), block_columns);
    BlockRing ring(world(), product.right, order);
    std::vector<int> seen(static_cast<std::size_t>(num_rows), 0);
    Count num_blocks = 0;
    while (const ColumnBlock* block = ring.next()) {
      ++num_blocks;
      const Range columns = block->shape().columns;
      ASSERT_LE(columns.size(), block_columns);
      for (Count column = columns.begin; column < columns.end; ++column)
        ++seen[static_cast<std::size_t>(column)];
      if (columns.size() == 0) continue;
      expect_columns(*block, matrix);
      // Some ranks move messages on while they work, others do not.
      for (int n = 0; n < 3 * world().rank(); ++n) ring.advance();
    }
    EXPECT_EQ(seen, std::vector<int>(static_cast<std::size_t>(num_rows), 1));
    EXPECT_EQ(num_blocks, static_cast<Count>(order.blocks().size()));
    EXPECT_EQ(ring.received_bytes(), order.received_bytes());
    if (num_rows <= block_columns) {
      EXPECT_EQ(num_blocks, 1);
    }
  }
}

TEST(RingOrder, MergesNoMoreNarrowBlocksThanMemoryAllows) {
  // 200 ranks of a few items each, and as many users as need 400 MB of offsets in every block.
  const auto order_of = [](Count num_inner) {
    std::vector<std::vector<BlockShape>> by_rank;
    std::vector<Count> ends;
    for (Count rank = 0; rank < 200; ++rank) {
      by_rank.push_back({BlockShape{{10 * rank, 10 * rank + 10}, 5000, num_inner}});
      ends.push_back(10 * rank + 10);
    }
    return RingOrder(padded_shapes(by_rank, ends), 200, 77, 65536);
  };
  EXPECT_EQ(order_of(1000).blocks().size(), 1U);
  const RingOrder wide = order_of(100'000'000);
  EXPECT_LE(wide.buffer_bytes(), 5 * Count{400'000'000} + 1'000'000);
  Count num_columns = 0;
  for (const BlockShape& block : wide.blocks()) num_columns += block.columns.size();
  EXPECT_EQ(num_columns, 2000);
}

TEST(LeftShares, AreEvenAndBringWhatWasFoundToTheOwners) {
  RandomStream random(6, 0);
  for (int run = 0; run < 40; ++run) {
    const auto num_rows = static_cast<Count>(random.next_uniform() * 50);
    const Count num_inner = 7;
    const auto matrix = random_matrix(random, num_rows, num_inner);
    const Operand left = operand_of(matrix, random_range(random, num_rows), num_inner);
    std::vector<Count> costs;  // of all rows
    for (Count row = 0; row < num_rows; ++row)
      costs.push_back(1 + static_cast<Count>(random.next_uniform() * 99));
    const Range owned = left.pattern->rows;
    SCOPED_TRACE(testing::Message() << num_rows << " rows");
    LeftShares shares(world(), *left.pattern,
                      std::span(costs).subspan(static_cast<std::size_t>(owned.begin),
                                               static_cast<std::size_t>(owned.size())));

    const Range searched = shares.searched();
    const Count total = std::accumulate(costs.begin(), costs.end(), Count{0});
    const Count here =
        std::accumulate(costs.begin() + searched.begin, costs.begin() + searched.end, Count{0});
    EXPECT_LE(here, total / world().size() + 99 + world().size());

    const Operand taken = shares.take(left), expected = operand_of(matrix, searched, num_inner);
    EXPECT_EQ(taken.pattern->rows, searched);
    EXPECT_EQ(taken.pattern->offsets, expected.pattern->offsets);
    EXPECT_EQ(taken.pattern->columns, expected.pattern->columns);
    EXPECT_EQ(taken.values, expected.values);
    EXPECT_EQ(taken.times, expected.times);
    EXPECT_EQ(taken.size, expected.size);
    EXPECT_EQ(taken.scale, expected.scale);
    EXPECT_EQ(shares.num_taken(*left.pattern), taken.pattern->num_entries());

    const bool has_support = run % 2 == 0;
    BestOfRows best(searched.size(), 3, has_support);
    for (Count row = searched.begin; row < searched.end; ++row) {
      const auto local = static_cast<std::size_t>(row - searched.begin);
      best.sizes[local] = static_cast<std::int32_t>(row % 4);
      for (std::size_t n = 0; n < static_cast<std::size_t>(row % 4); ++n) {
        best.keys_of(row - searched.begin)[n] = static_cast<std::uint64_t>(row) * 10 + n;
        if (has_support)
          best.support_of(row - searched.begin)[n] =
              static_cast<std::uint32_t>(row) * 20 + static_cast<std::uint32_t>(n);
      }
    }
    const std::vector<BestOfRow> found = shares.bring_back(best);
    ASSERT_EQ(static_cast<Count>(found.size()), owned.size());
    for (Count row = owned.begin; row < owned.end; ++row) {
      const BestOfRow& of_row = found[static_cast<std::size_t>(row - owned.begin)];
      ASSERT_EQ(of_row.size, row % 4);
      for (std::int32_t n = 0; n < of_row.size; ++n) {
        EXPECT_EQ(of_row.keys[n], static_cast<std::uint64_t>(row * 10 + n));
        if (has_support) {
          EXPECT_EQ(of_row.support[n], static_cast<std::uint32_t>(row * 20 + n));
        }
      }
    }
  }
}

}  // namespace
}  // namespace pushcart::similarity::similarity_ranks_test
