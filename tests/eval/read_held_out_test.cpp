#include "pushcart/eval/read_held_out.hpp"

#include <gtest/gtest.h>

#include <fstream>

#include "pushcart/comm/collectively.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::test {
namespace {

std::string write_file(const std::string& folder, const std::string& name, const std::string& content) {
  const std::string path = folder + "/" + name;
  if (world().is_root()) std::ofstream(path, std::ios::binary) << content;
  world().barrier();
  return path;
}

/// Users u0, u1, u2 and items i0 .. i3; u0 has i0, u1 has i1, u2 has i2 and i3.
Dataset tiny(ValueKind kind) {
  return dataset_of(world(), 3, 4, {{0, 0, 0, 3}, {1, 1, 0, 3}, {2, 2, 0, 3}, {2, 3, 0, 3}}, kind);
}

struct Cell {
  Count user, item;
  float value;
  friend bool operator==(const Cell&, const Cell&) = default;
};

std::vector<Cell> cells(const HeldOut& held_out) {
  std::vector<Cell> mine;
  const SparseRows& rows = held_out.by_user;
  for (Count r = 0; r < rows.num_rows(); ++r) {
    for (std::size_t e = 0; e < rows.row_columns(r).size(); ++e) {
      mine.push_back({rows.rows.begin + r, rows.row_columns(r)[e], rows.row_values(r)[e]});
    }
  }
  return all_rows(world(), mine);
}

TEST(ReadHeldOut, MapsAdjacencyLinesAndCountsTheRest) {
  const std::string folder = scratch_folder("held_out");
  LogFormat format;
  format.format = LineFormat::adjacency;
  const std::string path =
      write_file(folder, "test.txt", "u0 i1 i0 i3 i9\nu7 i0 i1\nu1 i0\nu2 i0 i1 i0\n\nu1 i0 i2");
  const HeldOut held_out = read_held_out(world(), tiny(ValueKind::strength), {path}, format);
  EXPECT_EQ(cells(held_out),
            (std::vector<Cell>{{0, 1, 1}, {0, 3, 1}, {1, 0, 1}, {1, 2, 1}, {2, 0, 1}, {2, 1, 1}}));
  EXPECT_EQ(held_out.num_pairs, 12);
  EXPECT_EQ(held_out.num_unknown_users, 2);
  EXPECT_EQ(held_out.num_unknown_items, 1);
  EXPECT_EQ(held_out.num_seen, 1);
  EXPECT_EQ(held_out.num_repeated, 2);
}

TEST(ReadHeldOut, KeepsPairsThatTheSeenPolicyLetsBackIntoLists) {
  const std::string folder = scratch_folder("held_out_seen");
  LogFormat format;
  format.format = LineFormat::adjacency;
  const std::string path = write_file(folder, "test.txt", "u0 i0 i1\nu2 i2");
  SeenPolicy never;
  never.otherwise.hide = Hide::never;
  const HeldOut held_out = read_held_out(world(), tiny(ValueKind::strength), {path}, format, never);
  EXPECT_EQ(cells(held_out), (std::vector<Cell>{{0, 0, 1}, {0, 1, 1}, {2, 2, 1}}));
  EXPECT_EQ(held_out.num_seen, 0);
}

LogFormat rating_format() {
  LogFormat format;
  format.columns = {{Role::user, "who"}, {Role::item, "what"}, {Role::value, "stars"}};
  return format;
}

TEST(ReadHeldOut, KeepsTheLastRatingInFileOrder) {
  const std::string folder = scratch_folder("held_out");
  // Long enough to be cut between ranks; each file repeats the pair (u0, i1) with rising ratings.
  std::string first = "who,what,stars\n", second = first;
  for (int i = 0; i < 300; ++i) first += "u0,i1," + std::to_string(i) + "\n";
  for (int i = 300; i < 600; ++i) second += "u0,i1," + std::to_string(i) + "\nstranger,i1,2\n";
  write_file(folder, "a.csv", first);
  write_file(folder, "b.csv", second + "u2,i0,4.5\n");
  const HeldOut held_out =
      read_held_out(world(), tiny(ValueKind::rating), {folder + "/*.csv"}, rating_format());
  EXPECT_EQ(cells(held_out), (std::vector<Cell>{{0, 1, 599}, {2, 0, 4.5F}}));
  EXPECT_EQ(held_out.num_repeated, 599);
  EXPECT_EQ(held_out.num_unknown_users, 300);
}

void expect_refusal(const std::string& path, const LogFormat& format, const std::string& part) {
  try {
    read_held_out(world(), tiny(ValueKind::rating), {path}, format);
    ADD_FAILURE() << "not refused: " << part;
  } catch (const CollectiveError& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_input);
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(ReadHeldOut, NamesFileAndLineOfAFault) {
  const std::string folder = scratch_folder("held_out");
  std::string text = "who,what,stars\n";
  for (int i = 0; i < 400; ++i) text += "u0,i1,3\n";
  expect_refusal(write_file(folder, "bad.csv", text + "u0,i1,many\n" + text.substr(15)), rating_format(),
                 "bad.csv:402: ");
  expect_refusal(write_file(folder, "no_user.csv", text + ",i1,3\n"), rating_format(),
                 "no_user.csv:402: no user id");
  expect_refusal(write_file(folder, "no_rating.csv", text + "u0,i1,\n"), rating_format(),
                 "no_rating.csv:402: no rating");
}

TEST(ReadHeldOut, NeedsItsFilesAndColumns) {
  const std::string folder = scratch_folder("held_out");
  try {
    read_held_out(world(), tiny(ValueKind::rating), {folder + "/none*.csv"}, rating_format());
    ADD_FAILURE();
  } catch (const CollectiveError& error) {
    EXPECT_EQ(error.code(), ExitCode::storage);
  }
  try {
    read_held_out(world(), tiny(ValueKind::rating),
                  {write_file(folder, "other.csv", "who,what,points\nu0,i1,3\n")}, rating_format());
    ADD_FAILURE();
  } catch (const CollectiveError& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
  }
}

}  // namespace
}  // namespace pushcart::test
