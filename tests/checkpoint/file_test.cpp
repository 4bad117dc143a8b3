#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <optional>
#include <thread>

#include "pushcart/checkpoint/file_reader.hpp"
#include "pushcart/checkpoint/file_writer.hpp"
#include "pushcart/comm/collectively.hpp"
#include "support/file_size_limit.hpp"
#include "support/world.hpp"

namespace pushcart {
namespace {

using test::scratch_folder;
using test::world;

/// Rows [begin, end) of a table of `total` rows cut unevenly over the ranks; some ranks get nothing.
Range uneven_share(Count total) {
  const auto at = [&](int rank) { return total * rank * rank / (world().size() * world().size()); };
  return {at(world().rank()), at(world().rank() + 1)};
}

std::string write_sample(const std::string& path, Count total, WritesBy writes_by = WritesBy::hdf5) {
  const Range mine = uneven_share(total);
  std::vector<float> matrix;
  std::vector<Count> offsets{0};
  StringTable names;
  for (Count row = mine.begin; row < mine.end; ++row) {
    for (int column = 0; column < 3; ++column) matrix.push_back(static_cast<float>(row) + 0.25f * static_cast<float>(column));
    offsets.push_back(offsets.back() + row % 4);
    names.push_back("id-" + std::string(static_cast<std::size_t>(row % 5), '\0') + std::to_string(row));
  }
  FileWriter writer(world(), path, "sample", 1, writes_by);
  writer.write("a/matrix", std::span<const float>(matrix), 3);
  writer.write_offsets("a/offsets", offsets);
  writer.attribute_of("a/matrix", "unit", "\xc2\xb5m");
  writer.attribute_of("a/matrix", "scale", 0.5);
  writer.write_strings("names", names);
  writer.attribute("text", "gr\xc3\xbc\xc3\x9f");
  writer.attribute("number", std::int64_t{1} << 40);
  writer.attribute("real", 0.1);
  return writer.commit();
}

void expect_what_was_written(WritesBy writes_by) {
  const std::string folder = scratch_folder("give_back");
  for (const Count total : {0, 1, 2, 37, 1000}) {
    write_sample(folder + "/sample.h5", total, writes_by);
    const FileReader reader(world(), folder + "/sample.h5", "sample");
    EXPECT_EQ(reader.shape("a/matrix").num_rows, total);
    EXPECT_EQ(reader.shape("a/matrix").num_columns, 3);
    EXPECT_EQ(reader.attribute("text").text, "gr\xc3\xbc\xc3\x9f");
    EXPECT_EQ(reader.attribute("number").integer, std::int64_t{1} << 40);
    EXPECT_EQ(reader.attribute("real").real, 0.1);
    const auto& of_matrix = reader.shape("a/matrix").attributes;
    ASSERT_EQ(of_matrix.size(), 2U);
    EXPECT_EQ(of_matrix.at("unit").text, "\xc2\xb5m");
    EXPECT_EQ(of_matrix.at("scale").real, 0.5);
    EXPECT_TRUE(reader.shape("a/offsets").attributes.empty());
    const auto matrix = reader.read_all<float>("a/matrix");
    for (Count row = 0; row < total; ++row) EXPECT_EQ(matrix[static_cast<std::size_t>(3 * row + 2)], static_cast<float>(row) + 0.5f);
    const auto offsets = reader.read_offsets("a/offsets", 0, total);
    Count expected = 0;
    for (Count row = 0; row < total; ++row) EXPECT_EQ(offsets[static_cast<std::size_t>(row + 1)], expected += row % 4);
    const auto names = reader.read_strings("names", total / 2, total - total / 2);
    for (Count row = total / 2; row < total; ++row) {
      EXPECT_EQ(names[row - total / 2],
                "id-" + std::string(static_cast<std::size_t>(row % 5), '\0') + std::to_string(row));
    }
  }
}

TEST(FileWriterAndReader, GiveBackWhatWasWritten) {
  expect_what_was_written(WritesBy::hdf5);
}

TEST(FileWriterAndReader, GiveBackWhatTheSystemWrote) {
  expect_what_was_written(WritesBy::system);
}

TEST(FileWriter, GivesTheSameDigestWhateverPutsTheRowsOnDisk) {
  const std::string folder = scratch_folder("either");
  EXPECT_EQ(write_sample(folder + "/system.h5", 300, WritesBy::system),
            write_sample(folder + "/hdf5.h5", 300));
}

/// With more than one rank, since the file in memory of the first is under the limit too.
TEST(FileWriter, OfTheSystemGoesOnAfterAnErrorOfTheDisk) {
  const std::string folder = scratch_folder("goes_on");
  const std::string path = folder + "/sample.h5";
  const std::string digest = write_sample(path, 20, WritesBy::system);
  if (world().size() == 1) return;
  {
    FileWriter writer(world(), path, "sample", 1, WritesBy::system);
    std::optional<test::FileSizeLimit> limit;
    if (world().rank() == world().size() - 1) limit.emplace();
    try {
      writer.write("a/numbers", std::span<const Count>(std::vector<Count>{1, 2, 3}));
      ADD_FAILURE() << "no error";
    } catch (const CollectiveError& error) {
      EXPECT_EQ(error.code(), ExitCode::storage);
    }
  }
  world().barrier();
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
  EXPECT_EQ(FileReader(world(), path, "sample").header().content_digest, digest);
  EXPECT_EQ(write_sample(path, 20), digest);
}

TEST(FileWriter, GivesTheSameDigestForAnyNumberOfRanks) {
  const std::string folder = scratch_folder("same_digest");
  const std::string together = write_sample(folder + "/together.h5", 500);
  std::string alone;
  const auto one = world().split(world().rank(), 0);
  if (world().is_root()) {
    std::vector<float> matrix;
    std::vector<Count> offsets{0};
    StringTable names;
    for (Count row = 0; row < 500; ++row) {
      for (int column = 0; column < 3; ++column) matrix.push_back(static_cast<float>(row) + 0.25f * static_cast<float>(column));
      offsets.push_back(offsets.back() + row % 4);
      names.push_back("id-" + std::string(static_cast<std::size_t>(row % 5), '\0') + std::to_string(row));
    }
    FileWriter writer(one, folder + "/alone.h5", "sample", 1);
    writer.write("a/matrix", std::span<const float>(matrix), 3);
    writer.write_offsets("a/offsets", offsets);
    writer.attribute_of("a/matrix", "scale", 0.5);
    writer.attribute_of("a/matrix", "unit", "\xc2\xb5m");
    writer.write_strings("names", names);
    writer.attribute("text", "gr\xc3\xbc\xc3\x9f");
    writer.attribute("number", std::int64_t{1} << 40);
    writer.attribute("real", 0.1);
    alone = writer.commit();
    EXPECT_EQ(alone, together);
  }
}

TEST(FileWriter, LeavesTheOlderFileWhenNotCommitted) {
  const std::string folder = scratch_folder("older");
  const std::string path = folder + "/sample.h5";
  const std::string digest = write_sample(path, 20);
  EXPECT_THROW(FileWriter(world(), folder + "/no/such/folder.h5", "sample", 1), CollectiveError);
  EXPECT_THROW(FileWriter(world(), folder, "sample", 1), CollectiveError);
  EXPECT_EQ(FileReader(world(), path, "sample").header().content_digest, digest);
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
}

ExitCode code_of_opening(const std::string& path, const std::string& kind) {
  try {
    FileReader(world(), path, kind);
  } catch (const Error& error) {
    return error.code();
  }
  return ExitCode::done;
}

TEST(FileReader, RefusesWhatIsMissingForeignOrOfAnotherKind) {
  const std::string folder = scratch_folder("refuses");
  write_sample(folder + "/sample.h5", 20);
  if (world().is_root()) std::ofstream(folder + "/text.h5") << "no HDF5 at all";
  world().barrier();
  EXPECT_EQ(code_of_opening(folder + "/absent.h5", ""), ExitCode::storage);
  EXPECT_EQ(code_of_opening(folder, ""), ExitCode::storage);
  EXPECT_EQ(code_of_opening(folder + "/text.h5", ""), ExitCode::bad_input);
  EXPECT_EQ(code_of_opening(folder + "/sample.h5", "model"), ExitCode::bad_input);
  EXPECT_EQ(code_of_opening(folder + "/sample.h5", "sample"), ExitCode::done);
}

TEST(FileReader, FindsEveryDamagedByte) {
  const std::string folder = scratch_folder("damaged");
  const std::string path = folder + "/sample.h5";
  write_sample(path, 50);
  const auto size = static_cast<Count>(std::filesystem::file_size(path));
  for (Count at = 0; at < size; at += size / 60 + 1) {
    char old = 0;
    if (world().is_root()) {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(at);
      file.get(old);
      file.seekp(at);
      file.put(static_cast<char>(old ^ 0x10));
    }
    world().barrier();
    EXPECT_EQ(code_of_opening(path, "sample"), ExitCode::bad_input) << "byte " << at;
    world().barrier();
    if (world().is_root()) {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(at);
      file.put(old);
    }
    world().barrier();
  }
  EXPECT_EQ(code_of_opening(path, "sample"), ExitCode::done);
}

/// Of this process, by path.
Count num_open(const std::string& path) {
  Count found = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;  // that of the iterator itself
    found += std::filesystem::read_symlink(entry.path(), gone) == path ? 1 : 0;
  }
  return found;
}

TEST(FileReader, IsClosedAndOpenedAgainUnlessTheFileHasChanged) {
  const std::string path = std::filesystem::canonical(scratch_folder("closed")).string() + "/sample.h5";
  const auto changes = [&](auto change, ExitCode expected) {
    write_sample(path, 100);
    FileReader reader(world(), path, "sample");
    const auto matrix = reader.read_all<float>("a/matrix");
    EXPECT_EQ(num_open(path), 1);
    reader.close();
    EXPECT_EQ(num_open(path), 0);
    reader.close();
    EXPECT_EQ(reader.read_all<float>("a/matrix"), matrix);
    EXPECT_EQ(num_open(path), 1);
    reader.close();
    world().barrier();
    std::this_thread::sleep_for(std::chrono::milliseconds(30));  // times of files may go by ticks
    if (world().is_root()) change();
    world().barrier();
    try {
      reader.read_all<float>("a/matrix");
      ADD_FAILURE() << "read after the file had changed";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), expected) << error.what();
      EXPECT_NE(std::string(error.what()).find(path), std::string::npos) << error.what();
    }
    EXPECT_EQ(num_open(path), 0);
    world().barrier();
  };
  changes([&] { std::filesystem::remove(path); }, ExitCode::storage);
  changes(
      [&] {
        std::filesystem::last_write_time(path,
                                         std::filesystem::last_write_time(path) + std::chrono::seconds(1));
      },
      ExitCode::bad_input);
  changes([&] { std::filesystem::resize_file(path, 3000); }, ExitCode::bad_input);
  changes([&] { std::ofstream(path, std::ios::app) << "x"; }, ExitCode::bad_input);
  changes(
      [&] {
        const auto before = std::filesystem::last_write_time(path);
        std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).seekp(2000) << '\x7f';
        std::filesystem::last_write_time(path, before);
      },
      ExitCode::bad_input);
}

