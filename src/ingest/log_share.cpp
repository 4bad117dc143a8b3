#include "ingest/log_share.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

namespace {

/// Parsing a row takes at least so many times the work of taking a kept one.
constexpr Count parse_factor = 4;

/// What a stretch is of: a kept chunk, or text from a place of the file on.
struct Origin {
  int file = 0;
  KeptPlace place;
  Count text_begin = 0;
};

/// Stretches of all log files, in order, and what they are of.
struct Stretches {
  std::vector<InputStretch> weights;
  std::vector<Origin> origins;

  void add(Count weight, bool may_cut, const Origin& origin) {
    weights.push_back({weight, may_cut});
    origins.push_back(origin);
  }
};

std::unique_ptr<KeptSources> find_kept(const Communicator& comm, const IngestConfig& config,
                                       const std::vector<InputFile>& files, KeptEvents& kept) {
  kept.parts.clear();
  std::vector<std::string> named;
  if (!kept.taken_from.empty()) named = named_kept_files(comm, kept.taken_from);  // an error ends the run
  std::unique_ptr<KeptSources> found;
  try {
    found = std::make_unique<KeptSources>(comm, kept, std::move(named), KeptColumns(config), files.size());
  } catch (const CollectiveError& error) {
    kept.not_kept = error.what();
    log_warning("all log files are parsed, and their events are not kept: {}", error.what());
    return nullptr;
  }
  if (!kept.taken_from.empty() && !found->any_opened())
    throw InputError(kept.taken_from + ": holds no checkpoint to go on from (--resume)");
  if (comm.is_root()) kept.leftovers = found->leftovers();
  if (!kept.is_for_later() && kept.checkpoints && found->is_empty()) return found;  // the files are not read for their keys
  found->look_for(keys_of(comm, config, files));
  kept.parts = found->parts();
  if (comm.is_root()) kept.leftovers = found->leftovers();
  const bool tells_others = kept.checkpoints && kept.takes && !kept.is_for_later();
  if (const Count others = found->num_of_other_settings(); tells_others && others > 0) {
    log_warning(
        "{}: {} log files are there as other columns, formats or another version parse them; they are parsed "
        "anew",
        kept.taken_from.empty() ? kept.folder : kept.taken_from, others);
  }
  if (const Count others = found->num_of_other_logs(); tells_others && others > 0) {
    log_warning("{}: checkpoints there are of {} log files whose bytes none of this log has; they {}",
                kept.taken_from.empty() ? kept.folder : kept.taken_from, others,
                kept.taken_from.empty() && kept.is_of_this_output ? "go after success" : "stay");
  }
  return found;
}

void count_files(const LogShare& share, KeptEvents& kept) {
  kept.files_parsed = kept.bytes_parsed = kept.files_taken = kept.bytes_taken = 0;
  kept.files_in_part = kept.rows_taken = kept.rows_of_parts = 0;
  for (std::size_t f = 0; f < share.files.size(); ++f) {
    const bool is_kept = share.kept && share.kept->is_whole(f);
    (is_kept ? kept.files_taken : kept.files_parsed) += 1;
    (is_kept ? kept.bytes_taken : kept.bytes_parsed) += share.files[f].num_bytes;
    if (!share.kept) continue;
    kept.files_in_part += !is_kept && !share.kept->of_file(f).empty() ? 1 : 0;
    kept.rows_taken += share.kept->num_rows_of_file(f);
    for (const KeptStretch& stretch : share.kept->of_file(f))
      kept.rows_of_parts += share.kept->is_part(stretch.place) ? share.kept->num_rows(stretch.place) : 0;
  }
  if (!kept.is_for_later() && kept.checkpoints && kept.files_taken + kept.files_in_part == 0) return;
  log_info(
      "{} log files ({} bytes) are as they were when their events were kept, {} ({} bytes) are to be "
      "parsed{}",
      kept.files_taken, kept.bytes_taken, kept.files_parsed, kept.bytes_parsed,
      kept.files_in_part > 0 ? fmt::format(", {} of them from where they are kept on", kept.files_in_part)
                             : "");
}

/// The text of a file between its kept chunks. An archive, which can only be read on from a place, is kept up
/// to the first gap.
void add_file(const LogShare& share, std::size_t f, Stretches& stretches) {
  const InputFile& file = share.files[f];
  const int number = static_cast<int>(f);
  const bool is_plain = file.compression == FileCompression::plain;
  const bool is_whole = share.kept && share.kept->is_whole(f);
  const Count num_rows = share.kept ? share.kept->num_rows_of_file(f) : 0;
  constexpr Count usual_row_bytes = 32;
  const Count row_weight = is_whole ? file.num_bytes / std::max<Count>(1, num_rows) : usual_row_bytes;
  Count at = 0;
  if (share.kept) {
    for (const KeptStretch& kept : share.kept->of_file(f)) {
      if (!is_whole && kept.text.begin > at) {
        if (!is_plain) break;
        stretches.add(std::min(kept.text.begin, file.num_bytes) - at, true, {number, {}, at});
      }
      stretches.add(1 + share.kept->num_rows(kept.place) * row_weight / parse_factor, false,
                    {number, kept.place, 0});
      at = kept.text.end;
    }
  }
  if (is_whole || at == end_of_text) return;
  if (!is_plain) return stretches.add(file.num_bytes, false, {number, {}, at});
  if (at < file.num_bytes) stretches.add(file.num_bytes - at, true, {number, {}, at});
}

}  // namespace

Count LogShare::kept_rows() const {
  Count rows = 0;
  for (const KeptPlace& place : places) rows += place.is_text() ? 0 : kept->num_rows(place);
  return rows;
}

Count LogShare::kept_rows_of_parts() const {
  Count rows = 0;
  for (const KeptPlace& place : places)
    rows += !place.is_text() && kept->is_part(place) ? kept->num_rows(place) : 0;
  return rows;
}

LogShare find_log(const Communicator& comm, const IngestConfig& config, KeptEvents* kept) {
  LogShare share;
  share.files = collectively(comm, "find inputs", [&] { return find_inputs(config.inputs); });
  if (!kept) return share;
  if (kept->checkpoints) share.keys = std::make_unique<FileKeys>(comm, share.files);
  share.kept = find_kept(comm, config, share.files, *kept);
  if (share.keys && share.kept && !share.kept->keys().empty()) share.keys->know(share.kept->keys());
  return share;
}

void share_out(const Communicator& comm, LogShare& share, KeptEvents* kept) {
  if (kept) count_files(share, *kept);
  share.units.clear();
  share.places.clear();
  Stretches stretches;
  for (std::size_t f = 0; f < share.files.size(); ++f) add_file(share, f, stretches);
  const auto shares = share_stretches(stretches.weights, comm.size());
  for (WorkUnit unit : shares[static_cast<std::size_t>(comm.rank())]) {
    const auto stretch = static_cast<std::size_t>(unit.file);
    const Origin& origin = stretches.origins[stretch];
    unit.file = origin.file;
    const bool may_cut = stretches.weights[stretch].may_cut;
    if (!origin.place.is_text()) {
      unit.begin = unit.end = 0;
    } else if (may_cut) {
      unit.begin += origin.text_begin;
      unit.end += origin.text_begin;
    } else {
      unit.left_out = origin.text_begin;
    }
    share.units.push_back(unit);
    share.places.push_back(origin.place);
  }
}

}  // namespace pushcart::detail
