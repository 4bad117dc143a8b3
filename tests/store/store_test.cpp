#include "pushcart/store/store.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "pushcart/base/error.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "support/world.hpp"

namespace pushcart {
namespace {

namespace fs = std::filesystem;

/// A store with a night's version made of one file.
class StoreTest : public testing::Test {
 protected:
  explicit StoreTest() : store_(test::scratch_folder("store")) { store_.open(); }

  Night make(Count number) {
    Night night;
    night.number = number;
    night.time = "2025-01-01T00:00:00Z";
    night.outcome = Outcome::published;
    night.version = Store::version_name(number, 1735689600 + number);
    fs::create_directory(store_.partial_folder(night.version));
    std::ofstream(store_.partial_folder(night.version) + "/model.h5") << number;
    return night;
  }
  struct Rollback {
    Night first, second, night;
  };
  /// Publishes two versions. @return them, and the night of a rollback to the first
  Rollback publish_two_to_go_back() {
    Rollback result{make(1), make(2), {}};
    store_.publish(result.first);
    store_.publish(result.second);
    result.night.number = 3;
    result.night.outcome = Outcome::rolled_back;
    result.night.version = result.first.version;
    return result;
  }
  std::string served() const { return read_text_file(store_.folder() + "/current/model.h5"); }

  Store store_;
};

TEST_F(StoreTest, NamesVersionsByNightAndTime) {
  EXPECT_EQ(Store::version_name(7, 1736216100), "0007-20250107T021500Z");
  EXPECT_EQ(Store::version_name(12345, 0), "12345-19700101T000000Z");
}

TEST_F(StoreTest, BeginsEmpty) {
  EXPECT_FALSE(store_.current());
  EXPECT_TRUE(store_.versions().empty());
  EXPECT_TRUE(store_.nights().empty());
  EXPECT_EQ(store_.next_night(), 1);
}

TEST_F(StoreTest, RemembersANightThatWasStopped) {
  EXPECT_FALSE(store_.stopped_night());
  store_.record_stopped({7, 1736216100});
  ASSERT_TRUE(store_.stopped_night());
  EXPECT_EQ(store_.stopped_night()->number, 7);
  EXPECT_EQ(store_.stopped_night()->now, 1736216100);
  store_.open();
  EXPECT_TRUE(store_.stopped_night());
  store_.forget_stopped_night();
  EXPECT_FALSE(store_.stopped_night());
  store_.forget_stopped_night();  // nothing to forget is no error
  for (const char* text : {"", "{", "[1, 2]", "{\"night\": \"x\", \"now\": 1}", "{\"night\": 1}"}) {
    std::ofstream(store_.folder() + "/stopped.json") << text;
    EXPECT_FALSE(store_.stopped_night()) << text;
  }
}

TEST_F(StoreTest, PublishingSwitchesAndWritesDown) {
  const Night first = make(1);
  store_.publish(first);
  EXPECT_EQ(store_.current(), first.version);
  EXPECT_EQ(served(), "1");
  const Night second = make(2);
  EXPECT_EQ(served(), "1") << "before it is published";
  store_.publish(second);
  EXPECT_EQ(served(), "2");
  EXPECT_EQ(store_.versions(), (std::vector<std::string>{first.version, second.version}));
  ASSERT_EQ(store_.nights().size(), 2U);
  EXPECT_EQ(store_.nights()[1].version, second.version);
  EXPECT_EQ(store_.next_night(), 3);
}

TEST_F(StoreTest, OpeningRemovesWhatDeadRunsLeft) {
  store_.publish(make(1));
  const Night half = make(2);
  fs::create_directory(store_.version_folder("0009-x.removed"));
  store_.open();
  EXPECT_FALSE(fs::exists(store_.partial_folder(half.version)));
  EXPECT_FALSE(fs::exists(store_.version_folder("0009-x.removed")));
  EXPECT_EQ(served(), "1");
}

TEST_F(StoreTest, AVersionInServiceWithoutALineGetsItsLineBack) {
  store_.publish(make(1));
  const Night second = make(2);
  store_.publish(second);
  const std::string text = read_text_file(store_.history_path());
  std::ofstream(store_.history_path())
      << text.substr(0, text.find('\n') + 1);  // the crash came before the line
  ASSERT_EQ(store_.nights().size(), 1U);
  store_.open();
  ASSERT_EQ(store_.nights().size(), 2U);
  EXPECT_EQ(store_.nights()[1].version, second.version);
  store_.open();
  EXPECT_EQ(store_.nights().size(), 2U);
}

TEST_F(StoreTest, ARollbackThatWasKilledAfterItsSwitchIsWrittenDownOnce) {
  const auto [first, second, rollback] = publish_two_to_go_back();
  const std::string path = store_.folder() + "/rollback.json";
  const auto dies = [&] { std::ofstream(path) << night_text(rollback) << "\n"; };

  dies();  // before the switch
  EXPECT_FALSE(store_.unfinished_rollback());
  store_.open();
  EXPECT_FALSE(fs::exists(path));
  EXPECT_EQ(served(), "2");
  EXPECT_EQ(store_.nights().size(), 2U);

  dies();
  store_.switch_to(first.version);
  ASSERT_TRUE(store_.unfinished_rollback());
  EXPECT_EQ(store_.unfinished_rollback()->version, first.version);
  store_.open();
  EXPECT_FALSE(store_.unfinished_rollback());
  ASSERT_EQ(store_.nights().size(), 3U);
  EXPECT_EQ(night_text(store_.nights()[2]), night_text(rollback));

  dies();  // after the line
  store_.open();
  EXPECT_FALSE(fs::exists(path));
  EXPECT_EQ(store_.nights().size(), 3U);
  EXPECT_EQ(served(), "1");
}

TEST_F(StoreTest, ARollbackIsOneLineAndLeavesNothingElse) {
  const auto [first, second, rollback] = publish_two_to_go_back();
  store_.put_back(rollback, second.version);
  EXPECT_EQ(served(), "1");
  EXPECT_EQ(store_.nights().size(), 3U);
  store_.open_for_rollback();
  EXPECT_EQ(store_.nights().size(), 3U);
  ASSERT_TRUE(store_.unfinished_rollback()) << "until its run is over";
  store_.forget_rollback();
  EXPECT_FALSE(fs::exists(store_.folder() + "/rollback.json"));
}

TEST_F(StoreTest, ATornLineIsReplacedByTheNextOne) {
  store_.publish(make(1));
  std::ofstream(store_.history_path(), std::ios::app) << "{\"night\": 2, \"ti";
  EXPECT_EQ(store_.nights().size(), 1U);
  Night night;
  night.number = 3;
  night.outcome = Outcome::failed;
  store_.record(night);
  ASSERT_EQ(store_.nights().size(), 2U);
  EXPECT_EQ(store_.nights()[1].number, 3);
}

TEST_F(StoreTest, TheOldestGoButNeverTheOneInService) {
  std::vector<std::string> versions;
  for (Count number = 1; number <= 5; ++number) {
    versions.push_back(make(number).version);
    Night night;
    night.number = number;
    night.outcome = Outcome::published;
    night.version = versions.back();
    store_.publish(night);
  }
  store_.switch_to(versions[0]);
  EXPECT_EQ(store_.remove_oldest(3), (std::vector<std::string>{versions[1], versions[2]}));
  EXPECT_EQ(store_.versions(), (std::vector<std::string>{versions[0], versions[3], versions[4]}));
  EXPECT_EQ(store_.current(), versions[0]);
  EXPECT_EQ(store_.remove_oldest(0).size(), 2U) << "at least one stays";
  EXPECT_EQ(store_.versions(), (std::vector<std::string>{versions[0]}));
  EXPECT_EQ(store_.next_night(), 6) << "numbers are not used again";
}

TEST_F(StoreTest, AVersionInServiceThatIsNotThereIsRefused) {
  const Night night = make(1);
  store_.publish(night);
  fs::remove_all(store_.version_folder(night.version));
  EXPECT_THROW(store_.current(), StorageError);
  EXPECT_NO_THROW(store_.open()) << "or no rollback --to could mend it";
}

TEST_F(StoreTest, SortsVersionsByNumberBeyondFourDigits) {
  for (const Count number : {Count{9999}, Count{10000}, Count{2}}) store_.publish(make(number));
  const auto versions = store_.versions();
  ASSERT_EQ(versions.size(), 3U);
  EXPECT_EQ(versions[0].substr(0, 5), "0002-");
  EXPECT_EQ(versions[2].substr(0, 6), "10000-");
}

TEST(VersionBefore, IsTheLastPublishedOneOnDisk) {
  const std::vector<std::string> on_disk{"0001-a", "0003-c", "0004-d", "0006-f"};
  std::vector<Night> nights;
  for (const char* version : {"0001-a", "0002-b", "0003-c", "0006-f"}) {
    Night night;
    night.outcome = Outcome::published;
    night.version = version;
    nights.push_back(night);
  }
  EXPECT_EQ(version_before("0006-f", on_disk, nights), "0003-c") << "0004 never was in service";
  EXPECT_EQ(version_before("0003-c", on_disk, nights), "0001-a") << "0002 is not on disk";
  EXPECT_EQ(version_before("0001-a", on_disk, nights), std::nullopt);
}

}  // namespace
}  // namespace pushcart
