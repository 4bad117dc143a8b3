#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "input_test_support.hpp"
#include "owned_event.hpp"
#include "pushcart/base/digest.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/base/memory.hpp"

namespace pushcart {
namespace {

using test::error_text;
using test::gzip_member;
using test::read_unit;
using test::read_whole;
using test::split_lines;
using test::write_input;
using test::zstd_frame;
using testing::HasSubstr;

/// Lines of 0 to 30 bytes, some with \r or NUL, with or without a newline at the end of the file.
std::string random_text(std::mt19937& random, unsigned num_lines) {
  std::string text;
  for (unsigned i = 0; i < num_lines; ++i) {
    for (unsigned n = random() % 4 == 0 ? 0 : random() % 30; n > 0; --n) {
      text += random() % 50 == 0 ? '\0' : static_cast<char>('a' + random() % 26);
    }
    if (random() % 5 == 0) text += '\r';
    if (i + 1 < num_lines || random() % 2 == 0) text += '\n';
  }
  return text;
}

/// A small file of such lines, some with a byte order mark, and the most bytes that a line of it may have.
struct RandomFile {
  std::string mark, text, bytes;
  std::size_t limit;
  RandomFile(std::mt19937& random, int trial)
      : mark(trial % 3 == 0 ? "\xef\xbb\xbf" : ""),
        text(random_text(random, 1 + random() % 12)),
        bytes(mark + text),
        limit(trial % 2 == 0 ? 1 << 20 : 4 + random() % 20) {}
};

/// What the contract says of over-long lines, line by line.
std::vector<std::string> cut_lines(std::vector<std::string> lines, std::size_t limit) {
  for (auto& line : lines) {
    if (line.size() > limit) line = line.substr(0, limit) + '\0';
  }
  return lines;
}

TEST(BlockReader, GivesTheBytesOfAFileWhateverTheBlockSize) {
  const auto folder = test::folder_of_this_rank("blocks");
  std::mt19937 random(1);
  const auto text = random_text(random, 300);
  const std::string contents[] = {text,  "",           "\n",       "\n\n",         "x",
                                  "x\n", "a\r\nb\r\n", "\xef\xbb", "\xef\xbb\xbf", "\n\xef"};
  for (const auto& content : contents) {
    const std::string expected = content == "\xef\xbb\xbf" ? "" : content;
    for (const std::size_t block_bytes : {1, 2, 7, 64, 1000, 1 << 16}) {
      for (const auto& bytes : {content, gzip_member(content), zstd_frame(content)}) {
        const auto file = write_input(folder + "/f", bytes);
        const auto whole = read_whole(file, block_bytes);
        ASSERT_EQ(whole.text, expected);
        ASSERT_EQ(whole.digest, hash_text(bytes));
      }
    }
  }
}

TEST(BlockReader, DropsAByteOrderMarkOnlyAtTheStartOfTheFile) {
  const auto folder = test::folder_of_this_rank("mark");
  const std::string mark = "\xef\xbb\xbf";
  for (const std::string& rest :
       {std::string("a,b\n") + mark + "c\n", std::string("\nx"), std::string("x")}) {
    for (const auto& bytes : {mark + rest, gzip_member(mark + rest), zstd_frame(mark + rest)}) {
      EXPECT_EQ(read_whole(write_input(folder + "/f", bytes), 2).text, rest);
    }
  }
}

TEST(BlockReader, SharesOfAPlainFileHaveExactlyItsLines) {
  const auto folder = test::folder_of_this_rank("shares");
  std::mt19937 random(2);
  for (int trial = 0; trial < 400; ++trial) {
    const auto [mark, text, bytes, limit] = RandomFile(random, trial);
    const auto file = write_input(folder + "/f", bytes);
    std::vector<Count> cuts = {0, file.num_bytes};
    for (unsigned n = random() % 7; n > 0; --n)
      cuts.push_back(static_cast<Count>(random() % (bytes.size() + 1)));
    std::sort(cuts.begin(), cuts.end());
    std::vector<std::string> lines;
    for (std::size_t c = 0; c + 1 < cuts.size(); ++c) {
      const auto unit = read_unit(file, {0, cuts[c], cuts[c + 1]}, 1 + random() % 40, limit);
      ASSERT_EQ(unit.digest,
                hash_bytes(bytes.data() + cuts[c], static_cast<std::size_t>(cuts[c + 1] - cuts[c])));
      const auto own = split_lines(unit.text);
      lines.insert(lines.end(), own.begin(), own.end());
    }
    ASSERT_EQ(lines, cut_lines(split_lines(text), limit)) << "cuts at " << testing::PrintToString(cuts);
  }
}

TEST(BlockReader, EveryLineBelongsToTheUnitInWhichItStarts) {
  const auto folder = test::folder_of_this_rank("starts");
  const auto file = write_input(folder + "/f", "abc\ndef\nghi");
  const struct {
    Count begin, end;
    const char* text;
  } cases[] = {{0, 1, "abc\n"}, {0, 4, "abc\n"}, {0, 5, "abc\ndef\n"}, {1, 4, ""},
               {4, 5, "def\n"}, {3, 8, "def\n"}, {5, 8, ""},           {8, 11, "ghi"},
               {9, 11, ""},     {4, 4, ""},      {11, 11, ""},         {4, 9, "def\nghi"}};
  for (const auto& c : cases) {
    EXPECT_EQ(read_unit(file, {0, c.begin, c.end}, 3).text, c.text) << c.begin << " to " << c.end;
  }
}

TEST(BlockReader, GoesOnWhereAnotherStopped) {
  const auto folder = test::folder_of_this_rank("goes-on");
  std::mt19937 random(4);
  for (int trial = 0; trial < 300; ++trial) {
    const auto [mark, text, plain, limit] = RandomFile(random, trial);
    const auto expected = cut_lines(split_lines(text), limit);
    for (const auto& bytes : {plain, gzip_member(plain), zstd_frame(plain)}) {
      const auto file = write_input(folder + "/f", bytes);
      const bool is_plain = file.compression == FileCompression::plain;
      const std::size_t block_bytes = 1 + random() % 40;
      BlockReader first(file, {0, 0, file.num_bytes}, block_bytes, limit);
      std::vector<std::string> given;
      std::string block;
      for (unsigned n = 1 + random() % 4; n > 0 && first.next(block); --n) {
        for (const auto& line : split_lines(block)) given.push_back(line);
      }
      if (given.empty()) continue;
      const Count at = first.position();
      const WorkUnit rest = is_plain ? WorkUnit{0, at, file.num_bytes} : WorkUnit{0, 0, file.num_bytes, at};
      const auto others = split_lines(read_unit(file, rest, block_bytes, limit).text);
      given.insert(given.end(), others.begin(), others.end());
      ASSERT_EQ(given, expected) << "from " << at;
    }
  }
}

TEST(BlockReader, CutsOverlongLinesAndTheParserKnowsThem) {
  const auto folder = test::folder_of_this_rank("cut");
  std::string nul_line = "u,i";
  nul_line[2] = '\0';
  const std::string content =
      "1234,678\n1234,6789\n" + std::string(1000, 'x') + "\n" + nul_line + "\n" + std::string(9, 'z');
  LogFormat format = test::make_format(LineFormat::csv, "user=0,item=1");
  format.max_line_bytes = 8;
  const std::vector<ParseFault> expected = {ParseFault::none, ParseFault::too_long, ParseFault::too_long,
                                            ParseFault::bad_text, ParseFault::too_long};
  for (const auto& bytes : {content, gzip_member(content), zstd_frame(content)}) {
    for (const std::size_t block_bytes : {1, 5, 10, 100, 10000}) {
      const auto whole = read_whole(write_input(folder + "/f", bytes), block_bytes, format.max_line_bytes);
      ASSERT_EQ(split_lines(whole.text), cut_lines(split_lines(content), format.max_line_bytes));
      EventParser parser(format, "");
      std::vector<ParseFault> faults;
      for (const auto& line : split_lines(whole.text)) faults.push_back(test::parse_one(parser, line).fault);
      ASSERT_EQ(faults, expected);
    }
  }
}

TEST(BlockReader, HoldsLittleMemoryForAnEndlessLine) {
  const auto folder = test::folder_of_this_rank("endless");
  constexpr Count line_bytes = 300 << 20;
  const std::string path = folder + "/f";
  std::ofstream(path) << "first\n";
  std::filesystem::resize_file(path,
                               static_cast<std::uintmax_t>(line_bytes));  // sparse: NULs that take no room
  std::ofstream(path, std::ios::app) << "\nlast\n";
  const auto file = find_inputs({path}).at(0);
  const Count before = peak_memory_bytes();
  std::string block;
  std::vector<std::string> lines;
  BlockReader reader(file, {0, 0, file.num_bytes}, 1 << 16, 1000);
  while (reader.next(block)) {
    for (auto& line : split_lines(block)) lines.push_back(line);
  }
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1].size(), 1001u);
  EXPECT_EQ(lines[2], "last");
  EXPECT_LE(block.capacity(), std::size_t{1} << 18);
  EXPECT_LT(peak_memory_bytes() - before, 8 << 20);
  const Count middle = file.num_bytes / 2;
  EXPECT_EQ(split_lines(read_unit(file, {0, 0, middle}, 1 << 16, 1000).text).size(), 2u);
  EXPECT_EQ(read_unit(file, {0, middle, file.num_bytes}, 1 << 16, 1000).text, "last\n");
}

