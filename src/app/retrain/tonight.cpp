#include "app/retrain/tonight.hpp"

#include <fmt/core.h>
#include <fnmatch.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>

#include "pushcart/base/days.hpp"
#include "pushcart/base/digest.hpp"
#include "pushcart/base/dump_json.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/events/input_file.hpp"
#include "pushcart/ingest/first_lines.hpp"

namespace pushcart::app {

namespace {

using Json = nlohmann::ordered_json;

constexpr Count most_days = 60;  ///< looked at for drift

bool is_skipped(const std::string& path, const std::vector<std::string>& globs) {
  const std::string name = std::filesystem::path(path).filename().string();
  return std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
    return ::fnmatch(glob.c_str(), path.c_str(), 0) == 0 || ::fnmatch(glob.c_str(), name.c_str(), 0) == 0;
  });
}

/// The published night of the version in service; nullptr if the history does not know it.
const Night* night_of_version(const std::vector<Night>& nights, const std::string& version) {
  for (const Night& night : nights) {
    if (night.outcome == Outcome::published && night.version == version) return &night;
  }
  return nullptr;
}

/// What the history says of the version in service and of the log so far.
void add_earlier_nights(const std::vector<Night>& nights, Json& found) {
  if (const Night* service = night_of_version(nights, found["service"].get<std::string>())) {
    found["cutoff"] = service->facts.value("cutoff_time", std::int64_t{0});
  }
  for (const Night& night : nights) {
    if (!night.facts.contains("log")) continue;
    found["bad_rows"] = night.facts["log"].value("bad_rows", Count{0});
    found["duplicate_rows"] = night.facts["log"].value("duplicate_rows", Count{0});
  }
}

/// The version in service and those that were so before it, as far as they are on disk, latest first.
Json served_versions(const Store& store, const std::vector<Night>& nights, const std::string& service) {
  Json served = Json::array();
  const std::vector<std::string> on_disk = store.versions();
  for (std::optional<std::string> version = service; version;
       version = version_before(*version, on_disk, nights)) {
    const Night* night = night_of_version(nights, *version);
    served.push_back({*version, night ? night->facts.value("factors", Count{0}) : Count{0},
                      night ? nights_since_cold(nights, *night) : Count{0}});
  }
  return served;
}

/// Rank 0's part, as JSON that travels.
Json look_at(const Store& store, const RetrainOptions& options) {
  store.open();
  const auto nights = store.nights();
  Json found;
  found["night"] = store.next_night();
  found["service"] = store.current().value_or("");
  found["cutoff"] = std::int64_t{0};
  found["bad_rows"] = found["duplicate_rows"] = Count{0};
  try {
    add_earlier_nights(nights, found);
    found["served"] = Json::array();
    if (store.current()) found["served"] = served_versions(store, nights, *store.current());
  } catch (const Json::exception& error) {
    throw InputError(fmt::format("{}: the facts of a night are damaged ({}); mend or remove its line",
                                 store.history_path(), error.what()));
  }
  if (const auto stopped = store.stopped_night(); stopped && stopped->number == store.next_night()) {
    found["stopped_now"] = stopped->now;
  }
  found["files"] = log_files_json(files_read(nights));
  found["inputs"] = Json::array();
  found["empty"] = Json::array();
  if (options.ingest.config.inputs.empty()) throw ConfigError("--ingest.input: no log file was given");
  for (const InputFile& file : find_inputs(options.ingest.config.inputs)) {
    if (is_skipped(file.path, options.skip_logs)) continue;
    found[file.num_bytes > 0 ? "inputs" : "empty"].push_back(file.path);
  }
  return found;
}

bool has_header(const LogFormat& format) {
  if (format.format != LineFormat::csv || format.header == Header::no) return false;
  if (format.header == Header::yes) return true;
  return std::any_of(format.columns.begin(), format.columns.end(), [](const auto& column) {
    return column.second.find_first_not_of("0123456789") != std::string::npos;
  });
}

/// Whether a log file begins with the lines that it had; not if it cannot be read any more. Collective.
bool still_begins(const Communicator& comm, const LogFile& before, const LogFormat& format) {
  Count begins = 0;
  collectively(comm, "comparing a log file with the night before", [&] {
    if (!comm.is_root()) return;
    try {
      const InputFile file = find_inputs({before.path}).front();
      begins =
          digest_text(first_lines_digest(file, before.num_lines, format.max_line_bytes)) == before.digest;
    } catch (const Error& error) {
      log_warning("all lines of a log file count as new: {}", error.what());
    }
  });
  return comm.broadcast(begins, 0) != 0;
}

