#include "pushcart/checkpoint/staged_folder.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>

#include "pushcart/base/error.hpp"
#include "pushcart/comm/collectively.hpp"
#include "support/file_size_limit.hpp"
#include "support/world.hpp"

namespace pushcart {
namespace {

namespace fs = std::filesystem;
using test::world;

const FileSet shards{[](const std::string& name) { return name.starts_with("part-"); }, "manifest.json"};

void on_root(const std::function<void()>& work) {
  collectively(world(), "preparing a test", [&] {
    if (world().is_root()) work();
  });
}

void put(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

/// Files and folders by name within the folder, with their text; what all ranks see when all are there.
std::map<std::string, std::string> content(const std::string& folder) {
  world().barrier();
  std::map<std::string, std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const auto name = fs::relative(entry.path(), folder).string();
    found[name] = entry.is_directory() ? "(folder)" : read_text_file(entry.path().string());
  }
  world().barrier();
  return found;
}

/// A shard a rank and the manifest, in which `version` is written.
std::map<std::string, std::string> set_of(int num_shards, const std::string& version) {
  std::map<std::string, std::string> files{{"manifest.json", version}};
  for (int shard = 0; shard < num_shards; ++shard) files["part-" + std::to_string(shard)] = version;
  return files;
}

void write_set(const StagedFolder& folder, const std::string& version) {
  collectively(world(), "writing the set", [&] {
    OutputFile shard(folder.path("part-" + std::to_string(world().rank())));
    shard.write(version);
    shard.finish_and_publish();
    if (!world().is_root()) return;
    OutputFile manifest(folder.path("manifest.json"));
    manifest.write(version);
    manifest.finish_and_publish();
  });
}

void replace_set(const std::string& folder, const std::string& version) {
  StagedFolder files(world(), folder, shards);
  write_set(files, version);
  files.publish();
}

ino_t number_of(const std::string& path) {
  struct stat status {};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_ino;
}

TEST(StagedFolder, TheNewSetTakesThePlaceOfTheOlderAtOnce) {
  const auto parent = test::scratch_folder("switch");
  const auto folder = parent + "/lists";
  replace_set(folder, "one");
  EXPECT_EQ(content(folder), set_of(world().size(), "one"));
  on_root([&] {
    put(folder + "/part-77", "of an earlier run on more ranks");
    put(folder + "/run.json", "its record");
  });
  const auto before = content(folder);
  const auto older = number_of(folder);
  {
    StagedFolder files(world(), folder + "/", shards);
    write_set(files, "two");
    EXPECT_EQ(content(folder), before);
    files.publish();
  }
  EXPECT_NE(number_of(folder), older) << "the folders were not exchanged";
  EXPECT_EQ(content(folder), set_of(world().size(), "two"));
  EXPECT_EQ(content(parent).size(), content(folder).size() + 1) << "something lies beside the folder";
}

TEST(StagedFolder, LeavesTheOlderSetWithoutPublish) {
  const auto parent = test::scratch_folder("unpublished");
  replace_set(parent + "/lists", "one");
  const auto before = content(parent);
  {
    StagedFolder files(world(), parent + "/lists", shards);
    write_set(files, "two");
  }
  EXPECT_EQ(content(parent), before);
  EXPECT_THROW(
      {
        StagedFolder files(world(), parent + "/lists", shards);
        std::optional<test::FileSizeLimit> limit;
        if (world().rank() == world().size() - 1) limit.emplace();
        write_set(files, "two");
      },
      CollectiveError);
  EXPECT_EQ(content(parent), before);
}

TEST(StagedFolder, FilesOfOthersStayWhereTheyAre) {
  const auto parent = test::scratch_folder("foreign");
  const auto folder = parent + "/shared";
  replace_set(folder, "one");
  on_root([&] {
    put(folder + "/data.h5", "precious");
    put(folder + "/run.json", "of another run");
    fs::create_directories(folder + "/notes/deep");
    put(folder + "/notes/deep/part-0", "not a shard");
    put(folder + "/part-77", "of an earlier run on more ranks");
  });
  const auto file = number_of(folder + "/data.h5"), whole = number_of(folder);
  replace_set(folder, "two");
  auto expected = set_of(world().size(), "two");
  expected.insert({{"data.h5", "precious"},
                   {"run.json", "of another run"},
                   {"notes", "(folder)"},
                   {"notes/deep", "(folder)"},
                   {"notes/deep/part-0", "not a shard"}});
  EXPECT_EQ(content(folder), expected);
  EXPECT_EQ(number_of(folder + "/data.h5"), file);
  EXPECT_EQ(number_of(folder), whole) << "a folder with files of others was exchanged";
  EXPECT_EQ(content(parent).size(), expected.size() + 1);
}

TEST(StagedFolder, AFolderInTheWayIsToldBeforeAnythingChanges) {
  const auto folder = test::scratch_folder("in-the-way") + "/lists";
  replace_set(folder, "one");
  on_root([&] {
    fs::remove(folder + "/part-0");
    fs::create_directories(folder + "/part-0/full");
  });
  const auto before = content(folder);
  try {
    replace_set(folder, "two");
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::storage);
    EXPECT_NE(std::string(error.what()).find("part-0"), std::string::npos) << error.what();
  }
  EXPECT_EQ(content(folder), before);
}

TEST(StagedFolder, ALinkToAFolderStaysALink) {
  const auto parent = test::scratch_folder("link");
  on_root([&] {
    fs::create_directories(parent + "/elsewhere/disk");
    fs::create_directory_symlink("elsewhere/disk", parent + "/lists");
  });
  replace_set(parent + "/lists", "one");
  replace_set(parent + "/lists", "two");
  EXPECT_TRUE(fs::is_symlink(parent + "/lists"));
  EXPECT_EQ(content(parent + "/elsewhere/disk"), set_of(world().size(), "two"));
  EXPECT_EQ(content(parent).count("lists.partial"), 0U);
}

TEST(StagedFolder, TheWorkingDirectoryIsNotExchanged) {
  const auto folder = test::scratch_folder("working") + "/lists";
  replace_set(folder, "one");
  const auto before = fs::current_path();
  const auto number = number_of(folder);
  fs::current_path(folder);
  world().barrier();
  replace_set(".", "two");
  EXPECT_EQ(content("."), set_of(world().size(), "two"));
  fs::current_path(before);
  EXPECT_EQ(number_of(folder), number);
}

TEST(StagedFolder, KeepsTheModeOfTheFolder) {
  const auto folder = test::scratch_folder("mode") + "/lists";
  replace_set(folder, "one");
  on_root(
      [&] { fs::permissions(folder, fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec); });
  replace_set(folder, "two");
  EXPECT_EQ(fs::status(folder).permissions(),
            fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec);
  EXPECT_EQ(content(folder), set_of(world().size(), "two"));
}

TEST(StagedFolder, RemovesWhatAKilledRunHasLeft) {
  const auto parent = test::scratch_folder("leftovers");
  const auto folder = parent + "/lists";
  replace_set(folder, "one");
  on_root([&] {
    for (const auto* place : {"/lists.partial", "/lists/new.partial"}) {
      fs::create_directories(parent + place);
      put(parent + place + "/part-3", "half");
      put(parent + place + "/part-4.csv.partial.data.0", "half");
      put(parent + place + "/manifest.json.partial", "half");
    }
  });
  replace_set(folder, "two");
  EXPECT_EQ(content(folder), set_of(world().size(), "two"));
  EXPECT_EQ(content(parent).size(), content(folder).size() + 1);
}

TEST(StagedFolder, DoesNotRemoveFilesOfOthersBesideIt) {
  const auto parent = test::scratch_folder("beside");
  on_root([&] {
    fs::create_directories(parent + "/lists.partial");
    put(parent + "/lists.partial/letter.txt", "precious");
  });
  replace_set(parent + "/lists", "one");
  replace_set(parent + "/lists", "two");
  EXPECT_EQ(content(parent + "/lists"), set_of(world().size(), "two"));
  EXPECT_EQ(content(parent).at("lists.partial/letter.txt"), "precious");
}

TEST(StagedFolder, TheRecordOfTheRunGoesAlong) {
  const auto folder = test::scratch_folder("record") + "/lists";
  replace_set(folder, "one");
  on_root([&] { put(folder + "/run.json", "of one"); });
  {
    StagedFolder files(world(), folder, shards);
    write_set(files, "two");
    EXPECT_EQ(files.place_for(folder + "/other.json"), std::nullopt);
    EXPECT_EQ(files.place_for(folder + "2/run.json"), std::nullopt);
    const auto place = files.place_for(folder + "//run.json");
    EXPECT_TRUE(place.has_value());
    on_root([&] { put(*place, "of two"); });
    EXPECT_EQ(content(folder).at("run.json"), "of one");
    files.publish();
  }
  EXPECT_EQ(content(folder).at("run.json"), "of two");
}

}  // namespace
}  // namespace pushcart
