#include "pushcart/matrix/factor_exchange.hpp"

#include <gtest/gtest.h>

#include <set>

#include "pushcart/base/random.hpp"
#include "support/world.hpp"

namespace pushcart {
namespace {

using test::world;

constexpr ExchangeMethod methods[] = {ExchangeMethod::replicate, ExchangeMethod::sparse,
                                      ExchangeMethod::stream};
constexpr Count float_bytes = sizeof(float);

/// Value of column c of row `row` of the table that is fetched.
float table_value(Count row, Count column, int pass) {
  return static_cast<float>(pass * 100000 + row * 16 + column);
}

std::vector<float> owned_table(const Partition& partition, Count width, int pass) {
  std::vector<float> table;
  const Range rows = partition.range(world().rank());
  for (Count row = rows.begin; row < rows.end; ++row) {
    for (Count column = 0; column < width; ++column) table.push_back(table_value(row, column, pass));
  }
  return table;
}

/// Row r touches column c with probability `density`; row 0 touches all. A function of the numbers alone.
SparseRows random_rows(Range range, Count num_columns, double density, std::uint64_t seed = 5) {
  SparseRows rows;
  rows.rows = range;
  rows.num_columns = num_columns;
  for (Count row = range.begin; row < range.end; ++row) {
    const RandomStream random(seed, static_cast<std::uint64_t>(row));
    for (Count column = 0; column < num_columns; ++column) {
      if (row != 0 && random.uniform(static_cast<std::uint64_t>(column)) >= density) continue;
      rows.columns.push_back(column);
      rows.values.push_back(1);
    }
    rows.offsets.push_back(static_cast<Count>(rows.columns.size()));
  }
  return rows;
}

/// A pass: every row that is here comes once, in order, and each of its entries has its row of the table.
void expect_right_rows(FactorExchange& exchange, const WorkRows& rows, const Partition& columns, Count width,
                       int pass) {
  const std::vector<float> table = owned_table(columns, width, pass);
  Count next = 0, wrong = 0;
  exchange.start(table, width);
  for (Count batch = 0; batch < exchange.num_batches(); ++batch) {
    const GatheredRows gathered = exchange.await(batch);
    for (const RowPiece& piece : exchange.pieces(batch)) {
      while (next < rows.num_rows() && (!rows.is_here(next) || rows.row_length(next) == 0)) ++next;
      ASSERT_EQ(piece.row, next++);
      ASSERT_EQ(piece.begin, rows.begin(piece.row));
      ASSERT_EQ(piece.end - piece.begin, rows.row_length(piece.row));
      for (Count n = 0; n < rows.row_length(piece.row); ++n) {
        const float* const values = gathered[exchange.positions()[static_cast<std::size_t>(piece.begin + n)]];
        const Count column = rows.columns(piece.row)[static_cast<std::size_t>(n)];
        for (Count c = 0; c < width; ++c) wrong += values[c] != table_value(column, c, pass);
      }
      exchange.progress();
    }
  }
  exchange.finish();
  while (next < rows.num_rows() && (!rows.is_here(next) || rows.row_length(next) == 0)) ++next;
  EXPECT_EQ(next, rows.num_rows());
  EXPECT_EQ(wrong, 0);
}

/// All methods, wide and narrow rooms, with and without overlap; twice each, and bytes as planned and
/// forecast.
void expect_all_methods_right(const WorkRows& rows, const Partition& columns, Count width) {
  const auto room = make_exchange_room();
  for (const ExchangeMethod method : methods) {
    for (const Overlap overlap : {Overlap::on, Overlap::off}) {
      for (const Count batch_rows : {1, 14, 1000}) {
        const ExchangeSettings settings{method, overlap, width * float_bytes,
                                        batch_rows * width * float_bytes, room};
        const ExchangeForecast forecast = FactorExchange::forecast(world(), rows, columns, settings);
        FactorExchange exchange(world(), rows, columns, settings);
        expect_right_rows(exchange, rows, columns, width, 1);
        EXPECT_EQ(exchange.counted(), exchange.planned(width));
        EXPECT_EQ(exchange.counted().received_bytes, forecast.received_bytes);
        expect_right_rows(exchange, rows, columns, width, 2);
        EXPECT_EQ(exchange.counted().sent_bytes, 2 * exchange.planned(width).sent_bytes);
        EXPECT_EQ(world().sum(exchange.counted().sent_bytes), world().sum(exchange.counted().received_bytes));
      }
    }
  }
}

TEST(FactorExchange, GivesEachEntryItsRowByEveryMethod) {
  const Partition users = Partition::even(37, world().size()), items = Partition::even(53, world().size());
  const SparseRows rows = random_rows(users.range(world().rank()), 53, 0.2);
  for (const Count width : {1, 3}) expect_all_methods_right(WorkRows(rows), items, width);
}

TEST(FactorExchange, LeavesOutRowsWorkedOnElsewhereAndAddsBorrowedOnes) {
  const Partition users = Partition::even(40, world().size()), items = Partition::even(30, world().size());
  const SparseRows own = random_rows(users.range(world().rank()), 30, 0.3);
  std::vector<char> elsewhere(static_cast<std::size_t>(own.num_rows()), 0);
  for (std::size_t row = 0; row < elsewhere.size(); row += 3) elsewhere[row] = 1;
  const WorkRows rows(own, elsewhere, random_rows({0, 3 + world().rank()}, 30, 0.5, 77));
  expect_all_methods_right(rows, items, 2);
}

TEST(FactorExchange, OneOwnerOfEverythingAndRanksThatOwnNothing) {
  std::vector<Count> cuts(static_cast<std::size_t>(world().size()), 0);
  cuts.push_back(50);
  const Partition users = Partition::even(world().size(), world().size()), items(cuts);
  const SparseRows rows = random_rows(users.range(world().rank()), 50, 1.0);
  expect_all_methods_right(WorkRows(rows), items, 1);
}

TEST(FactorExchange, NoEntriesAndFewerRowsThanRanks) {
  const Partition users = Partition::even(1, world().size()), items = Partition::even(2, world().size());
  SparseRows rows;
  rows.rows = users.range(world().rank());
  rows.num_columns = 2;
  rows.offsets.assign(static_cast<std::size_t>(rows.rows.size()) + 1, 0);
  expect_all_methods_right(WorkRows(rows), items, 4);
}

TEST(FactorExchange, SparseFetchesEachNeededRowOnce) {
  const Partition users = Partition::even(300, world().size()), items = Partition::even(400, world().size());
  const SparseRows rows = random_rows(users.range(world().rank()), 400, 0.02);
  std::set<Count> remote;
  for (const Count column : rows.columns) {
    if (!items.range(world().rank()).contains(column)) remote.insert(column);
  }
  const WorkRows work(rows);
  FactorExchange exchange(world(), work, items, {ExchangeMethod::sparse, Overlap::on, 8});
  EXPECT_EQ(exchange.planned(2).received_bytes, static_cast<Count>(remote.size()) * 8);
  if (remote.size() > 200) {
    EXPECT_GE(exchange.num_batches(), 2);
  }
}

TEST(FactorExchange, StreamKeepsItsRoomHoweverLargeTheTable) {
  const Partition users = Partition::even(60, world().size()), items = Partition::even(200, world().size());
  const SparseRows rows = random_rows(users.range(world().rank()), 200, 0.1);
  Count longest = 0;
  for (Count row = 0; row < rows.num_rows(); ++row) longest = std::max(longest, rows.row_length(row));
  const ExchangeSettings settings{ExchangeMethod::stream, Overlap::on, 8, 2 * 60 * 8};
  const WorkRows work(rows);
  const FactorExchange exchange(world(), work, items, settings);
  for (Count batch = 0; batch < exchange.num_batches(); ++batch) {
    std::set<Count> remote;
    for (const RowPiece& piece : exchange.pieces(batch)) {
      for (const Count column : work.columns(piece.row)) {
        if (!items.range(world().rank()).contains(column)) remote.insert(column);
      }
    }
    EXPECT_LE(static_cast<Count>(remote.size()), std::max<Count>(60, longest));
  }
}

TEST(FactorExchange, ReplicateMovesNothingWithinANode) {
  const Partition users = Partition::even(9, world().size()), items = Partition::even(20, world().size());
  const SparseRows rows = random_rows(users.range(world().rank()), 20, 0.5);
  const WorkRows work(rows);
  ASSERT_TRUE(FactorExchange::can_replicate(world(), items, 16));
  const FactorExchange exchange(world(), work, items, {ExchangeMethod::replicate, Overlap::on, 16});
  if (world().ranks_on_node() == world().size()) {
    EXPECT_EQ(exchange.planned(4), Traffic{});
  }
}

TEST(FactorExchange, NamesItsMethods) {
  for (const char* name : {"auto", "replicate", "sparse", "stream"}) {
    EXPECT_EQ(exchange_method_name(exchange_method_of(name)), name);
  }
  EXPECT_THROW(exchange_method_of("sparce"), ConfigError);
  EXPECT_EQ(overlap_of("off"), Overlap::off);
  EXPECT_THROW(overlap_of("no"), ConfigError);
}

}  // namespace
}  // namespace pushcart
