#include "pushcart/ingest/keep_log.hpp"

#include <filesystem>

#include "ingest/keep_events.hpp"
#include "ingest/read_log.hpp"
#include "pushcart/base/log.hpp"

namespace pushcart {

std::vector<InputFile> files_to_keep(const Communicator& comm, const IngestConfig& config, KeptEvents& kept) {
  const detail::LogShare share = detail::find_log(comm, config, &kept);
  std::vector<InputFile> files;
  for (std::size_t f = 0; share.kept && f < share.files.size(); ++f) {
    if (!share.kept->of_file(f)) files.push_back(share.files[f]);
  }
  const std::size_t num_kept = share.kept ? share.files.size() - files.size() : 0;
  if (num_kept > 0) log_info("going on after {} of {} log files", num_kept, share.files.size());
  return files;
}

void keep_log(const Communicator& comm, const IngestConfig& config, std::span<const InputFile> files,
              PhaseLog& phases, KeptEvents& kept) {
  IngestConfig part = config;
  part.inputs.clear();
  for (const InputFile& file : files) part.inputs.push_back(file.path);
  // What depends on the clock is looked for when kept events are taken.
  const detail::ParseSettings settings{part, detail::RowChecks(part, 0), StrengthRules(part)};
  kept.of_part = true;
  detail::ReadLog log;
  InteractionLog unused;
  CleaningReport report;
  {
    const auto timer = phases.time("read and parse");
    detail::read_log(comm, settings, &kept, log, unused, report);
  }
  const auto timer = phases.time("keep events");
  if (!log.to_keep) return;
  const auto output = detail::stage_kept(comm, part, log, kept);
  if (output) output->publish();
}

bool is_named_as_kept(const std::string& folder, const std::string& path) {
  if (detail::number_of_kept(path) == 0) return false;
  const auto place = [](const std::filesystem::path& of) {
    return std::filesystem::weakly_canonical(std::filesystem::absolute(of) / "");
  };
  return place(folder) == place(std::filesystem::absolute(path).parent_path());
}

void remove_parts(const std::string& folder, const std::vector<std::string>& parts) {
  std::error_code error;
  for (const std::string& path : parts) {
    std::filesystem::remove(path, error);
    if (error) log_warning("{}: not removed: {}", path, error.message());
  }
  if (!std::filesystem::is_directory(folder, error)) return;
  std::filesystem::remove(folder, error);
  if (error) log_info("{}: stays, since it holds other files", folder);
}

}  // namespace pushcart
