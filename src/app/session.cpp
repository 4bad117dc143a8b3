#include "app/session.hpp"

#include <fmt/core.h>
#include <omp.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <numeric>
#include <optional>

#include "pushcart/base/cpu_path.hpp"
#include "pushcart/base/host.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/base/memory.hpp"
#include "pushcart/base/version.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

/// A phase over all ranks.
struct PhaseSummary {
  std::string name;
  double min = 0, mean = 0, max = 0;
  Count rows = 0;

  double rows_per_second() const { return max > 0 ? static_cast<double>(rows) / max : 0; }
};

std::vector<PhaseSummary> summarize(const Communicator& comm, const PhaseLog& log) {
  std::vector<PhaseSummary> summaries;
  for (const Phase& phase : log.phases()) {
    PhaseSummary summary;
    summary.name = phase.name;
    summary.min = comm.allreduce(phase.seconds, Reduce::min);
    summary.max = comm.allreduce(phase.seconds, Reduce::max);
    summary.mean = comm.allreduce(phase.seconds, Reduce::sum) / comm.size();
    summary.rows = comm.sum(phase.rows);
    summaries.push_back(summary);
  }
  return summaries;
}

void print_table(const std::vector<PhaseSummary>& phases, const std::vector<Count>& peaks, double seconds) {
  log_info("{:<28} {:>9} {:>9} {:>9} {:>13} {:>13}", "phase (seconds over ranks)", "min", "mean", "max", "rows",
           "rows/s");
  for (const auto& phase : phases) {
    log_info("{:<28} {:>9.3f} {:>9.3f} {:>9.3f} {:>13} {:>13}", phase.name, phase.min, phase.mean, phase.max,
             phase.rows > 0 ? fmt::format("{}", phase.rows) : "-",
             phase.rows > 0 ? fmt::format("{:.0f}", phase.rows_per_second()) : "-");
  }
  std::string by_rank;
  for (const Count peak : peaks) by_rank += (by_rank.empty() ? "" : ", ") + bytes_text(static_cast<double>(peak));
  log_info("whole run {:.2f} s; peak memory by rank: {}", seconds, by_rank);
}

Json phases_json(const std::vector<PhaseSummary>& phases) {
  Json list = Json::array();
  for (const auto& phase : phases) {
    list.push_back({{"name", phase.name},
                    {"min_seconds", phase.min},
                    {"mean_seconds", phase.mean},
                    {"max_seconds", phase.max},
                    {"rows", phase.rows},
                    {"rows_per_second", phase.rows_per_second()}});
  }
  return list;
}

std::string record_text(const Session& session, const RunHeader& header,
                        const std::vector<PhaseSummary>& phases, const std::vector<Count>& peaks,
                        const std::vector<std::string>& hosts) {
  Json record;
  record["command"] = header.command;
  record["pushcart"] = {{"version", version()}, {"build", build_description()}};
  record["started"] = header.started;
  record["seconds"] = header.seconds;
  record["ranks"] = session.comm.size();
  record["hosts"] = hosts;
  record["threads_per_rank"] = omp_get_max_threads();
  record["cpu_path"] = cpu_path_name(cpu_path());
  record["config"] = header.config;
  record["inputs"] = session.inputs;
  record["phases"] = phases_json(phases);
  record["peak_memory_bytes_by_rank"] = peaks;
  record["results"] = session.results;
  return record.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::vector<std::string> hosts_by_rank(const Communicator& comm) {
  std::array<char, 256> name{};
  host_name().copy(name.data(), name.size() - 1);
  std::vector<std::string> hosts;
  for (const auto& host : comm.allgather(name)) hosts.emplace_back(host.data());
  return hosts;
}

void print_results(const Session& session) {
  if (session.json_wanted) {
    fmt::print("{}\n", session.results.dump(2, ' ', false, Json::error_handler_t::replace));
  } else if (!session.text.empty()) {
    fmt::print("{}{}", session.text, session.text.back() == '\n' ? "" : "\n");
  }
  if (std::fflush(stdout) != 0) throw StorageError("stdout: writing the results failed");
}

}  // namespace

nlohmann::ordered_json config_json(const OptionSet& options) {
  Json config = Json::object();
  for (const Option& option : options.options()) {
    const auto texts = option.get();
    if (option.arity == Arity::many) config[option.key] = texts;
    else if (!texts.empty()) config[option.key] = texts.front();
    else config[option.key] = nullptr;
  }
  return config;
}

void write_text_at_end(Session& session, const std::string& path, const std::string& text) {
  std::string place = path;
  for (const auto& output : session.outputs) place = output->place_for(path).value_or(place);
  std::optional<OutputFile> file;
  collectively(session.comm, "writing " + path, [&] {
    if (!session.comm.is_root()) return;
    file.emplace(place, Compression::none, session.writer);
    file->write(text);
    file->finish();
    if (place != path) file->publish();  // its folder gets its name later
  });
  if (place == path) session.name_at_end(StagedText(session.comm, std::move(file)));
}

void finish(Session& session, const RunHeader& header, const std::string& path) {
  const auto& comm = session.comm;
  const auto phases = summarize(comm, session.phases);
  const auto peaks = comm.allgather(peak_memory_bytes());
  if (!path.empty()) {
    const auto hosts = hosts_by_rank(comm);
    write_text_at_end(session, path, comm.is_root() ? record_text(session, header, phases, peaks, hosts) : "");
  }
  for (const auto& output : session.outputs) output->publish();
  collectively(comm, "printing the results", [&] {
    if (!comm.is_root()) return;
    print_table(phases, peaks, header.seconds);
    if (!path.empty()) log_info("run record: {}", path);
    print_results(session);
  });
}

void tell_phases(const Session& session) {
  const auto phases = summarize(session.comm, session.phases);
  print_table(phases, session.comm.allgather(peak_memory_bytes()), session.stop.seconds_so_far());
}

}  // namespace pushcart::app