TEST(FileReader, ReadsOnAfterAChangeOfRightsOrLinks) {
  const std::string folder = scratch_folder("rights"), path = folder + "/sample.h5";
  write_sample(path, 100);
  FileReader reader(world(), path, "sample");
  const auto matrix = reader.read_all<float>("a/matrix");
  for (const bool links : {false, true}) {
    reader.close();
    world().barrier();
    std::this_thread::sleep_for(std::chrono::milliseconds(30));  // times of files may go by ticks
    if (world().is_root()) {
      links ? std::filesystem::create_hard_link(path, folder + "/link.h5")
            : std::filesystem::permissions(path, std::filesystem::perms::owner_read);
    }
    world().barrier();
    EXPECT_EQ(reader.read_all<float>("a/matrix"), matrix);
  }
}

TEST(FileReader, RefusesATruncatedFile) {
  const std::string folder = scratch_folder("truncated");
  const std::string path = folder + "/sample.h5";
  write_sample(path, 50);
  const auto size = std::filesystem::file_size(path);
  for (const auto length : {size - 1, size / 2, std::uintmax_t{100}, std::uintmax_t{0}}) {
    world().barrier();
    if (world().is_root()) std::filesystem::resize_file(path, length);
    world().barrier();
    EXPECT_EQ(code_of_opening(path, "sample"), ExitCode::bad_input) << length;
  }
}

TEST(FileReader, ChecksNamesTypesAndRanges) {
  const std::string folder = scratch_folder("ranges");
  write_sample(folder + "/sample.h5", 20);
  const FileReader reader(world(), folder + "/sample.h5", "sample");
  EXPECT_THROW(reader.read_all<float>("nothing"), InputError);
  EXPECT_THROW(reader.read_all<double>("a/matrix"), InputError);
  EXPECT_THROW(reader.read<float>("a/matrix", 15, 6), InputError);
  EXPECT_THROW(reader.read<float>("a/matrix", -1, 2), InputError);
  EXPECT_THROW(reader.attribute("nothing"), InputError);
}

}  // namespace
}  // namespace pushcart
