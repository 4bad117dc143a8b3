#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "pushcart/checkpoint/output_file.hpp"
#include "support/world.hpp"
#include "synth/plain_log.hpp"

namespace pushcart {
namespace {

using test::PlainLine;

/// Recounts every line of the log from the files alone and compares with synth.json and with the summary.
void expect_counts_as_planted(const SynthConfig& config, const std::string& name) {
  const std::string folder = test::scratch_folder(name);
  PhaseLog phases;
  const SynthSummary summary = synthesize(test::world(), config, folder, phases);
  if (!test::world().is_root()) return;

  const auto log = test::read_log(folder);
  std::map<std::string, Count> clean, dirty;
  std::map<std::size_t, Count> by_file;
  for (std::size_t i = 0; i < log.size(); ++i) {
    const std::string fault = test::plain_fault(log[i], i > 0 ? &log[i - 1] : nullptr);
    ++(fault.empty() ? clean[log[i].type] : dirty[fault]);
    ++by_file[log[i].file];
  }
  EXPECT_EQ(static_cast<Count>(log.size()), config.events);
  EXPECT_EQ(summary.num_lines, config.events);

  const auto json = nlohmann::json::parse(read_text_file(folder + "/synth.json"));
  EXPECT_EQ(json["lines"], config.events);
  for (int type = 0; type < num_synth_types; ++type) {
    const std::string key(synth_type_name(static_cast<SynthType>(type)));
    EXPECT_EQ(json["clean"][key], clean[key]) << key;
    EXPECT_EQ(summary.clean[static_cast<std::size_t>(type)], clean[key]) << key;
    EXPECT_GT(clean[key], 0) << key;
  }
  for (int fault = 0; fault < num_synth_faults; ++fault) {
    const std::string key(synth_fault_name(static_cast<SynthFault>(fault)));
    EXPECT_EQ(json["dirty"][key], dirty[key]) << key;
    EXPECT_EQ(summary.dirty[static_cast<std::size_t>(fault)], dirty[key]) << key;
    const double wanted = config.dirt[static_cast<std::size_t>(fault)] * static_cast<double>(config.events);
    EXPECT_NEAR(static_cast<double>(dirty[key]), wanted, 5 * std::sqrt(wanted) + 0.1 * wanted) << key;
  }
  for (std::size_t file = 0; file < summary.files.size(); ++file) {
    EXPECT_EQ(summary.files[file].num_lines, by_file[file]);
    EXPECT_EQ(json["files"][file]["lines"], by_file[file]);
  }
}

SynthConfig dirty_config() {
  SynthConfig config;
  config.users = 300;
  config.items = 200;
  config.events = 20000;
  config.dirt = {0.05, 0.02, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.02};
  return config;
}

TEST(SynthCounts, AgreeWithRecountOfCsv) {
  expect_counts_as_planted(dirty_config(), "count-csv");
}

TEST(SynthCounts, AgreeWithRecountOfGzipJsonLines) {
  auto config = dirty_config();
  config.format = SynthFormat::jsonl;
  config.compression = Compression::gzip;
  expect_counts_as_planted(config, "count-jsonl");
}

TEST(SynthCounts, HaveNoDirtWhereNoneIsWanted) {
  auto config = dirty_config();
  config.dirt = {};
  expect_counts_as_planted(config, "count-clean");
}

TEST(SynthCounts, NoTwoLinesAreEqualButPlantedDuplicates) {
  const std::string folder = test::scratch_folder("distinct");
  PhaseLog phases;
  const SynthSummary summary = synthesize(test::world(), dirty_config(), folder, phases);
  if (!test::world().is_root()) return;
  std::map<std::string, Count> seen;
  for (const PlainLine& line : test::read_log(folder)) ++seen[line.text];
  EXPECT_EQ(static_cast<Count>(seen.size()),
            summary.num_lines - summary.dirty[static_cast<std::size_t>(SynthFault::duplicate_line)]);
}

TEST(SynthCounts, BotsAreThoseThatTheTruthNames) {
  auto config = dirty_config();
  config.bot_share = 0.05;
  config.dirt = {};
  const std::string folder = test::scratch_folder("bots");
  PhaseLog phases;
  const SynthSummary summary = synthesize(test::world(), config, folder, phases);
  if (!test::world().is_root()) return;
  // A bot goes on every second or two; people stay on a page for longer. So the median gap tells.
  std::map<std::string, std::vector<std::int64_t>> times;
  for (const PlainLine& line : test::clean_lines(test::read_log(folder))) {
    int day, hour, minute, second, year, month;
    std::sscanf(line.time.c_str(), "%d-%d-%dT%d:%d:%d", &year, &month, &day, &hour, &minute, &second);
    times[line.user].push_back(((month * 31LL + day) * 24 + hour) * 3600 + minute * 60 + second);
  }
  Count num_bots = 0, num_bot_lines = 0;
  for (const auto& [user, seconds] : times) {
    std::vector<std::int64_t> gaps;
    for (std::size_t i = 1; i < seconds.size(); ++i) gaps.push_back(seconds[i] - seconds[i - 1]);
    std::sort(gaps.begin(), gaps.end());
    if (gaps.size() < 20 || gaps[gaps.size() / 2] >= 3) continue;
    ++num_bots;
    num_bot_lines += static_cast<Count>(seconds.size());
  }
  EXPECT_GT(num_bots, 0);
  EXPECT_EQ(summary.num_bots, num_bots);
  EXPECT_EQ(summary.num_bot_lines, num_bot_lines);
}

}  // namespace
}  // namespace pushcart
