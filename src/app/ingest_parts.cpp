#include "app/ingest_parts.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>

#include "app/retrain/version_output.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/ingest/keep_log.hpp"

namespace pushcart::app {

namespace {

/// Bytes on disk of the next part, by how long the last one took.
class PartSize {
 public:
  explicit PartSize(int num_ranks) : bytes_(num_ranks * first_bytes_a_rank) {}

  Count bytes() const { return bytes_; }
  void took(Count num_bytes, double seconds) {
    constexpr double wanted_seconds = 600, most_growth = 4;
    const double growth = std::min(wanted_seconds / std::max(seconds, 1e-3), most_growth);
    bytes_ = std::max<Count>(1, static_cast<Count>(growth * static_cast<double>(num_bytes)));
  }

 private:
  static constexpr Count first_bytes_a_rank = Count{1} << 26;
  Count bytes_;
};

std::span<const InputFile> part_of(std::span<const InputFile> files, Count most_bytes, Count most_files) {
  std::size_t taken = 1;
  Count bytes = files.front().num_bytes;
  while (taken < files.size() && (most_files == 0 || static_cast<Count>(taken) < most_files) &&
         bytes + files[taken].num_bytes <= most_bytes) {
    bytes += files[taken++].num_bytes;
  }
  return files.first(taken);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

void declare_ingest_parts(OptionSet& options, IngestParts& parts) {
  options.add(
      "checkpoint", parts.folder,
      "read the log files part by part and keep what is parsed of them in this folder, so that the run can "
      "be stopped and gone on with; empty = in one go");
  options.add("checkpoint-files", parts.files_a_part,
              "log files of a part, at most; 0 = as many as take some ten minutes");
  declare_stop(options, parts.stop);
}

void check_parts(const IngestParts& parts) {
  if (parts.files_a_part < 0) throw ConfigError("--checkpoint-files: must not be negative");
  if (!parts.folder.empty()) return;
  for (const auto& [option, is_given] : {std::pair("max-hours", parts.stop.max_hours != 0),
                                         std::pair("checkpoint-files", parts.files_a_part != 0)}) {
    if (is_given) throw ConfigError(fmt::format("--{}: needs --checkpoint FOLDER", option));
  }
}

void check_beside_parts(const Communicator& comm, const IngestParts& parts, std::string_view option,
                        const std::string& path) {
  if (parts.folder.empty()) return;
  collectively(comm, "checking paths", [&] {
    if (!is_named_as_kept(parts.folder, path)) return;
    throw ConfigError(
        fmt::format("{} {}: a part in --checkpoint {} may be named so; take another name or folder", option,
                    path, parts.folder));
  });
}

KeptEvents keep_in_parts(Session& session, const IngestConfig& config, const IngestParts& parts) {
  KeptEvents kept;
  kept.folder = parts.folder;
  kept.most_files = 4096;  // of parts; none is to be read again
  limit_time(session, parts.stop);
  StopRequest::catch_signals();
  const std::vector<InputFile> files = files_to_keep(session.comm, config, kept);
  std::span<const InputFile> left(files);
  PartSize size(session.comm.size());
  while (!left.empty() && kept.not_kept.empty()) {
    const auto start = std::chrono::steady_clock::now();
    const auto part = part_of(left, size.bytes(), parts.files_a_part);
    keep_log(session.comm, config, part, session.phases, kept);
    left = left.subspan(part.size());
    const double seconds = session.comm.allreduce(seconds_since(start), Reduce::max);
    Count bytes = 0;
    for (const InputFile& file : part) bytes += file.num_bytes;
    size.took(bytes, seconds);
    if (kept.not_kept.empty()) {
      stop_if_asked(
          session, seconds,
          fmt::format(
              "{} in {}; run the same command again to go on, on any number of ranks",
              left.empty()
                  ? "all log files are parsed, and only the data set is left to make; what is parsed is"
                  : fmt::format("{} of the log files are still to be parsed, what is parsed of the others is",
                                left.size()),
              parts.folder));
    }
  }
  StopRequest::end_at_signals();
  kept.adds = kept.of_part = false;
  return kept;
}

void remove_parts_at_end(Session& session, const KeptEvents& kept) {
  session.outputs.push_back(std::make_unique<LastStep>(
      session.comm, [folder = kept.folder, parts = kept.parts] { remove_parts(folder, parts); }));
}

}  // namespace pushcart::app
