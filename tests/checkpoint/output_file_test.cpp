#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>

#include "pushcart/base/error.hpp"
#include "pushcart/base/index.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "support/world.hpp"

namespace pushcart {
namespace {

std::string file_of_this_rank(const std::string& test) {
  return test::scratch_folder(test) + "/" + std::to_string(test::world().rank());
}

TEST(OutputFile, AppearsOnlyWhenPublished) {
  const std::string path = file_of_this_rank("appears");
  {
    OutputFile file(path);
    file.write("one\n");
    file.finish();
    EXPECT_FALSE(std::filesystem::exists(path));
    file.publish();
  }
  EXPECT_EQ(read_text_file(path), "one\n");
  {
    OutputFile file(path);
    file.write("two\n");
  }
  EXPECT_EQ(read_text_file(path), "one\n");
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
}

TEST(OutputFile, CompressesSoThatZlibReadsItBack) {
  const std::string path = file_of_this_rank("compresses");
  std::string text;
  for (Count i = 0; i < 300000; ++i) text += std::to_string(i * 7919) + (i % 10 ? "," : "\n");
  OutputFile file(path, Compression::gzip);
  for (std::size_t at = 0; at < text.size(); at += 77777) file.write(std::string_view(text).substr(at, 77777));
  file.finish_and_publish();
  std::string back(text.size() + 10, '\0');
  gzFile in = gzopen(path.c_str(), "rb");
  const int length = gzread(in, back.data(), static_cast<unsigned>(back.size()));
  gzclose(in);
  back.resize(static_cast<std::size_t>(length));
  EXPECT_EQ(back, text);
  EXPECT_LT(std::filesystem::file_size(path), text.size());
}

TEST(OutputFile, ReportsFullDisksAndMissingFolders) {
  EXPECT_THROW(OutputFile("/no/such/folder/file"), StorageError);
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const std::string path = file_of_this_rank("full");
  std::filesystem::create_symlink("/dev/full", path + ".partial");
  OutputFile file(path);
  file.write("does not fit");
  EXPECT_THROW(file.finish(), StorageError);
}

}  // namespace
}  // namespace pushcart
