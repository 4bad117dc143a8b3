#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>

#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/synth/synthesize.hpp"
#include "support/file_size_limit.hpp"
#include "support/world.hpp"

namespace pushcart {
namespace {

/// The option that validate complains about: the first word of its text.
std::string refused_option(const std::function<void(SynthConfig&)>& change) {
  SynthConfig config;
  change(config);
  try {
    validate(config);
  } catch (const ConfigError& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return std::string(error.what()).substr(0, std::string(error.what()).find_first_of(" :"));
  }
  return "none";
}

TEST(SynthConfig, DefaultsAreValid) {
  EXPECT_EQ(refused_option([](SynthConfig&) {}), "none");
}

TEST(SynthConfig, NamesTheOptionThatMakesNoSense) {
  EXPECT_EQ(refused_option([](auto& c) { c.users = 0; }), "--users");
  EXPECT_EQ(refused_option([](auto& c) { c.items = -1; }), "--items");
  EXPECT_EQ(refused_option([](auto& c) { c.events = 0; }), "--events");
  EXPECT_EQ(refused_option([](auto& c) { c.users = 1, c.days = 1, c.events = 100000; }), "--events");
  EXPECT_EQ(refused_option([](auto& c) { c.days = 0; }), "--days");
  EXPECT_EQ(refused_option([](auto& c) { c.files = 0; }), "--files");
  EXPECT_EQ(refused_option([](auto& c) { c.items = 5, c.categories = 6; }), "--categories");
  EXPECT_EQ(refused_option([](auto& c) { c.latent_dimensions = 0; }), "--latent-dimensions");
  EXPECT_EQ(refused_option([](auto& c) { c.taste_drift = 1.5; }), "--taste-drift");
  EXPECT_EQ(refused_option([](auto& c) { c.popularity_exponent = std::nan(""); }), "--popularity-exponent");
  EXPECT_EQ(refused_option([](auto& c) { c.bot_share = -0.1; }), "--bot-share");
  EXPECT_EQ(refused_option([](auto& c) { c.return_share = 2; }), "--return-share");
  EXPECT_EQ(refused_option([](auto& c) { c.share(SynthFault::bad_time) = 1.01; }), "--dirt-bad-time");
  EXPECT_EQ(refused_option([](auto& c) { c.dirt.fill(0.2); }), "--dirt-...");
  EXPECT_EQ(refused_option([](auto& c) { c.truth_list_length = 0; }), "--truth-list-length");
  for (const char* date : {"", "tomorrow", "2025-02-30", "2025-1-1x", "1969-12-31", "2089-12-31"}) {
    EXPECT_EQ(refused_option([&](auto& c) { c.start_date = date; }), "--start-date") << date;
  }
}

TEST(SynthConfig, StartsOnTheFirstDayAtMidnight) {
  SynthConfig config;
  config.start_date = "2024-02-29";
  EXPECT_EQ(synth_start_time(config), 1709164800);
}

TEST(Synthesize, RefusesBadSettingsOnAllRanks) {
  SynthConfig config;
  config.users = -5;
  PhaseLog phases;
  EXPECT_THROW(synthesize(test::world(), config, test::scratch_folder("refused"), phases), CollectiveError);
}

TEST(Synthesize, RefusesFolderWithEventFilesOfAnotherRun) {
  const std::string folder = test::scratch_folder("foreign");
  if (test::world().is_root()) std::ofstream(folder + "/events-00007.csv") << "user,item\n";
  SynthConfig config;
  config.events = 100;
  PhaseLog phases;
  try {
    synthesize(test::world(), config, folder, phases);
    ADD_FAILURE() << "not refused";
  } catch (const CollectiveError& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    EXPECT_NE(std::string(error.what()).find("events-00007.csv"), std::string::npos);
  }
  if (test::world().is_root()) {
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
  }
}

TEST(Synthesize, FailsOnAllRanksWhenOneFileCannotBeWritten) {
  const std::string folder = test::scratch_folder("blocked");
  SynthConfig config;
  config.events = 1000;
  PhaseLog phases;
  try {
    std::optional<test::FileSizeLimit> full_disk;
    if (test::world().rank() == 2 % test::world().size()) full_disk.emplace();
    synthesize(test::world(), config, folder, phases);
    ADD_FAILURE() << "did not fail";
  } catch (const CollectiveError& error) {
    EXPECT_EQ(error.code(), ExitCode::storage);
  }
  test::world().barrier();  // every rank has removed its unnamed files
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST(Synthesize, ReplacesAnEarlierRunOfTheSameShape) {
  const std::string folder = test::scratch_folder("again");
  SynthConfig config;
  config.users = 20;
  config.events = 200;
  PhaseLog phases;
  synthesize(test::world(), config, folder, phases);
  config.seed = 9;
  const auto summary = synthesize(test::world(), config, folder, phases);
  EXPECT_EQ(summary.num_lines, 200);
  if (!test::world().is_root()) return;
  EXPECT_NE(read_text_file(folder + "/synth.json").find("\"seed\": 9"), std::string::npos);
}

}  // namespace
}  // namespace pushcart
