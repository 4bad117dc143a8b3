#include "fuzz/fuzzer.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "fuzz/mutation.hpp"
#include "fuzz/stored_content.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/checkpoint/file_reader.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/comm/environment.hpp"
#include "support/leak_check.hpp"
#include "support/memory_folder.hpp"

extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace pushcart::test {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t largest_input = 20'000;
constexpr unsigned hang_seconds = 30;

/// What is being read, for the moment of a crash.
const std::string* current_input = nullptr;
std::string failure_path;

void keep_input() {
  if (current_input == nullptr) return;
  std::FILE* file = std::fopen(failure_path.c_str(), "wb");
  if (file == nullptr) return;
  (void)!std::fwrite(current_input->data(), 1, current_input->size(), file);
  std::fclose(file);
  std::fprintf(stderr, "the input is kept in %s\n", failure_path.c_str());
}

void end_at_signal(int signal) {
  std::fprintf(stderr, "%s\n", signal == SIGALRM ? "hangs" : "crashed");
  keep_input();
  ::_exit(1);
}

void watch_for_the_end() {
  std::signal(SIGALRM, end_at_signal);
  if (__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(keep_input);
    return;
  }
  for (const int signal : {SIGSEGV, SIGABRT, SIGFPE, SIGBUS, SIGILL}) std::signal(signal, end_at_signal);
}

/// How a reader took an input.
enum class Outcome { accepted, refused };

/// Runs a reader; throws what no reader may throw.
template <class Read>
Outcome outcome_of(Read&& read) {
  ::alarm(hang_seconds);
  try {
    read();
    return Outcome::accepted;
  } catch (const Error& error) {
    const ExitCode code = error.code();
    const bool in_order = code == ExitCode::usage || code == ExitCode::bad_input ||
                          code == ExitCode::storage || code == ExitCode::numerical;
    if (!in_order || error.what()[0] == '\0') throw;
    return Outcome::refused;
  }
}

/// By name.
std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& entry : fs::directory_iterator(folder)) paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  return paths;
}

struct Settings {
  Count runs = 300, stored_runs = 40, first = 0;
  std::uint64_t seed = 1;
  std::string corpus = PUSHCART_FUZZ_CORPUS;
  std::vector<std::string> readers;

  bool wants(const std::string& name) const {
    return readers.empty() || std::find(readers.begin(), readers.end(), name) != readers.end();
  }
};

class Fuzzer {
 public:
  explicit Fuzzer(const Settings& settings) : settings_(settings) {}

  /// @return whether the reader kept to what it may do
  bool fuzz(const TextReader& reader) {
    std::vector<std::string> inputs;
    for (const auto& file : files_in(settings_.corpus + "/" + reader.name))
      inputs.push_back(read_text_file(file));
    std::map<Outcome, Count> counts;
    const auto total = static_cast<Count>(inputs.size()) + settings_.runs;
    for (Count run = settings_.first; run < settings_.first + total; ++run) {
      RandomStream random(settings_.seed ^ hash_text(reader.name), static_cast<std::uint64_t>(run));
      const bool whole = run < static_cast<Count>(inputs.size());
      const std::string input = whole ? inputs[static_cast<std::size_t>(run)]
                                      : mutated(inputs, reader.dictionary, random, largest_input);
      if (!keeps_order(reader.name, run, input, [&] { ++counts[outcome_of([&] { reader.read(input); })]; }))
        return false;
    }
    return tell(reader.name, counts);
  }

  /// Content out of order behind a seal that fits.
  bool fuzz(const Communicator& self, const StoredReader& reader, const std::string& path) {
    std::vector<StoredContent> whole;
    for (const auto& file : stored_files(reader)) whole.push_back(load_content(self, file));
    std::map<Outcome, Count> counts;
    for (Count run = settings_.first; run < settings_.first + settings_.stored_runs; ++run) {
      RandomStream random(settings_.seed ^ hash_text(reader.name), static_cast<std::uint64_t>(run));
      StoredContent content = whole[random.next_below(whole.size())];
      if (run > settings_.first) damage(content, random);
      store_content(self, path, content);
      const std::string bytes = read_text_file(path);
      if (!keeps_order(reader.name, run, bytes, [&] { ++counts[outcome_of([&] { reader.read(path); })]; }))
        return false;
    }
    return tell(reader.name + ", sealed anew", counts);
  }

