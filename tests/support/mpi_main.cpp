#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>

#include "pushcart/base/log.hpp"
#include "pushcart/comm/environment.hpp"
#include "support/leak_check.hpp"
#include "support/world.hpp"

namespace {

std::optional<pushcart::Communicator> all_ranks;
std::string scratch_root;

/// Other ranks than 0 print their failures only, under their rank.
class FailuresOnly : public testing::EmptyTestEventListener {
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    std::cerr << "[rank " << all_ranks->rank() << "] " << (result.file_name() ? result.file_name() : "?") << ':'
              << result.line_number() << ": " << result.summary() << std::endl;
  }
};

/// A failure on any rank fails the test on all, so that none waits for the others.
class SameVerdict : public testing::EmptyTestEventListener {
  void OnTestEnd(const testing::TestInfo& info) override {
    const bool failed = info.result()->Failed();
    if (all_ranks->any(failed) && !failed) ADD_FAILURE() << "failed on another rank";
  }
};

}  // namespace

namespace pushcart::test {

const Communicator& world() { return *all_ranks; }

std::string scratch_folder(const std::string& name) {
  const std::string folder = scratch_root + "/" + name;
  if (world().is_root()) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
  }
  world().barrier();
  return folder;
}

void write_file(const std::string& path, const std::string& bytes) {
  if (world().is_root()) std::ofstream(path, std::ios::binary) << bytes;
  world().barrier();
}

std::vector<std::string> all_texts(const StringTable& mine) {
  std::string joined;
  for (Count row = 0; row < mine.size(); ++row) joined += std::string(mine[row]) + '\n';
  const auto all = world().allgather(std::span<const char>(joined)).data;
  std::vector<std::string> texts;
  std::istringstream lines(std::string(all.begin(), all.end()));
  for (std::string line; std::getline(lines, line);) texts.push_back(line);
  return texts;
}

}  // namespace pushcart::test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  pushcart::Environment environment(argc, argv);
  all_ranks.emplace(pushcart::Communicator::world());
  const auto& comm = *all_ranks;
  pushcart::start_log(false, pushcart::Verbosity::quiet);
  scratch_root = comm.broadcast_text(
      (std::filesystem::temp_directory_path() / ("pushcart-test-" + std::to_string(getpid()))).string(), 0);

  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  if (!comm.is_root()) {
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new FailuresOnly);
  }
  listeners.Append(new SameVerdict);
  int result = 1;
  try {
    result = RUN_ALL_TESTS();
  } catch (const std::exception& error) {
    std::cerr << "[rank " << comm.rank() << "] " << error.what() << std::endl;
    pushcart::Environment::abort(1);
  }
  const bool failed = comm.any(result != 0);
  if (comm.is_root()) std::filesystem::remove_all(scratch_root);
  pushcart::test::check_leaks();
  all_ranks.reset();
  return failed ? 1 : 0;
}