TEST(BlockReader, NoticesAFileThatShrank) {
  const auto folder = test::folder_of_this_rank("shrank");
  const auto file = write_input(folder + "/f", "one\ntwo\nthree\n");
  std::filesystem::resize_file(file.path, 6);
  EXPECT_THAT(error_text<StorageError>([&] { read_whole(file, 100); }),
              HasSubstr("ends at byte 6 instead of 14"));
  std::filesystem::remove(file.path);
  EXPECT_THAT(error_text<StorageError>([&] { read_whole(file, 100); }), HasSubstr("cannot be opened"));
}

struct Archive {
  const char* kind;
  std::string (*compress)(const std::string&);
};
constexpr Archive archives[] = {{"gzip", gzip_member}, {"zstd", zstd_frame}};

TEST(BlockReader, ReadsArchivesOfSeveralMembers) {
  const auto folder = test::folder_of_this_rank("members");
  std::mt19937 random(3);
  const auto text = random_text(random, 50000);  // more than the buffers of the readers hold
  for (const auto& archive : archives) {
    std::string bytes, expected;
    for (std::size_t at = 0; at < text.size();) {
      const auto piece = text.substr(at, random() % 3 == 0 ? random() % 10 : random() % 200000);
      bytes += archive.compress(piece);
      expected += piece;
      at += piece.size();
    }
    bytes += archive.compress("");
    const auto file = write_input(folder + "/f", bytes);
    const auto whole = read_whole(file, 1 << 14);
    EXPECT_EQ(whole.text, expected) << archive.kind;
    EXPECT_EQ(whole.digest, hash_text(bytes)) << archive.kind;
  }
}

