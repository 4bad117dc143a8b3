#include <gtest/gtest.h>
#include <omp.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "pushcart/synth/synthesize.hpp"
#include "support/world.hpp"

namespace pushcart {
namespace {

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::set<std::string> names_in(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

SynthConfig small_config() {
  SynthConfig config;
  config.users = 60;
  config.items = 90;
  config.events = 6000;
  config.days = 40;
  config.truth_list_users = 20;
  config.truth_list_length = 10;
  return config;
}

/// Makes the log with all ranks, and again with rank 0 alone on `alone_threads` threads, and compares.
void expect_same_bytes(const SynthConfig& config, const std::string& name, int alone_threads = 1) {
  const auto& comm = test::world();
  const std::string together = test::scratch_folder(name + "-together"),
                    alone = test::scratch_folder(name + "-alone");
  PhaseLog phases;
  const SynthSummary summary = synthesize(comm, config, together, phases);
  const Communicator single = comm.split(comm.rank(), 0);
  if (!comm.is_root()) return;
  const int threads = omp_get_max_threads();
  omp_set_num_threads(alone_threads);
  const SynthSummary expected = synthesize(single, config, alone, phases);
  omp_set_num_threads(threads);
  EXPECT_EQ(names_in(together), names_in(alone));
  EXPECT_EQ(names_in(alone).size(), static_cast<std::size_t>(config.files) + 4);
  for (const std::string& file : names_in(alone)) {
    if (file == "truth.h5")
      continue;  // compared by its digest: the order of HDF5's own blocks is its own affair
    EXPECT_EQ(bytes_of(together + "/" + file), bytes_of(alone + "/" + file)) << file;
  }
  EXPECT_EQ(summary.truth_digest, expected.truth_digest);
  EXPECT_EQ(summary.num_lines, config.events);
  EXPECT_EQ(summary.clean, expected.clean);
}

TEST(Synthesize, WritesTheSameBytesOnAnyRankCount) {
  expect_same_bytes(small_config(), "same");
}

TEST(Synthesize, WritesTheSameBytesWithTwoThreads) {
  expect_same_bytes(small_config(), "threads", 2);
}

TEST(Synthesize, WritesTheSameBytesAsGzipJsonLines) {
  auto config = small_config();
  config.format = SynthFormat::jsonl;
  config.compression = Compression::gzip;
  config.files = 5;
  expect_same_bytes(config, "jsonl");
}

TEST(Synthesize, WritesTheSameBytesWithMoreRanksThanFiles) {
  auto config = small_config();
  config.files = 1;
  expect_same_bytes(config, "one-file");
}

TEST(Synthesize, WritesTheSameBytesWithMoreFilesThanUsers) {
  auto config = small_config();
  config.users = 3;
  config.items = 2;
  config.events = 500;
  config.files = 8;
  expect_same_bytes(config, "few-users");
}

TEST(Synthesize, WritesTheSameBytesForOneUserAndOneItem) {
  auto config = small_config();
  config.users = config.items = config.events = config.days = 1;
  config.latent_dimensions = 1;
  expect_same_bytes(config, "one-user");
}

TEST(Synthesize, WritesOtherBytesForAnotherSeed) {
  auto config = small_config();
  PhaseLog phases;
  const auto first = synthesize(test::world(), config, test::scratch_folder("seed-1"), phases);
  config.seed = 2;
  const auto second = synthesize(test::world(), config, test::scratch_folder("seed-2"), phases);
  EXPECT_NE(first.files[0].digest, second.files[0].digest);
  EXPECT_NE(first.truth_digest, second.truth_digest);
}

TEST(Synthesize, CutsTheSameLinesIntoAnyNumberOfFiles) {
  auto config = small_config();
  const std::string four = test::scratch_folder("four-files"), one = test::scratch_folder("joined-file");
  PhaseLog phases;
  config.files = 4;
  synthesize(test::world(), config, four, phases);
  config.files = 1;
  synthesize(test::world(), config, one, phases);
  if (!test::world().is_root()) return;
  std::string joined;
  for (int file = 0; file < 4; ++file) {
    const std::string text = bytes_of(four + "/events-0000" + std::to_string(file) + ".csv");
    joined += file == 0 ? text : text.substr(text.find('\n') + 1);
  }
  EXPECT_EQ(joined, bytes_of(one + "/events-00000.csv"));
}

}  // namespace
}  // namespace pushcart
