#include "ingest/log_share.hpp"

#include <algorithm>

#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

namespace {

/// Parsing a row takes at least so many times the work of taking a kept one.
constexpr Count parse_factor = 4;

/// What a stretch is of.
struct Origin {
  int file = 0;
  KeptPlace place;
};

std::unique_ptr<KeptSources> find_kept(const Communicator& comm, const IngestConfig& config,
                                       const std::vector<InputFile>& files, KeptEvents& kept) {
  kept.parts.clear();
  const auto digests = stored_digests(comm, files);
  auto keys = collectively(comm, "looking for kept events", [&] {
    std::vector<KeptKey> made;
    for (std::size_t f = 0; f < files.size(); ++f) {
      made.push_back({digests[f], files[f].num_bytes, parse_settings_digest(config, files[f].path)});
    }
    return made;
  });
  try {
    auto found = std::make_unique<KeptSources>(comm, kept, KeptColumns(config), std::move(keys));
    kept.parts = found->parts();
    return found;
  } catch (const CollectiveError& error) {
    kept.not_kept = error.what();
    log_warning("all log files are parsed, and their events are not kept: {}", error.what());
    return nullptr;
  }
}

void count_files(const LogShare& share, KeptEvents& kept) {
  kept.files_parsed = kept.bytes_parsed = kept.files_taken = kept.bytes_taken = 0;
  for (std::size_t f = 0; f < share.files.size(); ++f) {
    const bool is_kept = share.kept && share.kept->of_file(f);
    (is_kept ? kept.files_taken : kept.files_parsed) += 1;
    (is_kept ? kept.bytes_taken : kept.bytes_parsed) += share.files[f].num_bytes;
  }
  log_info(
      "{} log files ({} bytes) are as they were when their events were kept, {} ({} bytes) are to be parsed",
      kept.files_taken, kept.bytes_taken, kept.files_parsed, kept.bytes_parsed);
}

}  // namespace

Count LogShare::kept_rows() const {
  Count rows = 0;
  for (const KeptPlace& place : places) rows += place.is_text() ? 0 : kept->num_rows(place);
  return rows;
}

LogShare find_log(const Communicator& comm, const IngestConfig& config, KeptEvents* kept) {
  LogShare share;
  share.files = collectively(comm, "find inputs", [&] { return find_inputs(config.inputs); });
  if (kept) share.kept = find_kept(comm, config, share.files, *kept);
  return share;
}

void share_out(const Communicator& comm, LogShare& share, KeptEvents* kept) {
  if (kept) count_files(share, *kept);
  share.units.clear();
  share.places.clear();
  std::vector<InputStretch> stretches;
  std::vector<Origin> origins;
  for (std::size_t f = 0; f < share.files.size(); ++f) {
    const InputFile& file = share.files[f];
    const auto found = share.kept ? share.kept->of_file(f) : std::nullopt;
    if (!found) {
      stretches.push_back({file.num_bytes, file.compression == FileCompression::plain});
      origins.push_back({static_cast<int>(f), {}});
      continue;
    }
    const Count row_weight = file.num_bytes / std::max<Count>(1, found->num_rows);
    for (Count chunk = found->chunks.begin; chunk < found->chunks.end; ++chunk) {
      const KeptPlace place{found->source, chunk};
      stretches.push_back({1 + share.kept->num_rows(place) * row_weight / parse_factor, false});
      origins.push_back({static_cast<int>(f), place});
    }
  }
  const auto shares = share_stretches(stretches, comm.size());
  for (WorkUnit unit : shares[static_cast<std::size_t>(comm.rank())]) {
    const Origin& origin = origins[static_cast<std::size_t>(unit.file)];
    unit.file = origin.file;
    if (!origin.place.is_text()) unit.begin = unit.end = 0;
    share.units.push_back(unit);
    share.places.push_back(origin.place);
  }
}

}  // namespace pushcart::detail
