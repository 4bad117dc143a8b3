#include "pushcart/events/input_file.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "input_test_support.hpp"
#include "owned_event.hpp"
#include "pushcart/base/error.hpp"

namespace pushcart {
namespace {

using test::error_text;
using test::write_input;
using testing::HasSubstr;

TEST(FindInputs, ExpandsSortsAndLooksAtFiles) {
  const auto folder = test::folder_of_this_rank("find");
  write_input(folder + "/b.csv", "b\n");
  write_input(folder + "/a.csv", "a\nb\n");
  write_input(folder + "/B.csv", "");
  write_input(folder + "/odd [1]*.txt", "x");
  write_input(folder + "/gzip-without-its-name", test::gzip_member("a"));
  write_input(folder + "/plain.csv.gz", "plain text\n");
  write_input(folder + "/z.zst", test::zstd_frame("a"));
  write_input(folder + "/skippable.zst",
              std::string("\x50\x2a\x4d\x18\x01\0\0\0x", 9) + test::zstd_frame("a"));
  const auto found = find_inputs({folder + "/z.zst", folder + "/*.csv", folder + "/odd [1]*.txt"});
  ASSERT_EQ(found.size(), 5u);
  const char* names[] = {"/z.zst", "/B.csv", "/a.csv", "/b.csv", "/odd [1]*.txt"};
  for (int i = 0; i < 5; ++i) EXPECT_EQ(found[i].path, folder + names[i]);
  EXPECT_EQ(found[0].compression, FileCompression::zstd);
  EXPECT_EQ(found[2].compression, FileCompression::plain);
  EXPECT_EQ(found[1].num_bytes, 0);
  EXPECT_EQ(found[2].num_bytes, 4);
  EXPECT_EQ(find_inputs({folder + "/gzip-*"})[0].compression, FileCompression::gzip);
  EXPECT_EQ(find_inputs({folder + "/plain*"})[0].compression, FileCompression::plain);
  EXPECT_EQ(find_inputs({folder + "/skip*"})[0].compression, FileCompression::zstd);
}

TEST(FindInputs, SaysWhatIsWrongWithAFile) {
  const auto folder = test::folder_of_this_rank("wrong");
  const auto storage = [](const std::string& path) {
    return error_text<StorageError>([&] { find_inputs({path}); });
  };
  EXPECT_THAT(storage(folder + "/none.csv"), HasSubstr(folder + "/none.csv: no such file"));
  EXPECT_THAT(storage(folder + "/*.none"), HasSubstr("no such file"));
  EXPECT_THAT(storage(folder), HasSubstr("is a folder"));
  EXPECT_THAT(storage("/dev/null"), HasSubstr("not a regular file"));
  std::filesystem::create_symlink(folder + "/gone", folder + "/dangling");
  EXPECT_THAT(storage(folder + "/dang*"), HasSubstr("cannot be opened"));
  if (std::filesystem::exists("/proc/self/mem")) {
    EXPECT_THAT(storage("/proc/self/mem"), HasSubstr("cannot be read at byte 0"));
  }
  EXPECT_THAT(error_text<InputError>([] { find_inputs({}); }), HasSubstr("--input"));
  for (const std::string bytes : {"", "\x1f", "\x28\xb5\x2f"}) {
    std::ofstream(folder + "/short.gz") << bytes;
    EXPECT_THAT(error_text<InputError>([&] { find_inputs({folder + "/short.gz"}); }), HasSubstr("truncated"));
  }
  write_input(folder + "/a.csv", "x\n");
  EXPECT_THAT(error_text<ConfigError>([&] {
                find_inputs({folder + "/a.csv", folder + "/*.csv"});
              }),
              HasSubstr("count twice"));
}

TEST(ShareInputs, GivesEveryByteToOneRankInOrderAndEvenly) {
  std::mt19937 random(5);
  for (int trial = 0; trial < 2000; ++trial) {
    std::vector<InputFile> files(1 + random() % 6);
    Count total = 0, largest_archive = 0;
    for (auto& file : files) {
      file.num_bytes = random() % 5 == 0 ? 0 : static_cast<Count>(random() % 1000);
      file.compression = random() % 3 == 0 ? FileCompression::gzip : FileCompression::plain;
      if (file.compression == FileCompression::gzip)
        largest_archive = std::max(largest_archive, file.num_bytes);
      total += file.num_bytes;
    }
    const int num_ranks = 1 + static_cast<int>(random() % 7);
    const auto units = share_inputs(files, num_ranks);
    ASSERT_EQ(units.size(), static_cast<std::size_t>(num_ranks));
    std::size_t file = 0;
    Count at = 0;
    for (const auto& mine : units) {
      Count bytes = 0;
      for (const auto& unit : mine) {
        while (at == files[file].num_bytes) {
          ++file;
          at = 0;
        }
        ASSERT_EQ(unit.file, static_cast<int>(file));
        ASSERT_EQ(unit.begin, at);
        ASSERT_LT(unit.begin, unit.end);
        if (files[file].compression != FileCompression::plain) {
          ASSERT_EQ(unit.begin, 0);
          ASSERT_EQ(unit.end, files[file].num_bytes);
        }
        at = unit.end;
        bytes += unit.end - unit.begin;
      }
      ASSERT_LE(std::abs(bytes - total / num_ranks), largest_archive + 1);
    }
    for (; file < files.size(); ++file, at = 0) ASSERT_EQ(at, files[file].num_bytes);
  }
}

TEST(ShareInputs, SurvivesSizesBeyondTheRangeOfProducts) {
  const std::vector<InputFile> files = {{"huge", FileCompression::plain, Count{1} << 60}};
  const auto units = share_inputs(files, 1000);
  EXPECT_EQ(units[0][0].begin, 0);
  EXPECT_EQ(units[999][0].end, Count{1} << 60);
  EXPECT_LE(std::abs(units[500][0].begin - (Count{1} << 59)), 1000);
}

TEST(FirstLine, IsTheHeaderWhateverTheFile) {
  const auto folder = test::folder_of_this_rank("first");
  const auto first = [&](const std::string& bytes, std::size_t limit = 1 << 20) {
    return first_line(write_input(folder + "/f", bytes), limit);
  };
  EXPECT_EQ(first("user,item\nx,y\n"), "user,item");
  EXPECT_EQ(first("user,item\r\nx,y\r\n"), "user,item");
  EXPECT_EQ(first("\xef\xbb\xbfuser,item\n"), "user,item");
  EXPECT_EQ(first("no end"), "no end");
  EXPECT_EQ(first(""), "");
  EXPECT_EQ(first("\nsecond"), "");
  EXPECT_EQ(first(test::gzip_member("\xef\xbb\xbf"
                                    "a,b\r\nc")),
            "a,b");
  EXPECT_EQ(first(test::zstd_frame("a,b\nc")), "a,b");
  EXPECT_EQ(first("abcdefgh\n", 8), "abcdefgh");
  EXPECT_EQ(first("abcdefghi\n", 8), std::string("abcdefgh\0", 9)) << "cut as by BlockReader";
  const std::string long_line(200000, 'x');
  EXPECT_EQ(first(long_line + "\nrest"), long_line);
}

}  // namespace
}  // namespace pushcart
