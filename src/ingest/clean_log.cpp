#include "pushcart/ingest/clean_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "ingest/bots.hpp"
#include "ingest/count_by_day.hpp"
#include "ingest/duplicates.hpp"
#include "ingest/keep_events.hpp"
#include "ingest/outliers.hpp"
#include "ingest/read_log.hpp"
#include "ingest/rejects.hpp"
#include "ingest/sort_log.hpp"
#include "ingest/summarize.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart {

namespace {

using detail::ReadLog;

/// All ranks measure "future" by the same clock.
std::int64_t agreed_now(const Communicator& comm, const IngestConfig& config) {
  return comm.broadcast(config.now != 0 ? config.now : static_cast<std::int64_t>(std::time(nullptr)), 0);
}

void make_global_checks(const Communicator& comm, const detail::ParseSettings& settings, ReadLog& log) {
  const auto& config = settings.config;
  const auto enabled = settings.checks.enabled();
  detail::flag_duplicates(comm, log.batches, config.dedupe);
  for (auto& batch : log.batches) batch.hashes = {};
  detail::flag_outliers(comm, log.batches, &detail::RowBatch::quantities, config.quantity_outlier_z,
                        Check::quantity_outlier, enabled);
  detail::flag_outliers(comm, log.batches, &detail::RowBatch::prices, config.price_outlier_z,
                        Check::price_outlier, enabled);
  detail::flag_bots(comm, log.batches, config, enabled);
}

/// A rule that no kept event follows is most likely a misspelt type.
void warn_of_unused_rules(const IngestConfig& config, const std::vector<std::string>& types) {
  if (config.ratings != RatingsMode::off) return;
  const StrengthRules rules(config);
  for (const auto& [ruled, rule] : config.events) {
    const bool used = std::any_of(types.begin(), types.end(),
                                  [&, &name = ruled](const std::string& type) { return rules.of_type(type).column == name; });
    if (!used) log_warning("--event {}: no event that was kept is of this type; there are {}", ruled, fmt::join(types, ", "));
  }
}

/// Throws InputError if the log is to be refused.
void write_rejects(const Communicator& comm, const detail::ParseSettings& settings, ReadLog& log,
                   const CleaningReport& report, std::unique_ptr<StagedOutput>* rejects) {
  const auto& config = settings.config;
  std::string path = config.rejects_path;
  auto refusal = detail::reason_to_refuse(config, report);
  if (refusal && !path.empty()) path = refused_rejects_path(path);
  const bool is_wanted = !path.empty() && (!refusal || report.rows_kept < report.rows_read);
  auto file = is_wanted ? detail::stage_rejects(comm, settings, log, path) : nullptr;
  if (file && rejects && !refusal) *rejects = std::move(file);
  if (file) file->publish();
  if (refusal && is_wanted && !config.drop_rejects) *refusal += fmt::format("; the rejected rows are in {}", path);
  if (refusal) throw InputError(*refusal);
}

}  // namespace

std::string refused_rejects_path(const std::string& rejects_path) {
  const std::filesystem::path path(rejects_path);
  return (path.parent_path() / ("refused-" + path.filename().string())).string();
}

InteractionLog clean_log(const Communicator& comm, const IngestConfig& config, CleaningReport& report,
                         PhaseLog& phases, std::unique_ptr<StagedOutput>* rejects, KeptEvents* kept) {
  check_config(config);
  const auto now = agreed_now(comm, config);
  const detail::ParseSettings settings{config, detail::RowChecks(config, now), StrengthRules(config)};
  const auto enabled = settings.checks.enabled();

  InteractionLog result;
  ReadLog log;
  detail::read_log(comm, settings, kept, phases, log, result, report);
  Count num_rows = 0;
  for (const auto& batch : log.batches) num_rows += static_cast<Count>(batch.rows.size());
  { const auto counted = phases.time("read and parse", num_rows); }
  {
    const auto timer = phases.time("check");
    make_global_checks(comm, settings, log);
    detail::summarize_checks(comm, log, enabled, report);
  }
  {
    const auto timer = phases.time("write rejects");
    write_rejects(comm, settings, log, report, rejects);
  }
  if (log.to_keep) {
    const auto timer = phases.time("keep events");
    kept->output = detail::stage_kept(comm, config, log, *kept);
    log.to_keep.reset();
  }
  const auto timer = phases.time("sort events");
  const auto type_numbers = detail::number_types(comm, log, log.types, enabled, result, report);
  warn_of_unused_rules(config, result.types);
  if (result.has_queries) detail::collect_searches(comm, log.batches, enabled, result);
  detail::collect_events(comm, log.batches, enabled, type_numbers, result);
  detail::count_by_day(comm, result, report);
  return result;
}

}  // namespace pushcart