DailyCounts daily_counts(const Communicator& comm, const InteractionLog& log) {
  const std::size_t num_types = log.types.size();
  std::vector<Count> counts(static_cast<std::size_t>(most_days) * num_types, 0);
  Count last = -1;
  for (const LogEvent& event : log.events) {
    const Count day = (log.cutoff_time - event.time) / day_seconds;
    if (day >= most_days) continue;
    last = std::max(last, day);
    ++counts[static_cast<std::size_t>(day) * num_types + event.type];
  }
  comm.allreduce(std::span<Count>(counts), Reduce::sum);
  last = comm.allreduce(last, Reduce::max);
  DailyCounts daily;
  daily.types = log.types;
  for (Count day = 0; day <= last; ++day) {
    const auto first =
        counts.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(day) * num_types);
    daily.days.emplace_back(first, first + static_cast<std::ptrdiff_t>(num_types));
  }
  return daily;
}

}  // namespace

Count bad_rows_of(const CleaningReport& report) {
  return report.bad_rows() - report[Check::duplicate].dropped;
}

Tonight begin_night(const Communicator& comm, const Store& store, const RetrainOptions& options) {
  std::string text;
  collectively(comm, "looking at the store", [&] {
    if (comm.is_root()) text = dump_json(look_at(store, options));
  });
  const Json found = Json::parse(comm.broadcast_text(std::move(text), 0));
  Tonight tonight;
  const std::int64_t clock = comm.broadcast(static_cast<std::int64_t>(std::time(nullptr)), 0);
  tonight.now = options.now.empty() ? clock : parse_time_option(options.now, "--now");
  constexpr std::int64_t same_night_seconds = 12 * 3600;
  const std::int64_t stopped_now = found.value("stopped_now", std::int64_t{0});
  if (options.now.empty() && clock >= stopped_now && clock - stopped_now <= same_night_seconds) {
    tonight.now = stopped_now;  // so that its checkpoints are of the same data
  }
  tonight.number = found["night"].get<Count>();
  tonight.version = Store::version_name(tonight.number, tonight.now);
  tonight.service = found["service"].get<std::string>();
  tonight.service_cutoff = found["cutoff"].get<std::int64_t>();
  for (const Json& version : found["served"])
    tonight.served.push_back(
        {version[0].get<std::string>(), version[1].get<Count>(), version[2].get<Count>()});
  tonight.bad_rows_before = found["bad_rows"].get<Count>();
  tonight.duplicate_rows_before = found["duplicate_rows"].get<Count>();
  Night before;
  before.facts["new_files"] = found["files"];
  tonight.files_before = files_read(std::span(&before, 1));
  tonight.inputs = found["inputs"].get<std::vector<std::string>>();
  for (const auto& path : found["empty"])
    tonight.empty_files.push_back({path.get<std::string>(), 0, 0, "", true});
  return tonight;
}

std::vector<LogFile> files_of(const Tonight& tonight, const InteractionLog& log, const LogFormat& format) {
  std::vector<LogFile> files = tonight.empty_files;
  const Count header_lines = has_header(format) ? 1 : 0;
  for (const InputDigest& input : log.inputs) {
    files.push_back({input.path, input.num_bytes, input.num_lines, digest_text(input.lines_digest),
                     input.num_lines <= header_lines});
  }
  return files;
}

LogFacts facts_of_log(const Communicator& comm, const Tonight& tonight, const IngestedLog& ingested,
                      const LogFormat& format) {
  const InteractionLog& log = ingested.log;
  LogFacts facts;
  facts.new_files = compare_files(files_of(tonight, log, format), tonight.files_before,
                                  [&](const LogFile& before) { return still_begins(comm, before, format); });
  facts.new_events = comm.sum(
      static_cast<Count>(std::count_if(log.events.begin(), log.events.end(), [&](const LogEvent& event) {
        return event.time > tonight.service_cutoff;
      })));
  const Count header_lines = has_header(format) ? 1 : 0;
  for (std::size_t f = 0; f < facts.new_files.files.size(); ++f) {
    const Count before = std::max(facts.new_files.lines_before[f], header_lines);
    facts.new_rows += std::max<Count>(0, facts.new_files.files[f].num_lines - before);
  }
  facts.new_bad_rows = std::max<Count>(0, bad_rows_of(ingested.report) - tonight.bad_rows_before);
  facts.new_duplicate_rows =
      std::max<Count>(0, ingested.report[Check::duplicate].dropped - tonight.duplicate_rows_before);
  const double days = static_cast<double>(log.cutoff_time - tonight.service_cutoff) / day_seconds;
  const Count new_days =
      tonight.service.empty() ? 1 : std::clamp<Count>(static_cast<Count>(std::llround(days)), 1, most_days);
  constexpr double least_usual = 20;  // events of a type in a day: under it a factor says nothing
  facts.drift = find_drift(daily_counts(comm, log), new_days, least_usual);
  return facts;
}

}  // namespace pushcart::app
