#include "pushcart/matrix/row_exchange.hpp"

#include <gtest/gtest.h>

#include <set>

#include "pushcart/base/random.hpp"
#include "support/world.hpp"

namespace pushcart {
namespace {

using test::world;

/// Value of column c of row `row` of the table that is fetched.
float table_value(Count row, Count column) {
  return static_cast<float>(row * 16 + column);
}

std::vector<float> owned_table(const Partition& partition, Count width) {
  std::vector<float> table;
  const Range rows = partition.range(world().rank());
  for (Count row = rows.begin; row < rows.end; ++row) {
    for (Count column = 0; column < width; ++column) table.push_back(table_value(row, column));
  }
  return table;
}

/// Row r touches column c with probability `density`; row 0 touches all. A function of the numbers alone.
SparseRows random_rows(const Partition& partition, Count num_columns, double density) {
  SparseRows rows;
  rows.rows = partition.range(world().rank());
  rows.num_columns = num_columns;
  for (Count row = rows.rows.begin; row < rows.rows.end; ++row) {
    const RandomStream random(5, static_cast<std::uint64_t>(row));
    for (Count column = 0; column < num_columns; ++column) {
      if (row != 0 && random.uniform(static_cast<std::uint64_t>(column)) >= density) continue;
      rows.columns.push_back(column);
      rows.values.push_back(1);
    }
    rows.offsets.push_back(static_cast<Count>(rows.columns.size()));
  }
  return rows;
}

/// Runs all batches, checks each entry's row, and that the entries of each row come once and in order.
void expect_right_rows(const RowExchange& exchange, const SparseRows& rows, const Partition& columns,
                       Count width) {
  const std::vector<float> table = owned_table(columns, width);
  std::vector<float> buffer;
  std::vector<Count> done(static_cast<std::size_t>(rows.num_rows()), 0);
  Count wrong = 0;
  for (Count batch = 0; batch < exchange.num_batches(); ++batch) {
    const GatheredRows gathered = exchange.fetch(batch, table, width, buffer);
    for (const RowPiece& piece : exchange.pieces(batch)) {
      const auto row = static_cast<std::size_t>(piece.row);
      EXPECT_EQ(piece.begin, rows.offsets[row] + done[row]);
      done[row] += piece.end - piece.begin;
      for (Count entry = piece.begin; entry < piece.end; ++entry) {
        const auto at = static_cast<std::size_t>(entry);
        const float* const values = gathered[exchange.positions()[at]];
        for (Count c = 0; c < width; ++c) wrong += values[c] != table_value(rows.columns[at], c);
      }
    }
  }
  EXPECT_EQ(wrong, 0);
  for (Count row = 0; row < rows.num_rows(); ++row) {
    EXPECT_EQ(done[static_cast<std::size_t>(row)], rows.row_length(row));
  }
}

TEST(RowExchange, GivesEachEntryItsRowWhateverTheBatch) {
  const Partition users = Partition::even(37, world().size()), items = Partition::even(53, world().size());
  const SparseRows rows = random_rows(users, 53, 0.2);
  for (const Count batch_rows : {1, 7, 20, 1000}) {
    for (const Count width : {1, 3}) {
      const ExchangeLimits limits{batch_rows * 12, 12, 8, 4};
      const RowExchange exchange(world(), rows, items, limits);
      expect_right_rows(exchange, rows, items, width);
    }
  }
}

TEST(RowExchange, KeepsBatchesWithinTheirMemory) {
  const Partition users = Partition::even(60, world().size()), items = Partition::even(200, world().size());
  const SparseRows rows = random_rows(users, 200, 0.3);
  const ExchangeLimits limits{25 * 8, 8, 16, 5};
  const RowExchange exchange(world(), rows, items, limits);
  EXPECT_LE(exchange.max_batch_rows(), 25);
  // Every rank goes through the same number of batches, or the job would hang.
  EXPECT_EQ(world().allreduce(exchange.num_batches(), Reduce::max), exchange.num_batches());
  if (world().size() > 1) {
    EXPECT_GT(exchange.num_batches(), 1);
  }
}

TEST(RowExchange, FetchesEachNeededRowOnceWhenOneBatchHoldsAll) {
  const Partition users = Partition::even(30, world().size()), items = Partition::even(40, world().size());
  const SparseRows rows = random_rows(users, 40, 0.15);
  std::set<Count> remote;
  for (Count column : rows.columns) {
    if (!items.range(world().rank()).contains(column)) remote.insert(column);
  }
  const RowExchange exchange(world(), rows, items, ExchangeLimits{});
  EXPECT_EQ(exchange.num_batches(), 1);
  EXPECT_EQ(exchange.num_fetched_rows(), static_cast<Count>(remote.size()));
}

TEST(RowExchange, LongRowsAreCutAtBlocksShortOnesNever) {
  const Partition users = Partition::even(20, world().size()), items = Partition::even(64, world().size());
  const SparseRows rows = random_rows(users, 64, 0.3);
  const ExchangeLimits limits{20 * 4, 4, 20, 6};
  const RowExchange exchange(world(), rows, items, limits);
  for (Count batch = 0; batch < exchange.num_batches(); ++batch) {
    for (const RowPiece& piece : exchange.pieces(batch)) {
      const auto row = static_cast<std::size_t>(piece.row);
      const bool ends = piece.end == rows.offsets[row + 1];
      if (rows.row_length(piece.row) < 20) {
        EXPECT_EQ(piece.end - piece.begin, rows.row_length(piece.row));
      } else {
        EXPECT_EQ((piece.begin - rows.offsets[row]) % 6, 0);
        EXPECT_TRUE(ends || (piece.end - rows.offsets[row]) % 6 == 0);
      }
    }
  }
  expect_right_rows(exchange, rows, items, 2);
}

TEST(RowExchange, OneOwnerOfEverythingSendsInSeveralRounds) {
  // All items on the last rank, and all ranks want them all: what goes out is bounded by rounds.
  const Partition users = Partition::even(world().size(), world().size());
  std::vector<Count> cuts(static_cast<std::size_t>(world().size()), 0);
  cuts.push_back(50);
  const Partition items(cuts);
  const SparseRows rows = random_rows(users, 50, 1.0);
  const ExchangeLimits limits{50 * 4, 4, 50, 50};
  expect_right_rows(RowExchange(world(), rows, items, limits), rows, items, 1);
}

TEST(RowExchange, NoRowsAndNoEntriesAreFine) {
  const Partition users = Partition::even(1, world().size()), items = Partition::even(2, world().size());
  SparseRows rows;
  rows.rows = users.range(world().rank());
  rows.num_columns = 2;
  rows.offsets.assign(static_cast<std::size_t>(rows.rows.size()) + 1, 0);
  const RowExchange exchange(world(), rows, items, ExchangeLimits{});
  EXPECT_EQ(exchange.num_fetched_rows(), 0);
  expect_right_rows(exchange, rows, items, 4);
}

TEST(RowExchange, WorksWithTinyMessages) {
  Communicator comm = world().duplicate();
  comm.set_round_bytes(7);
  const Partition users = Partition::even(19, comm.size()), items = Partition::even(23, comm.size());
  const SparseRows rows = random_rows(users, 23, 0.5);
  expect_right_rows(RowExchange(comm, rows, items, ExchangeLimits{}), rows, items, 3);
}

}  // namespace
}  // namespace pushcart