TEST(BlockReader, NeverLosesTheEndOfATruncatedArchiveSilently) {
  const auto folder = test::folder_of_this_rank("truncated");
  std::mt19937 random(4);
  for (const auto& archive : archives) {
    const auto text = random_text(random, 40);
    const auto bytes = archive.compress(text);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      const auto why = error_text<InputError>([&] {
        const auto file =
            write_input(folder + "/f." + (archive.kind[0] == 'g' ? "gz" : "zst"), bytes.substr(0, length));
        read_whole(file, 1 << 12);
      });
      ASSERT_THAT(why, HasSubstr("damaged or truncated")) << archive.kind << " of " << length << " bytes";
    }
    EXPECT_EQ(read_whole(write_input(folder + "/f", bytes), 1 << 12).text, text);
  }
}

TEST(BlockReader, RefusesDamagedArchivesAndWhatFollowsThem) {
  const auto folder = test::folder_of_this_rank("damaged");
  std::mt19937 random(6);
  const auto text = random_text(random, 60);
  for (const auto& archive : archives) {
    const auto bytes = archive.compress(text);
    for (const std::string& tail : {std::string("garbage"), std::string("\0", 1), std::string("\x1f")}) {
      const auto why =
          error_text<InputError>([&] { read_whole(write_input(folder + "/f", bytes + tail), 1 << 12); });
      EXPECT_THAT(why, HasSubstr(folder + "/f: damaged or truncated " + archive.kind + " archive at byte"));
    }
  }
}

/// gzip has a check sum over its text (zstd frames may lack one); only the bits that fill the last byte
/// before it may change unnoticed, as they mean nothing.
TEST(BlockReader, NoticesEveryFlippedBitOfAGzipArchiveThatMatters) {
  const auto folder = test::folder_of_this_rank("flipped");
  std::mt19937 random(8);
  const auto text = random_text(random, 60);
  const auto good = gzip_member(text);
  constexpr std::size_t header_bytes = 10;
  int num_noticed = 0;
  for (std::size_t at = header_bytes; at < good.size(); ++at) {
    auto bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random() % 8)));
    try {
      EXPECT_EQ(read_whole(write_input(folder + "/f", bytes), 1 << 12).text, text) << at;
    } catch (const InputError&) {
      ++num_noticed;
    }
  }
  EXPECT_GE(num_noticed, static_cast<int>(good.size() - header_bytes) - 1);
}

}  // namespace
}  // namespace pushcart
