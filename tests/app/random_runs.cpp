// Random small runs on random numbers of ranks and threads against the same commands on one rank:
//
//     mpirun -n 4 pushcart_random_runs --runs 2000 --seed 1
//
// The log, the verbs and their options are drawn from the seed and the number of the case. What is left in
// the folder must be the same, byte for byte, and an error must be the same error. The first case that
// differs is told with its command lines, and its folder stays; --first N --runs 1 runs it again.

#include <fmt/core.h>
#include <omp.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "app/dispatch.hpp"
#include "app/random_commands.hpp"
#include "pushcart/base/cpu_path.hpp"
#include "pushcart/base/digest.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/checkpoint/stored_text.hpp"
#include "pushcart/comm/environment.hpp"
#include "support/gzip.hpp"
#include "support/memory_folder.hpp"

namespace {

using namespace pushcart;
using namespace pushcart::test;
namespace fs = std::filesystem;

struct Settings {
  Count runs = 20, first = 0;
  std::uint64_t seed = 1;
  int hang_seconds = 120;
  bool verbose = false;
};

/// A case as it is known on every rank.
struct Case {
  RandomLog log;
  std::vector<CommandLine> one, many;
  int ranks = 1;
};

Case draw_case(const Settings& settings, Count number, int world_size, const std::string& cpu_path) {
  Draw draw(settings.seed, static_cast<std::uint64_t>(number));
  Case drawn;
  drawn.ranks = draw.between(1, world_size);
  drawn.log = draw_log(draw);
  drawn.one = draw_commands(draw, drawn.log, cpu_path);
  for (const auto& command : drawn.one) drawn.many.push_back(on_many_ranks(draw, command));
  return drawn;
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

void write_inputs(const Case& drawn, const std::string& folder) {
  for (const char* part : {"", "/one", "/many"}) fs::create_directories(folder + part);
  for (const auto& file : drawn.log.files) {
    write_file(folder + "/" + file.name, file.compressed ? gzip_member(file.text) : file.text);
  }
  write_file(folder + "/items.csv", drawn.log.item_attributes);
  write_file(folder + "/vectors.csv", drawn.log.item_vectors);
  write_file(folder + "/users.txt", drawn.log.some_users);
  write_file(folder + "/items.txt", drawn.log.some_items);
}

/// Exit code and text of each command, in the current folder, as far as the data set and the model can be
/// made. Collective.
std::vector<std::string> run_all(const Communicator& comm, const std::vector<CommandLine>& commands) {
  std::vector<std::string> endings;
  for (const auto& command : commands) {
    std::string ending;
    try {
      ending = fmt::format("{}", app::dispatch(comm, command));
    } catch (const Error& error) {
      ending = fmt::format("{} {}", static_cast<int>(error.code()), error.what());
    } catch (const std::exception& error) {
      ending = fmt::format("{} {}", static_cast<int>(ExitCode::internal), error.what());
    }
    endings.push_back(ending);
    if (ending != "0" && (command.front() == "ingest" || command.front() == "train")) break;
  }
  return endings;
}

/// The text of shards one after the other, which does not depend on how it is cut: without the header of
/// each.
void add_shards(const fs::path& folder, std::map<std::string, std::string>& found) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& path : files) {
    const std::string name = path.filename().string();
    const std::size_t dash = name.find('-');
    if (dash == std::string::npos) continue;
    std::string text = read_text_file(path.string());
    if (name.ends_with(".csv")) text.erase(0, text.find('\n') + 1);
    found[fmt::format("{}/{}{}", folder.filename().string(), name.substr(0, dash),
                      path.extension().string())] += text;
  }
}

/// What must not depend on ranks and threads, by name.
std::map<std::string, std::string> left_in(const fs::path& folder) {
  std::map<std::string, std::string> found;
  for (const char* name : {"data.h5", "features.h5", "first.h5", "second.h5", "model.h5", "lists/lists.h5",
                           "similar/lists.h5"}) {
    if (fs::exists(folder / name)) found[name] = read_text_file((folder / name).string());
  }
  for (const char* name : {"rejects.csv.gz", "refused-rejects.csv.gz"}) {
    if (fs::exists(folder / name))
      found[name] = digest_text(inspect_text_file((folder / name).string()).digest);
  }
  for (const char* name : {"lists", "similar", "feed"}) {
    if (fs::is_directory(folder / name)) add_shards(folder / name, found);
  }
  for (const auto& [record, key] : {std::pair{"data.run.json", "cleaning"}, {"evaluation.run.json", ""}}) {
    if (!fs::exists(folder / record)) continue;
    const auto results =
        nlohmann::ordered_json::parse(read_text_file((folder / record).string())).at("results");
    found[record] = (*key != 0 ? results.at(key) : results)
                        .dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  }
  return found;
}