  /// Every n-th byte of the sealed files has a bit flipped: each must be refused as bad input, by name.
  bool flip_bits(const Communicator& self, const StoredReader& reader, const std::string& path) {
    Count flips = 0;
    for (const auto& file : stored_files(reader)) {
      const std::string whole = read_text_file(file);
      const std::size_t step = 1 + whole.size() / static_cast<std::size_t>(10 * settings_.stored_runs);
      for (std::size_t at = flips % step; at < whole.size(); at += step, ++flips) {
        std::string flipped = whole;
        flipped[at] = static_cast<char>(flipped[at] ^ (1 << (flips % 8)));
        std::ofstream(path, std::ios::binary | std::ios::trunc) << flipped;
        const auto read = [&] {
          try {
            const FileReader opened(self, path, "");
          } catch (const Error& error) {
            const bool names_it = std::string(error.what()).find(path) != std::string::npos;
            if (error.code() == ExitCode::bad_input && names_it) return;
            throw;
          }
          throw std::logic_error(fmt::format("a flipped bit of byte {} was not found", at));
        };
        if (!keeps_order(reader.name, static_cast<Count>(at), flipped, read)) return false;
      }
    }
    fmt::print(stderr, "{:<24} {:>9} flipped bits, all refused\n", reader.name, flips);
    return true;
  }

 private:
  std::vector<std::string> stored_files(const StoredReader& reader) const {
    return files_in(settings_.corpus + "/stored/" + reader.name);
  }

  template <class Read>
  bool keeps_order(const std::string& name, Count run, const std::string& input, Read&& read) {
    current_input = &input;
    failure_path = fmt::format("{}/pushcart-fuzz-{}-{}", fs::temp_directory_path().string(), name, run);
    std::string what;
    try {
      read();
    } catch (const std::exception& error) {
      what = error.what();
    }
    current_input = nullptr;
    if (what.empty()) return true;
    current_input = &input;
    fmt::print(stderr, "{}, run {} of seed {}: {}\n", name, run, settings_.seed, what);
    keep_input();
    current_input = nullptr;
    return false;
  }

  /// Both must occur, else the inputs are not worth much.
  static bool tell(const std::string& name, std::map<Outcome, Count>& counts) {
    const Count accepted = counts[Outcome::accepted], refused = counts[Outcome::refused];
    fmt::print(stderr, "{:<24} {:>9} accepted, {:>9} refused\n", name, accepted, refused);
    return accepted > 0;
  }

  const Settings& settings_;
};

Settings parse(int argc, char** argv) {
  Settings settings;
  CLI::App app("damaged inputs for every reader");
  app.add_option("--runs", settings.runs, "damaged inputs of each reader of text");
  app.add_option("--stored-runs", settings.stored_runs, "damaged files of each reader of HDF5 files");
  app.add_option("--first", settings.first, "number of the first run");
  app.add_option("--seed", settings.seed, "of all runs");
  app.add_option("--corpus", settings.corpus, "folder with a folder of inputs for each reader");
  app.add_option("--reader", settings.readers, "only these readers");
  app.parse(argc, argv);
  return settings;
}

bool fuzz_all(const Communicator& self, const Settings& settings, const Readers& readers,
              const std::string& scratch) {
  Fuzzer fuzzer(settings);
  bool good = true;
  for (const auto& reader : readers.text) {
    if (settings.wants(reader.name)) good = fuzzer.fuzz(reader) && good;
  }
  for (const auto& reader : readers.stored) {
    if (!settings.wants(reader.name)) continue;
    const std::string path = scratch + "/damaged.h5";
    good = fuzzer.flip_bits(self, reader, path) && good;
    good = fuzzer.fuzz(self, reader, path) && good;
  }
  return good;
}

}  // namespace

int fuzz(int argc, char** argv,
         const std::function<Readers(const Communicator& self, const std::string& scratch)>& make) {
  Environment environment(argc, argv);
  const auto self = Communicator::world();
  const Settings settings = parse(argc, argv);
  start_log(false, Verbosity::quiet);
  watch_for_the_end();
  if (!std::freopen("/dev/null", "w", stdout)) return 1;  // what the verbs print
  const std::string scratch = fmt::format("{}/pushcart-fuzz-{}", memory_folder(), ::getpid());
  fs::create_directories(scratch);
  const bool good = fuzz_all(self, settings, make(self, scratch), scratch);
  fs::remove_all(scratch);
  check_leaks();
  return good ? 0 : 1;
}

}  // namespace pushcart::test
