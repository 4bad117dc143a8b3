#include "ingest/rejects.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "ingest/gzip_member.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

namespace {

constexpr std::size_t longest_text = 4096;

/// A CSV field in quotes; control bytes, which no reader of CSV expects, become '?'.
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text.substr(0, longest_text)) {
    if (c == '"') out += '"';
    out += (static_cast<unsigned char>(c) < 0x20 && c != '\t') ? '?' : c;
  }
  if (text.size() > longest_text) out += "...";
  out += '"';
}

/// Reads a unit again and writes its rejections, which are in order of line.
void write_unit(const ParseSettings& settings, const ReadLog& log, std::size_t unit,
                std::span<const Rejection> rejections, GzipMember& out) {
  const auto& format = settings.config.format;
  const InputFile& file = log.files[static_cast<std::size_t>(log.units[unit].file)];
  LineParser parser(settings, format_of_file(settings.config, file.path), read_header(format, file));
  constexpr std::size_t block_bytes = 1 << 20;
  BlockReader reader(file, log.units[unit], block_bytes, format.max_line_bytes);
  std::string block, entry;
  Count line_number = 0;
  std::size_t next = 0;
  while (next < rejections.size() && reader.next(block)) {
    for (std::size_t position = 0; position < block.size() && next < rejections.size(); ++line_number) {
      const auto line = next_line(block, position);
      for (; next < rejections.size() && rejections[next].line == line_number; ++next) {
        const auto& rejection = rejections[next];
        entry.clear();
        append_quoted(entry, file.path);
        entry += fmt::format(",{},", log.lines_before[unit] + line_number + 1);
        append_quoted(entry, rejection.cause == Check::unparseable
                                 ? fmt::format("{}: {}", check_name(rejection.cause), parser.fault_of(line))
                                 : std::string(check_name(rejection.cause)));
        entry += ',';
        append_quoted(entry, line);
        entry += '\n';
        out.write(entry);
      }
    }
  }
  if (next < rejections.size()) {
    throw InputError(
        fmt::format("{}: has fewer lines than when it was first read; do not change the input while "
                    "it is read",
                    file.path));
  }
}

std::string compressed_rejects(const ParseSettings& settings, const ReadLog& log, bool with_header) {
  GzipMember out;
  if (with_header) out.write("file,line,reason,text\n");
  std::vector<Rejection> of_unit;
  const auto flush = [&] {
    if (!of_unit.empty()) write_unit(settings, log, of_unit.front().unit, of_unit, out);
    of_unit.clear();
  };
  visit_rejections(log, settings.checks.enabled(), [&](const Rejection& rejection) {
    if (!of_unit.empty() && of_unit.front().unit != rejection.unit) flush();
    of_unit.push_back(rejection);
  });
  flush();
  return out.finish();
}

}  // namespace

std::string short_reason(const Rejection& rejection) {
  std::string reason(check_name(rejection.cause));
  if (rejection.cause == Check::unparseable) reason += fmt::format(": {}", parse_fault_name(rejection.fault));
  return reason;
}

std::unique_ptr<StagedOutput> stage_rejects(const Communicator& comm, const ParseSettings& settings,
                                            const ReadLog& log, const std::string& path) {
  std::optional<OutputFile> file;
  collectively(comm, "open the reject file", [&] {
    if (comm.is_root()) file.emplace(path);
  });
  const std::string mine = collectively(comm, "compress rejected rows",
                                        [&] { return compressed_rejects(settings, log, comm.is_root()); });
  const auto sizes = comm.allgather(static_cast<Count>(mine.size()));
  constexpr Count round_bytes = Count{1} << 23;
  for (int source = 0; source < comm.size(); ++source) {
    const Count size = sizes[static_cast<std::size_t>(source)];
    for (Count first = 0; first < size; first += round_bytes) {
      std::span<const char> part;
      if (source == comm.rank()) {
        part = std::span<const char>(mine).subspan(
            static_cast<std::size_t>(first), static_cast<std::size_t>(std::min(round_bytes, size - first)));
      }
      const auto received = comm.gather(part, 0);
      collectively(comm, "write rejected rows", [&] {
        if (comm.is_root()) file->write({received.data.data(), received.data.size()});
      });
    }
  }
  collectively(comm, "write rejected rows", [&] {
    if (comm.is_root()) file->finish();
  });
  return std::make_unique<StagedText>(comm, std::move(file));
}

}  // namespace pushcart::detail
