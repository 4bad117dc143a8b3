#include "pushcart/checkpoint/checkpoint_folder.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "support/world.hpp"

namespace pushcart {
namespace {

using test::scratch_folder;
using test::world;

void write(const std::string& path, Count step, const WorkIdentity& identity = {}) {
  FileWriter file(world(), path, "work", 1);
  write_identity(file, identity);
  file.attribute("step", step);
  file.commit();
}

void damage(const std::string& path) {
  if (world().is_root()) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(700);
    const char byte = static_cast<char>(file.get() ^ 1);
    file.seekp(700);
    file.put(byte);
  }
  world().barrier();
}

/// Steps of the files there, ascending.
std::vector<std::string> names(const std::string& folder) {
  world().barrier();
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    found.push_back(entry.path().filename());
  std::sort(found.begin(), found.end());
  world().barrier();
  return found;
}

Count latest(const CheckpointFolder& folder) {
  const auto file = folder.open_latest();
  return file ? file->attribute("step").integer : -1;
}

TEST(CheckpointFolder, NothingThere) {
  const std::string path = scratch_folder("checkpoints_none") + "/not_there";
  CheckpointFolder folder(world(), path, "work");
  EXPECT_EQ(folder.open_latest(), nullptr);
  folder.remove();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(CheckpointFolder, KeepsTheLatestAndTheOneBefore) {
  const std::string path = scratch_folder("checkpoints_two") + "/work";
  CheckpointFolder folder(world(), path, "work");
  folder.make();
  std::optional<Count> before;
  for (const Count step : {2, 5, 11, 1234567}) {
    write(folder.path(step), step);
    folder.keep(step, before);
    before = step;
    EXPECT_EQ(latest(CheckpointFolder(world(), path, "work")), step);
  }
  EXPECT_EQ(names(path), (std::vector<std::string>{"step-000011.h5", "step-1234567.h5"}));
  folder.remove();
  world().barrier();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(CheckpointFolder, StaleOnesGoWhenANewOneIsWhole) {
  const std::string path = scratch_folder("checkpoints_stale");
  for (const Count step : {7, 9}) write(CheckpointFolder(world(), path, "work").path(step), step);
  CheckpointFolder folder(world(), path, "work");
  write(folder.path(1), 1);
  folder.keep(1, std::nullopt);
  EXPECT_EQ(latest(CheckpointFolder(world(), path, "work")), 1);
  EXPECT_EQ(names(path), std::vector<std::string>{"step-000001.h5"});
}

TEST(CheckpointFolder, PassesOverDamagedOnes) {
  const std::string path = scratch_folder("checkpoints_damaged");
  const CheckpointFolder empty(world(), path, "work");
  for (const Count step : {1, 2, 3}) write(empty.path(step), step);
  const CheckpointFolder folder(world(), path, "work");
  EXPECT_EQ(latest(folder), 3);
  damage(folder.path(3));
  EXPECT_EQ(latest(folder), 2);
  EXPECT_EQ(latest(CheckpointFolder(world(), path, "another kind")), -1);
  damage(folder.path(2));
  damage(folder.path(1));
  EXPECT_EQ(latest(folder), -1);
}

TEST(CheckpointFolder, LeavesFilesOfOthers) {
  const std::string path = scratch_folder("checkpoints_others");
  if (world().is_root()) {
    for (const char* name : {"step-1x.h5", "step-.h5", "notes.txt", "step-000001.h5.old"})
      std::ofstream(path + "/" + name) << "mine";
  }
  world().barrier();
  CheckpointFolder folder(world(), path, "work");
  EXPECT_EQ(folder.open_latest(), nullptr);
  folder.remove();
  EXPECT_EQ(names(path).size(), 4U);
}

TEST(WorkIdentity, TellsWhatDiffers) {
  const std::string path = scratch_folder("checkpoint_identity") + "/a.h5";
  const WorkIdentity identity{{"k", "32"}, {"data set", "0123"}, {"weights", ""}, {"gone", "1"}};
  write(path, 1, identity);
  const FileReader file(world(), path, "work");
  EXPECT_EQ(identity_differences(file, identity), "");
  EXPECT_EQ(identity_differences(file, {{"k", "64"}, {"data set", "0123"}, {"weights", "a=1"}, {"new", "2"}}),
            "gone (1 in the checkpoint, nothing now), k (32 in the checkpoint, 64 now), "
            "new (nothing in the checkpoint, 2 now), weights (nothing in the checkpoint, a=1 now)");
}

}  // namespace
}  // namespace pushcart
