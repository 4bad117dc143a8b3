#include "app/dispatch.hpp"

#include <fmt/core.h>
#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>

#include "app/command_line.hpp"
#include "app/paths.hpp"
#include "app/toml_file.hpp"
#include "pushcart/base/cpu_path.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/base/suggest.hpp"
#include "pushcart/base/version.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/serialized.hpp"
#include "pushcart/comm/stall_watch.hpp"
#include "pushcart/feed/push.hpp"

namespace pushcart::app {

namespace {

std::vector<std::unique_ptr<Command>> all_commands() {
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(make_ingest());
  commands.push_back(make_features());
  commands.push_back(make_train());
  commands.push_back(make_tune());
  commands.push_back(make_evaluate());
  commands.push_back(make_recommend());
  commands.push_back(make_similar());
  commands.push_back(make_fold_in());
  commands.push_back(make_push());
  commands.push_back(make_report());
  commands.push_back(make_run());
  commands.push_back(make_retrain());
  commands.push_back(make_rollback());
  commands.push_back(make_history());
  commands.push_back(make_plan());
  commands.push_back(make_synth());
  commands.push_back(make_info());
  return commands;
}

std::string usage(const std::vector<std::unique_ptr<Command>>& commands) {
  std::string text = fmt::format(
      "pushcart {}: from a raw behaviour log to everyone's list of recommendations\n\n"
      "usage: [mpirun -n RANKS] pushcart COMMAND [OPTIONS]\n\ncommands:\n",
      version());
  for (const auto& command : commands)
    text += fmt::format("  {:<10} {}\n", command->name(), command->summary());
  return text +
         "\n`pushcart COMMAND --help` shows every option with its default.\n"
         "exit codes: 0 done, 2 usage, 3 bad input, 4 storage, 5 numerical failure, 6 stalled, 7 held by "
         "retrain's gate, 70 a bug, 75 stopped, run again\n";
}

/// Threads of this rank: as told, else OMP_NUM_THREADS, else the cores that the launcher bound this rank to,
/// else an even share of the node's cores. Collective.
void set_threads(const Communicator& comm, int wanted) {
  if (wanted < 0) throw ConfigError("--threads: must be 0 or more");
  const int on_node = comm.ranks_on_node();
  if (wanted > 0) {
    omp_set_num_threads(wanted);
  } else if (!std::getenv("OMP_NUM_THREADS")) {
    const int allowed = omp_get_num_procs();
    const bool bound = allowed < sysconf(_SC_NPROCESSORS_ONLN);
    omp_set_num_threads(bound ? allowed : std::max(1, allowed / on_node));
  }
}

/// The kernels' path of all ranks: as told, else the best that each rank's CPU can run. Collective.
void choose_cpu_path(const Communicator& comm, const std::string& wanted) {
  collectively(comm, "choosing the CPU path", [&] {
    if (!wanted.empty()) set_cpu_path(cpu_path_of(wanted));
  });
  if (wanted.empty())
    set_cpu_path(static_cast<CpuPath>(comm.allreduce(static_cast<int>(cpu_path()), Reduce::min)));
}

ExitCode run_command(const Communicator& comm, Command& command, const std::vector<std::string>& arguments,
                     const std::vector<std::string>& verbs) {
  const auto start = std::chrono::steady_clock::now();
  CommonOptions common;
  OptionSet options;
  declare_common(options, common);
  command.declare(options);

  ParsedLine line;
  collectively(comm, "reading the settings", [&] {
    if (comm.is_root()) line = parse_command_line(command, options, arguments, verbs);
  });
  if (comm.any(line.say.has_value())) {
    if (comm.is_root()) fmt::print("{}", *line.say);
    return ExitCode::done;
  }
  broadcast_serialized(comm, line.values, 0);
  collectively(comm, "reading the settings", [&] { options.apply(line.values); });
  start_log(comm.is_root(), common.quiet     ? Verbosity::quiet
                            : common.verbose ? Verbosity::verbose
                                             : Verbosity::normal);
  if (common.dump_config) {
    if (comm.is_root()) fmt::print("{}", to_toml(options, command.name()));
    return ExitCode::done;
  }
  set_threads(comm, common.threads);
  choose_cpu_path(comm, common.cpu_path);
  log_info("pushcart {} {}: {} rank{} x {} thread{}, {} kernels", version(), command.name(), comm.size(),
           comm.size() == 1 ? "" : "s", omp_get_max_threads(), omp_get_max_threads() == 1 ? "" : "s",
           cpu_path_name(cpu_path()));

  Session session{.comm = comm, .phases = {}, .json_wanted = common.json, .text = {}};
  RunHeader header;
  header.command = command.name();
  header.config = config_json(options);
  header.started = utc_text(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
  if (!common.run_record.empty())
    make_parent_folder(comm, common.run_record);  // to fail now, not after the work
  std::optional<StallWatch> stall_watch;
  if (common.stall_minutes > 0) {
    stall_watch.emplace(comm.rank(), std::chrono::duration<double, std::ratio<60>>(common.stall_minutes),
                        [&session] { return session.phases.latest(); });
  }
  command.run(session);
  header.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  try {
    finish(session, header, common.run_record.empty() ? command.record_path() : common.run_record);
  } catch (const Error& error) {
    if (comm.is_root()) command.not_finished(error.what());
    throw;
  }
  return session.ending;
}

}  // namespace

int dispatch(const Communicator& comm, const std::vector<std::string>& arguments) {
  const auto commands = all_commands();
  std::vector<std::string> verbs;
  for (const auto& command : commands) verbs.push_back(command->name());
  const std::string verb = arguments.empty() ? "--help" : arguments.front();
  if (verb == "--help" || verb == "-h" || verb == "help") {
    if (comm.is_root()) fmt::print("{}", usage(commands));
    return arguments.empty() ? static_cast<int>(ExitCode::usage) : 0;
  }
  if (verb == "--version") {
    if (comm.is_root()) fmt::print("pushcart {} ({})\n", version(), build_description());
    return 0;
  }
  for (const auto& command : commands) {
    if (command->name() != verb) continue;
    return static_cast<int>(run_command(comm, *command, {arguments.begin() + 1, arguments.end()}, verbs));
  }
  throw ConfigError(fmt::format("unknown command '{}'; did you mean '{}'? (pushcart --help lists them)", verb,
                                nearest_word(verb, verbs)));
}

}  // namespace pushcart::app