/// Empty if all is the same.
std::string difference(const fs::path& folder, const std::vector<std::string>& one,
                       const std::vector<std::string>& many) {
  std::string text;
  if (one.size() != many.size())
    text += fmt::format("{} commands were run on one rank, {} on many\n", one.size(), many.size());
  for (std::size_t n = 0; n < std::min(one.size(), many.size()); ++n) {
    // On many ranks an error also says which of them met it.
    if (!many[n].starts_with(one[n]))
      text += fmt::format("command {}: '{}' on one rank, '{}' on many\n", n + 1, one[n], many[n]);
    if (one[n].starts_with("70")) text += fmt::format("command {}: a bug: {}\n", n + 1, one[n]);
  }
  const auto expected = left_in(folder / "one"), found = left_in(folder / "many");
  for (const auto& [name, bytes] : expected) {
    if (!found.contains(name))
      text += name + " is missing on many ranks\n";
    else if (found.at(name) != bytes)
      text += name + " differs\n";
  }
  for (const auto& [name, bytes] : found) {
    if (!expected.contains(name)) text += name + " is there on many ranks only\n";
  }
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().string().find(".partial") != std::string::npos)
      text += entry.path().string() + " is left over\n";
  }
  return text;
}

std::string shown(const CommandLine& command) {
  std::string text = "pushcart";
  for (const auto& word : command) {
    const bool plain =
        word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=,:%") ==
        std::string::npos;
    text += plain && !word.empty() ? " " + word : " '" + word + "'";
  }
  return text;
}

void tell(const Case& drawn, const Settings& settings, Count number, const std::string& what) {
  fmt::print(stderr, "case {} of seed {}, on {} ranks:\n{}", number, settings.seed, drawn.ranks, what);
  for (std::size_t n = 0; n < drawn.one.size(); ++n) {
    fmt::print(stderr, "  one   {}\n  many  {}\n", shown(drawn.one[n]), shown(drawn.many[n]));
  }
}

volatile std::sig_atomic_t current_case = 0;

void end_hanging(int) {
  char text[100];
  const int length = std::snprintf(text, sizeof text, "case %d hangs\n", static_cast<int>(current_case));
  (void)!::write(STDERR_FILENO, text, static_cast<std::size_t>(length));
  ::_exit(1);
}

/// One case on all ranks of the world. @return whether it was the same, on all ranks
bool run_case(const Communicator& world, const Settings& settings, Count number, const std::string& root,
              const std::string& cpu_path) {
  const Case drawn = draw_case(settings, number, world.size(), cpu_path);
  const std::string folder = fmt::format("{}/{}", root, number);
  current_case = static_cast<std::sig_atomic_t>(number);
  ::alarm(static_cast<unsigned>(settings.hang_seconds));
  if (settings.verbose && world.is_root()) tell(drawn, settings, number, "");
  if (world.is_root()) write_inputs(drawn, folder);
  std::vector<std::string> one;
  const auto alone = world.split(world.is_root() ? 0 : 1, world.rank());
  if (world.is_root()) {
    fs::current_path(folder + "/one");
    omp_set_num_threads(1);
    one = run_all(alone, drawn.one);
  }
  world.barrier();
  const auto group = world.split(world.rank() < drawn.ranks ? 0 : 1, world.rank());
  fs::current_path(folder + "/many");
  bool same_everywhere = true;
  if (world.rank() < drawn.ranks) {
    const auto many = run_all(group, drawn.many);
    std::string endings;
    for (const auto& ending : many) endings += ending + "\n";
    same_everywhere = group.all(endings == group.broadcast_text(endings, 0));
    if (world.is_root()) {
      std::string differs = difference(folder, one, many);
      if (!same_everywhere) differs += "the ranks ended differently\n";
      same_everywhere = differs.empty();
      if (!same_everywhere) tell(drawn, settings, number, differs + "in " + folder + "\n");
    }
  }
  const bool good = world.all(same_everywhere);
  fs::current_path(root);
  world.barrier();
  if (good && world.is_root()) fs::remove_all(folder);
  return good;
}

Settings parse(int argc, char** argv) {
  Settings settings;
  CLI::App app("random runs on many ranks against one");
  app.add_option("--runs", settings.runs, "cases");
  app.add_option("--first", settings.first, "number of the first case");
  app.add_option("--seed", settings.seed, "of all cases");
  app.add_option("--hang-seconds", settings.hang_seconds, "a case that takes longer hangs");
  app.add_flag("--verbose", settings.verbose, "tell every case");
  app.parse(argc, argv);
  return settings;
}

}  // namespace

int main(int argc, char** argv) {
  Environment environment(argc, argv);
  const auto world = Communicator::world();
  const Settings settings = parse(argc, argv);
  std::signal(SIGALRM, end_hanging);
  if (!std::freopen("/dev/null", "w", stdout)) return 1;  // what the verbs print
  const std::string root =
      world.broadcast_text(fmt::format("{}/pushcart-random-{}", memory_folder(), ::getpid()), 0);
  if (world.is_root()) fs::create_directories(root);
  world.barrier();
  const std::string best{
      cpu_path_name(static_cast<CpuPath>(world.allreduce(static_cast<int>(cpu_path()), Reduce::min)))};
  const auto start = std::chrono::steady_clock::now();
  Count done = 0;
  bool good = true;
  for (; good && done < settings.runs; ++done)
    good = run_case(world, settings, settings.first + done, root, best);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (world.is_root()) {
    fmt::print(stderr, "{} random runs of seed {} on up to {} ranks in {:.0f} s: {}\n", done, settings.seed,
               world.size(), seconds, good ? "all the same as on one rank" : "the last differs");
    if (good) fs::remove_all(root);
  }
  return good ? 0 : 1;
}
