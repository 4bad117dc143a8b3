#include "pushcart/store/gate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "pushcart/base/error.hpp"

namespace pushcart {
namespace {

ModelFacts good_model() {
  ModelFacts facts;
  facts.metric = "recall@20";
  facts.num_users = 1000;
  facts.num_test_users = 100;
  facts.value = 0.2;
  facts.popular = 0.1;
  facts.coverage = 0.5;
  facts.in_service = 0.2;
  facts.in_service_coverage = 0.5;
  return facts;
}

LogFacts good_log() {
  LogFacts facts;
  facts.new_events = 100;
  facts.new_rows = 100;
  return facts;
}

std::vector<std::string> failed(const std::vector<GateCheck>& checks) {
  std::vector<std::string> names;
  for (const auto& check : checks) {
    if (!check.passed) names.push_back(check.name);
  }
  return names;
}

using Names = std::vector<std::string>;

TEST(Gate, PassesAGoodNight) {
  EXPECT_EQ(failed(check_log(good_log(), {})), Names{});
  EXPECT_EQ(failed(check_model(good_model(), {})), Names{});
  EXPECT_EQ(failed(check_lists(0.3, {})), Names{});
  EXPECT_EQ(why_held(check_model(good_model(), {})), "");
}

TEST(Gate, AFirstNightHasNothingToCompareWith) {
  ModelFacts facts = good_model();
  facts.in_service.reset();
  facts.in_service_coverage.reset();
  EXPECT_EQ(failed(check_model(facts, {})), Names{});
  EXPECT_TRUE(check_lists(std::nullopt, {}).empty());
}

TEST(Gate, EveryBoundOfTheModelHolds) {
  const GateBounds bounds;
  const auto with = [](auto change) {
    ModelFacts facts = good_model();
    change(facts);
    return facts;
  };
  EXPECT_EQ(failed(check_model(with([](auto& f) { f.value = 0.1901; }), bounds)), Names{});
  EXPECT_EQ(failed(check_model(with([](auto& f) { f.value = 0.1899; }), bounds)), Names{"in_service"});
  EXPECT_EQ(failed(check_model(with([](auto& f) { f.popular = 0.2001; }), bounds)), Names{"popular"});
  EXPECT_EQ(failed(check_model(with([](auto& f) { f.num_users = 9; }), bounds)), Names{"users"});
  EXPECT_EQ(failed(check_model(with([](auto& f) { f.num_test_users = 9; }), bounds)), Names{"test_users"});
  EXPECT_EQ(failed(check_model(with([](auto& f) { f.coverage = 0.24; }), bounds)),
            Names{"coverage_in_service"});
  EXPECT_EQ(
      failed(check_model(with([](auto& f) { f.coverage = f.in_service_coverage.emplace(0.005); }), bounds)),
      Names{"coverage"});
}

TEST(Gate, PopularityByCategoryIsLookedAtIfThereIsABoundOnIt) {
  ModelFacts facts = good_model();
  facts.by_category = 0.25;
  GateBounds bounds;
  EXPECT_EQ(failed(check_model(facts, bounds)), Names{});
  bounds.min_over_category = -0.2;
  EXPECT_EQ(failed(check_model(facts, bounds)), Names{});
  bounds.min_over_category = -0.19;
  EXPECT_EQ(failed(check_model(facts, bounds)), Names{"category"});
  facts.by_category = std::nan("");
  EXPECT_EQ(failed(check_model(facts, bounds)), Names{"category"});
  facts.by_category.reset();
  EXPECT_EQ(failed(check_model(facts, bounds)), Names{"category"});
  EXPECT_THROW(check_bounds([] {
                 GateBounds wrong;
                 wrong.min_over_category = -1.1;
                 return wrong;
               }()),
               ConfigError);
}

TEST(Gate, NotANumberNeverPasses) {
  ModelFacts facts = good_model();
  facts.value = std::nan("");
  const auto names = failed(check_model(facts, {}));
  EXPECT_EQ(names, (Names{"finite", "popular", "in_service"}));
  facts = good_model();
  facts.coverage = std::nan("");
  EXPECT_EQ(failed(check_model(facts, {})), (Names{"coverage", "coverage_in_service"}));
  EXPECT_EQ(failed(check_lists(std::nan(""), {})), Names{"churn"});
}

TEST(Gate, EveryBoundOfTheLogHolds) {
  const GateBounds bounds;
  const auto with = [](auto change) {
    LogFacts facts = good_log();
    change(facts);
    return facts;
  };
  EXPECT_EQ(failed(check_log(with([](auto& f) { f.new_events = 0; }), bounds)), Names{"new_events"});
  EXPECT_EQ(failed(check_log(with([](auto& f) { f.new_bad_rows = 20; }), bounds)), Names{});
  EXPECT_EQ(failed(check_log(with([](auto& f) { f.new_bad_rows = 21; }), bounds)), Names{"bad_rows"});
  EXPECT_EQ(failed(check_log(with([](auto& f) { f.new_duplicate_rows = 21; }), bounds)),
            Names{"duplicate_rows"});
  EXPECT_EQ(failed(check_log(with([](auto& f) { f.new_files.empty = {"a.csv"}; }), bounds)),
            Names{"empty_files"});
  EXPECT_EQ(failed(check_log(with([](auto& f) { f.new_files.copies = {"a.csv (as b.csv)"}; }), bounds)),
            Names{"copied_files"});
  EXPECT_EQ(failed(check_log(with([](auto& f) {
                               f.drift = {{"view", 100, 500, 0, 5.0}};
                             }),
                             bounds)),
            Names{});
  EXPECT_EQ(failed(check_log(with([](auto& f) {
                               f.drift = {{"view", 100, 501, 0, 5.01}};
                             }),
                             bounds)),
            Names{"drift_view"});
  EXPECT_EQ(failed(check_log(with([](auto& f) {
                               f.drift = {{"view", 100, 19, 0, 0.19}};
                             }),
                             bounds)),
            Names{"drift_view"});
}

TEST(Gate, TheReasonNamesFilesAndFigures) {
  LogFacts facts = good_log();
  facts.new_files.empty = {"logs/day-3.csv"};
  facts.new_events = 0;
  const std::string reason = why_held(check_log(facts, {}));
  EXPECT_NE(reason.find("logs/day-3.csv"), std::string::npos) << reason;
  EXPECT_NE(reason.find("; 0 new events"), std::string::npos) << reason;
  EXPECT_NE(why_held(check_lists(0.95, {})).find("95.0 %"), std::string::npos);
}

TEST(Gate, RefusesBoundsThatMakeNoSense) {
  const auto refused = [](auto change) {
    GateBounds bounds;
    change(bounds);
    EXPECT_THROW(check_bounds(bounds), ConfigError);
  };
  check_bounds({});
  refused([](auto& b) { b.max_worse = -0.1; });
  refused([](auto& b) { b.max_worse = std::nan(""); });
  refused([](auto& b) { b.max_churn = 1.5; });
  refused([](auto& b) { b.max_drift = 0.5; });
  refused([](auto& b) { b.min_users = -1; });
}

DailyCounts days_of(const std::vector<Count>& counts) {
  DailyCounts daily{{"view"}, {}};
  for (const Count count : counts) daily.days.push_back({count});
  return daily;
}

TEST(Drift, ComparesTheNewestDaysWithTheMedianOfTheOlder) {
  // newest first; the oldest, 5, is a day cut in two
  const auto drift = find_drift(days_of({400, 120, 100, 80, 1000, 100, 5}), 1, 20);
  ASSERT_EQ(drift.size(), 1U);
  EXPECT_EQ(drift[0].usual, 100);
  EXPECT_EQ(drift[0].count, 400);
  EXPECT_DOUBLE_EQ(drift[0].ratio, 4);
}

TEST(Drift, TellsTheFarthestOfSeveralNewDaysEitherWay) {
  auto drift = find_drift(days_of({10, 110, 100, 100, 100, 100}), 2, 5);
  ASSERT_EQ(drift.size(), 1U);
  EXPECT_EQ(drift[0].days_ago, 0);
  EXPECT_DOUBLE_EQ(drift[0].ratio, 0.1);
  drift = find_drift(days_of({50, 900, 100, 100, 100, 100}), 2, 5);
  EXPECT_EQ(drift[0].days_ago, 1);
  EXPECT_DOUBLE_EQ(drift[0].ratio, 9);
}

TEST(Drift, TooLittleCountsAgainstTheLatestDayOnly) {
  const auto drift = find_drift(days_of({110, 0, 100, 100, 100, 100}), 2, 5);
  EXPECT_EQ(drift[0].days_ago, 0);
  EXPECT_DOUBLE_EQ(drift[0].ratio, 1.1);
}

TEST(Drift, RareTypesDoNotDriftByStayingAwayButByComing) {
  EXPECT_DOUBLE_EQ(find_drift(days_of({0, 3, 4, 5, 6}), 1, 20)[0].ratio, 1);
  EXPECT_DOUBLE_EQ(find_drift(days_of({200, 3, 4, 5, 6}), 1, 20)[0].ratio, 10);
}

TEST(Drift, SaysNothingWithTooFewOlderDays) {
  EXPECT_TRUE(find_drift(days_of({100, 1, 1, 1}), 1, 20).empty());
  EXPECT_FALSE(find_drift(days_of({100, 1, 1, 1, 1}), 1, 20).empty());
  EXPECT_TRUE(find_drift(days_of({}), 1, 20).empty());
}

LogFile log_file(const std::string& path, const std::string& digest) {
  return {path, 100, 10, digest, false};
}

/// Where no file has grown.
NewFiles compared(std::span<const LogFile> tonight, std::span<const LogFile> before) {
  return compare_files(tonight, before, [](const LogFile&) { return false; });
}

TEST(LogFiles, AreNewOnceAndAgainWhenTheyChange) {
  const std::vector<LogFile> before{log_file("a", "1"), log_file("b", "2")};
  const std::vector<LogFile> tonight{log_file("a", "1"), log_file("b", "3"), log_file("c", "4")};
  const NewFiles found = compared(tonight, before);
  ASSERT_EQ(found.files.size(), 2U);
  EXPECT_EQ(found.files[0].path, "b");
  EXPECT_EQ(found.files[1].path, "c");
  EXPECT_TRUE(found.copies.empty());
}

TEST(LogFiles, ACopyIsToldOnceWithItsOriginal) {
  const std::vector<LogFile> before{log_file("a", "1")};
  EXPECT_EQ(compared(std::vector{log_file("a", "1"), log_file("b", "1")}, before).copies, Names{"b (as a)"});
  EXPECT_EQ(compared(std::vector{log_file("c", "5"), log_file("d", "5")}, before).copies, Names{"d (as c)"});
  const std::vector<LogFile> known{log_file("a", "1"), log_file("b", "1")};
  EXPECT_TRUE(compared(known, known).copies.empty());
}

TEST(LogFiles, OfALogThatIsRotatedAreNoCopies) {
  const auto rotated = [](const std::string& newest, Count lines) {
    return LogFile{"log", 100, lines, newest, false};
  };
  const std::vector<LogFile> before{rotated("3", 10), log_file("log.1", "2"), log_file("log.2", "1")};
  const std::vector<LogFile> tonight{rotated("4", 12), log_file("log.1", "3"), log_file("log.2", "2"),
                                     log_file("log.3.gz", "1")};
  const NewFiles found = compared(tonight, before);
  EXPECT_EQ(found.files, std::vector{rotated("4", 12)});
  EXPECT_EQ(found.lines_before, std::vector<Count>{0});
  EXPECT_EQ(found.moved,
            (std::vector{log_file("log.1", "3"), log_file("log.2", "2"), log_file("log.3.gz", "1")}));
  EXPECT_TRUE(found.copies.empty());
  EXPECT_EQ(
      compared(std::vector{log_file("b", "1"), log_file("c", "1")}, std::vector{log_file("a", "1")}).copies,
      Names{"c (as b)"});
}

TEST(LogFiles, ThatGrowAreNewByWhatIsMore) {
  const std::vector<LogFile> before{{"a", 100, 10, "1", false}, {"b", 100, 10, "2", false}};
  const std::vector<LogFile> tonight{{"a", 120, 12, "3", false}, {"b", 90, 9, "4", false}};
  Names asked;
  const NewFiles found = compare_files(tonight, before, [&](const LogFile& earlier) {
    asked.push_back(earlier.path);
    return earlier == before[0];
  });
  EXPECT_EQ(found.files, tonight);
  EXPECT_EQ(found.lines_before, (std::vector<Count>{10, 0}));
  EXPECT_EQ(asked, Names{"a"}) << "one of fewer lines need not be read";
}

TEST(LogFiles, ThatAreReplacedByLongerOnesAreNewAsAWhole) {
  const std::vector<LogFile> before{log_file("a", "1")}, tonight{{"a", 120, 12, "3", false}};
  const NewFiles found = compared(tonight, before);
  EXPECT_EQ(found.files, tonight);
  EXPECT_EQ(found.lines_before, std::vector<Count>{0});
}

TEST(LogFiles, WhatAGrownOneBeganWithHasNotMoved) {
  const std::vector<LogFile> tonight{{"a", 120, 12, "3", false}, log_file("b", "1")};
  const auto grows = [](const LogFile&) { return true; };
  const NewFiles found = compare_files(tonight, std::vector{log_file("a", "1")}, grows);
  EXPECT_EQ(found.files, tonight);
  EXPECT_TRUE(found.moved.empty());
}

TEST(LogFiles, ACopyIsToldTheNightAfterItsOriginalMoved) {
  const std::vector<LogFile> before{log_file("a", "1"),
                                    log_file("a.gz", "1")};  // two names, one after the other
  const NewFiles found = compared(std::vector{log_file("a.gz", "1"), log_file("b", "1")}, before);
  EXPECT_TRUE(found.moved.empty());
  EXPECT_EQ(found.copies, Names{"b (as a.gz)"});
  const NewFiles again = compared(std::vector{log_file("a.2.gz", "1"), log_file("b", "1")}, before);
  EXPECT_EQ(again.moved, std::vector{log_file("a.2.gz", "1")}) << "it moved on, and there is one of it";
  EXPECT_EQ(again.copies, Names{"b (as a.2.gz)"});
}

TEST(LogFiles, EmptyOnesAreToldAndAreNoCopies) {
  const std::vector<LogFile> tonight{{"a", 0, 0, "", true}, {"b", 0, 0, "", true}};
  const NewFiles found = compared(tonight, {});
  EXPECT_EQ(found.empty, (Names{"a", "b"}));
  EXPECT_TRUE(found.copies.empty());
}

TEST(LogFiles, EmptyOnesAreToldAfterEarlierOnesWereRemoved) {
  const LogFile header{"a", 20, 1, "7", true}, nothing{"b", 0, 0, "", true};
  const std::vector<LogFile> before{header, nothing, log_file("c", "1")};
  const std::vector<LogFile> tonight{{"d", 20, 1, "7", true}, {"e", 0, 0, "", true}, log_file("c", "1")};
  const NewFiles found = compared(tonight, before);
  EXPECT_EQ(found.empty, (Names{"d", "e"}));
  EXPECT_TRUE(found.moved.empty());
  const std::vector<LogFile> replaced{log_file("a", "8"), {"b", 20, 1, "7", true}};
  EXPECT_EQ(compared(replaced, before).empty, Names{"b"});
  const LogFile once_an_event{"f", 20, 1, "7", false};  // in a format without a header
  EXPECT_EQ(compared(std::vector{header}, std::vector{once_an_event}).empty, Names{"a"});
}

TEST(LogFiles, AreRememberedAsTheyWereLast) {
  std::vector<Night> nights(3);
  nights[0].facts["new_files"] = log_files_json(std::vector{log_file("a", "1"), log_file("b", "2")});
  nights[2].facts["new_files"] = log_files_json(std::vector{log_file("b", "3")});
  nights[2].facts["moved_files"] = log_files_json(std::vector{log_file("c", "2")});
  EXPECT_EQ(files_read(nights), (std::vector{log_file("a", "1"), log_file("b", "3"), log_file("c", "2")}));
}

}  // namespace
}  // namespace pushcart
