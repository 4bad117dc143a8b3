#include "pushcart/store/store_lock.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "pushcart/base/error.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "support/world.hpp"

namespace pushcart {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t day = 86400;

void write_lock(const std::string& folder, const LockHolder& holder) {
  const nlohmann::ordered_json json{{"host", holder.host},
                                    {"process", holder.process},
                                    {"verb", holder.verb},
                                    {"boot", holder.boot},
                                    {"process_start", holder.process_start},
                                    {"since", holder.since}};
  std::ofstream(folder + "/lock") << json.dump() << "\n";
}

TEST(StoreLock, IsThereWhileHeldAndGoneAfterwards) {
  const auto folder = test::scratch_folder("lock");
  {
    const StoreLock lock(folder, "retrain", day);
    const auto json = nlohmann::json::parse(read_text_file(folder + "/lock"));
    EXPECT_EQ(json["process"], getpid());
    EXPECT_EQ(json["verb"], "retrain");
  }
  EXPECT_FALSE(fs::exists(folder + "/lock"));
  const StoreLock again(folder, "retrain", day);
}

TEST(StoreLock, IsGivenBackBeforeALastThing) {
  const auto folder = test::scratch_folder("given-back");
  std::optional<StoreLock> lock(std::in_place, folder, "rollback", day);
  bool was_held = true;
  lock->give_back([&] { was_held = fs::exists(folder + "/lock"); });
  EXPECT_FALSE(was_held);
  const StoreLock another(folder, "retrain", day);
  lock.reset();
  EXPECT_TRUE(fs::exists(folder + "/lock")) << "it is of another now";
}

TEST(StoreLock, TheSecondIsToldWhoHoldsIt) {
  const auto folder = test::scratch_folder("two");
  const StoreLock lock(folder, "retrain", day);
  try {
    const StoreLock second(folder, "rollback", day);
    FAIL();
  } catch (const ConfigError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("pushcart retrain"), std::string::npos) << text;
    EXPECT_NE(text.find(std::to_string(getpid())), std::string::npos) << text;
  }
  EXPECT_TRUE(fs::exists(folder + "/lock")) << "the first still holds it";
}

TEST(StoreLock, AHolderThatDiedIsStale) {
  const auto folder = test::scratch_folder("dead");
  const pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  LockHolder holder = this_process("retrain");
  holder.process = child;
  holder.process_start = 0;
  EXPECT_TRUE(is_stale(holder, holder.since, day)) << "another process has its number";
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  write_lock(folder, holder);
  EXPECT_TRUE(is_stale(holder, holder.since, day));
  const StoreLock taken(folder, "retrain", day);
  EXPECT_EQ(nlohmann::json::parse(read_text_file(folder + "/lock"))["process"], getpid());
}

TEST(StoreLock, LifeOnThisHostCountsHoweverLongItTakes) {
  const LockHolder me = this_process("retrain");
  EXPECT_FALSE(is_stale(me, me.since + 1000 * day, day));
}

TEST(StoreLock, AnEarlierBootIsStale) {
  LockHolder holder = this_process("retrain");
  if (holder.boot.empty()) GTEST_SKIP() << "this system has no boot id";
  holder.boot = "another";
  EXPECT_TRUE(is_stale(holder, holder.since, day));
}

TEST(StoreLock, AnotherHostIsGivenTime) {
  const auto folder = test::scratch_folder("other");
  LockHolder holder = this_process("retrain");
  holder.host += "-other";
  EXPECT_FALSE(is_stale(holder, holder.since + day, day));
  EXPECT_TRUE(is_stale(holder, holder.since + day + 1, day));
  write_lock(folder, holder);
  EXPECT_THROW(StoreLock(folder, "retrain", day), ConfigError);
  holder.since -= 2 * day;
  write_lock(folder, holder);
  const StoreLock taken(folder, "retrain", day);
}

TEST(StoreLock, AnEarlierStartOfTheSameSlurmJobIsStale) {
  setenv("SLURM_JOB_ID", "71", 1);
  setenv("SLURM_RESTART_COUNT", "1", 1);
  LockHolder holder = this_process("retrain");
  holder.host += "-lost";
  EXPECT_FALSE(is_stale(holder, holder.since, day)) << "beside us, in the same allocation";
  holder.slurm_restart = 0;
  EXPECT_TRUE(is_stale(holder, holder.since, day));
  holder.slurm_job = "70";
  EXPECT_FALSE(is_stale(holder, holder.since, day));
  unsetenv("SLURM_JOB_ID");
  unsetenv("SLURM_RESTART_COUNT");
}

TEST(StoreLock, ALockThatNamesNobodyIsTakenOver) {
  const auto folder = test::scratch_folder("nobody");
  std::ofstream(folder + "/lock") << "{\"ho";
  const StoreLock taken(folder, "retrain", day);
}

TEST(StoreLock, IsNotGivenBackForAnother) {
  const auto folder = test::scratch_folder("impatient");
  {
    const StoreLock lock(folder, "retrain", day);
    LockHolder other = this_process("retrain");
    other.host += "-other";
    write_lock(folder, other);
  }
  EXPECT_TRUE(fs::exists(folder + "/lock"));
}

}  // namespace
}  // namespace pushcart
