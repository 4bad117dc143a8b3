#include "ingest/log_sizes.hpp"

#include <algorithm>
#include <unordered_set>

#include "ingest/write_kept_lines.hpp"

namespace pushcart::detail {

namespace {

/// Bytes of text that make a row: measured at the begin of what this rank reads. Ids of an adjacency line are
/// a row each, so their number is counted there.
Count sampled_row_bytes(const IngestConfig& config, const InputFile& file, const WorkUnit& unit) {
  constexpr std::size_t sample_bytes = 1 << 18;
  constexpr Count unknown = 32;
  std::string block;
  try {
    BlockReader reader(file, unit, sample_bytes, config.format.max_line_bytes);
    if (!reader.next(block)) return unknown;
  } catch (const Error&) {
    return unknown;  // told when the file is read
  }
  const bool adjacency = config.format.format == LineFormat::adjacency;
  const Count rows = std::count(block.begin(), block.end(), adjacency ? ' ' : '\n');
  return std::max<Count>(1, static_cast<Count>(block.size()) / std::max<Count>(1, rows));
}

const WorkUnit* first_text(const LogShare& share) {
  for (std::size_t u = 0; u < share.units.size(); ++u) {
    if (share.is_text(u)) return &share.units[u];
  }
  return nullptr;
}

/// Bytes of ids that a checkpoint holds for a row, each once in so many rows, with what tells where it
/// begins.
Count sampled_text_bytes(const ParseSettings& settings, const InputFile& file, const WorkUnit& unit) {
  constexpr std::size_t sample_bytes = 1 << 20;
  constexpr Count least = 8;
  const LogFormat& format = settings.config.format;
  std::string block;
  ParsedLines lines;
  try {
    BlockReader reader(file, unit, sample_bytes, format.max_line_bytes);
    if (!reader.next(block)) return least;
    LineParser(settings, format_of_file(settings.config, file.path), read_header(format, file))
        .parse(block, lines);
  } catch (const Error&) {
    return least;  // told when the file is read
  }
  std::unordered_set<std::string_view> users, items;
  Count bytes = 0;
  for (const ParsedRow& row : lines.rows) {
    if (users.insert(row.user).second) bytes += static_cast<Count>(row.user.size() + sizeof(Count));
    if (items.insert(row.item).second) bytes += static_cast<Count>(row.item.size() + sizeof(Count));
  }
  return std::max(least, bytes / std::max<Count>(1, static_cast<Count>(lines.rows.size())));
}

/// Of text that this rank will parse.
Count text_bytes(const LogShare& share) {
  constexpr Count expansion = 6;  // of compressed text
  Count bytes = 0;
  for (std::size_t u = 0; u < share.units.size(); ++u) {
    if (!share.is_text(u)) continue;
    const WorkUnit& unit = share.units[u];
    const bool plain = share.files[static_cast<std::size_t>(unit.file)].compression == FileCompression::plain;
    bytes += (unit.end - unit.begin) * (plain ? 1 : expansion);
  }
  return bytes;
}

}  // namespace

IngestSizes sizes_of(const Communicator& comm, const ParseSettings& settings, const ReadLog& log) {
  const IngestConfig& config = settings.config;
  constexpr Count rows_an_id = 25;  // not known yet; what is held is counted then
  IngestSizes sizes;
  if (const WorkUnit* first = first_text(log.share)) {
    const InputFile& file = log.share.files[static_cast<std::size_t>(first->file)];
    sizes.row_bytes = sampled_row_bytes(config, file, *first);
    if (log.unwritten) sizes.unwritten_text_bytes = sampled_text_bytes(settings, file, *first);
  }
  const Count parsed_rows = text_bytes(log.share) / sizes.row_bytes;
  sizes.read_rows = parsed_rows + log.share.kept_rows();
  if (log.to_keep) sizes.kept_rows = parsed_rows + log.share.kept_rows_of_parts();
  if (log.writes_to_keep) sizes.written_rows = std::min(parsed_rows, most_written_rows);
  if (log.unwritten) sizes.unwritten_rows = parsed_rows;
  const Count all_rows = comm.sum(sizes.read_rows);
  sizes.owned_rows = all_rows / comm.size();
  sizes.num_ids = all_rows / rows_an_id;
  const bool rated = config.ratings != RatingsMode::off;
  sizes.num_types = rated ? 0 : std::max<Count>(1, static_cast<Count>(config.events.size()));
  sizes.num_ranks = comm.size();
  return sizes;
}

}  // namespace pushcart::detail
