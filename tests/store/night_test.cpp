#include "pushcart/store/night.hpp"

#include <gtest/gtest.h>

#include "pushcart/base/error.hpp"

namespace pushcart {
namespace {

Night some_night(Count number) {
  Night night;
  night.number = number;
  night.time = "2025-01-07T02:15:00Z";
  night.outcome = Outcome::held;
  night.version = "0006-20250106T021500Z";
  night.reason = "too few \"users\"\nby far";
  night.facts["metric"] = {{"value", 0.25}, {"popular", 0.125}};
  night.facts["lists"] = {{"churn", 0.5}};
  return night;
}

TEST(Night, ComesBackFromItsLine) {
  const std::string line = night_text(some_night(7));
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto nights = nights_of(line + "\n", "history.jsonl");
  ASSERT_EQ(nights.size(), 1U);
  EXPECT_EQ(nights[0].number, 7);
  EXPECT_EQ(nights[0].time, "2025-01-07T02:15:00Z");
  EXPECT_EQ(nights[0].outcome, Outcome::held);
  EXPECT_EQ(nights[0].version, "0006-20250106T021500Z");
  EXPECT_EQ(nights[0].reason, "too few \"users\"\nby far");
  EXPECT_EQ(nights[0].facts, some_night(7).facts);
  EXPECT_EQ(night_text(nights[0]), line);
}

TEST(Night, ColdStartsAreCountedAlsoThoseThatWereDueAndHeld) {
  std::vector<Night> nights;
  const auto add = [&](Outcome outcome, const std::string& start, bool is_due = false) {
    Night& night = nights.emplace_back(some_night(static_cast<Count>(nights.size()) + 1));
    night.outcome = outcome;
    night.facts["start"] = start;
    if (is_due) night.facts[cold_is_due_fact] = true;
  };
  const auto since_cold = [&] { return nights_since_cold(nights, nights.back()); };
  add(Outcome::published, "cold");
  EXPECT_EQ(since_cold(), 0);
  add(Outcome::published, "warm");
  add(Outcome::held, "cold");  // of other settings
  add(Outcome::published, "warm");
  EXPECT_EQ(since_cold(), 2);
  const Night service = nights.back();
  add(Outcome::held, "cold", true);
  EXPECT_EQ(nights_since_cold(nights, service), 0);
  add(Outcome::published, "warm");
  EXPECT_EQ(since_cold(), 1);
  EXPECT_EQ(nights_since_cold(nights, nights[1]), 0)
      << "rolled back, and the cold start was tried after that";
  add(Outcome::published, "cold", true);
  EXPECT_EQ(since_cold(), 0);
}

TEST(Night, ColdStartsAreCountedAlongTheVersionsThatANightStartedFrom) {
  std::vector<Night> nights;
  const auto add = [&](Outcome outcome, const std::string& version, const std::string& start,
                       const std::string& from = "") {
    Night& night = nights.emplace_back(some_night(static_cast<Count>(nights.size()) + 1));
    night.outcome = outcome;
    night.version = version;
    night.facts["start"] = start;
    if (!from.empty()) night.facts[compared_with_fact] = from;
  };
  const auto since_cold = [&](std::size_t night) { return nights_since_cold(nights, nights[night]); };
  add(Outcome::published, "one", "cold");
  add(Outcome::published, "two", "warm");
  add(Outcome::published, "three", "warm");
  add(Outcome::published, "four", "cold");
  add(Outcome::published, "five", "warm", "three");  // four is damaged
  EXPECT_EQ(since_cold(3), 0);
  EXPECT_EQ(since_cold(4), 3) << "upon three, two and one";
  add(Outcome::published, "six", "warm");
  EXPECT_EQ(since_cold(5), 4);
  add(Outcome::rolled_back, "two", "cold");
  add(Outcome::published, "eight", "warm");
  EXPECT_EQ(since_cold(7), 2) << "upon two and one";
  EXPECT_EQ(since_cold(2), 2);
}

TEST(Night, ALastLineCutShortByACrashIsLeftOut) {
  const std::string line = night_text(some_night(1)) + "\n";
  EXPECT_EQ(nights_of(line + line.substr(0, 20), "history.jsonl").size(), 1U);
  EXPECT_TRUE(nights_of("", "history.jsonl").empty());
}

TEST(Night, AnyOtherLineThatIsNoNightIsRefusedWithItsNumber) {
  const std::string line = night_text(some_night(1)) + "\n";
  for (const std::string& bad : {std::string("nonsense\n"), std::string("{\"night\": 1}\n")}) {
    try {
      nights_of(line + bad + line, "history.jsonl");
      FAIL() << bad;
    } catch (const InputError& error) {
      EXPECT_NE(std::string(error.what()).find("history.jsonl:2"), std::string::npos) << error.what();
    }
  }
}

TEST(Night, TheTableShowsWhatIsKnownAndADashForWhatIsNot) {
  const std::vector<Night> nights{some_night(7)};
  const std::string table = nights_table(nights);
  EXPECT_NE(table.find("0.2500"), std::string::npos) << table;
  EXPECT_NE(table.find("0.500"), std::string::npos) << table;
  EXPECT_NE(table.find(" - "), std::string::npos) << table;
  EXPECT_NE(table.find("held"), std::string::npos) << table;
}

TEST(Night, ThePictureHasADotANightAndALineAMetric) {
  std::vector<Night> nights{some_night(1), some_night(2), some_night(3)};
  nights[1].outcome = Outcome::published;
  nights[2].facts.clear();  // ended before anything was measured
  const std::string svg = nights_svg(nights);
  const auto count = [&](const std::string& word) {
    std::size_t found = 0;
    for (std::size_t at = svg.find(word); at != std::string::npos; at = svg.find(word, at + 1)) ++found;
    return found;
  };
  EXPECT_EQ(count("<circle"), 3U);
  EXPECT_EQ(count("<polyline"), 3U);
  EXPECT_EQ(count("fill=\"white\"><title>"), 2U) << "those that were not published are empty";
  EXPECT_EQ(nights_svg({}), "");
}

}  // namespace
}  // namespace pushcart
