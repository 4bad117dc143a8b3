#include "pushcart/checkpoint/row_lists.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "pushcart/comm/collectively.hpp"
#include "support/world.hpp"

namespace pushcart {
namespace {

using test::scratch_folder;
using test::world;

constexpr Count num_rows = 40, num_columns = 9;

/// What row `row` has: some rows have nothing, and every third is not done.
bool is_done(Count row) {
  return row % 3 != 1;
}
std::vector<std::pair<Count, float>> list_of(Count row) {
  std::vector<std::pair<Count, float>> list;
  for (Count n = 0; n < row % 4; ++n) {
    list.emplace_back((row + 2 * n) % num_columns, static_cast<float>(row) - 0.25F * static_cast<float>(n));
  }
  return list;
}

void add(RowLists& lists, Count row) {
  lists.rows.push_back(row);
  for (const auto& [column, score] : list_of(row)) {
    lists.columns.push_back(column);
    lists.scores.push_back(score);
  }
  lists.offsets.push_back(static_cast<Count>(lists.columns.size()));
}

RowLists done_of(Range owned) {
  RowLists lists;
  for (Count row = owned.begin; row < owned.end; ++row) {
    if (is_done(row)) add(lists, row);
  }
  return lists;
}

void expect_equal(const RowLists& found, const RowLists& wanted) {
  EXPECT_EQ(found.rows, wanted.rows);
  EXPECT_EQ(found.offsets, wanted.offsets);
  EXPECT_EQ(found.columns, wanted.columns);
  EXPECT_EQ(found.scores, wanted.scores);
}

/// Cuts after a share of the rows, so that ranks own different numbers, the last rank perhaps none.
Range part(double power) {
  const auto cut = [&](int rank) {
    const double share = static_cast<double>(rank) / world().size();
    return static_cast<Count>(std::pow(share, power) * num_rows + 0.5);
  };
  return {cut(world().rank()), cut(world().rank() + 1)};
}

TEST(RowLists, ComeBackToWhoeverOwnsTheRowsNow) {
  const std::string path = scratch_folder("row_lists") + "/step.h5";
  EXPECT_GT(write_row_lists(world(), path, done_of(part(1)), {{"data set", "d"}}), 0);
  const FileReader file(world(), path, row_lists_kind);
  EXPECT_EQ(identity_differences(file, {{"data set", "d"}}), "");
  for (const double power : {1.0, 3.0, 0.2, 40.0}) {
    expect_equal(read_row_lists(world(), file, part(power), num_columns), done_of(part(power)));
  }
}

TEST(RowLists, NoneAtAll) {
  const std::string path = scratch_folder("row_lists_none") + "/step.h5";
  write_row_lists(world(), path, {}, {});
  const FileReader file(world(), path, row_lists_kind);
  expect_equal(read_row_lists(world(), file, part(1), num_columns), {});
}

TEST(RowLists, RefusesWhatCannotBe) {
  const std::string path = scratch_folder("row_lists_bad") + "/step.h5";
  write_row_lists(world(), path, done_of(part(1)), {});
  EXPECT_THROW(read_row_lists(world(), FileReader(world(), path, row_lists_kind), part(1), num_columns - 1),
               CollectiveError);
  RowLists turned = done_of(part(1));
  if (world().is_root() && turned.rows.size() > 1) std::swap(turned.rows[0], turned.rows[1]);
  write_row_lists(world(), path, turned, {});
  EXPECT_THROW(read_row_lists(world(), FileReader(world(), path, row_lists_kind), part(1), num_columns),
               CollectiveError);
}

TEST(RowLists, UniteByRow) {
  RowLists all, odd, even;
  for (Count row = 0; row < num_rows; ++row) {
    add(all, row);
    add(row % 2 == 1 ? odd : even, row);
  }
  expect_equal(united(odd, even), all);
  expect_equal(united(even, odd), all);
  expect_equal(united({}, odd), odd);
  expect_equal(united(odd, {}), odd);
}

}  // namespace
}  // namespace pushcart
