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

/// The lines of a unit's text, or of what is kept of a file, that a rank has to write, which are in order.
class FileRejects {
 public:
  FileRejects(const ParseSettings& settings, ReadLog& log, std::vector<Rejection> rejections, GzipMember& out)
      : settings_(settings),
        log_(log),
        file_(log.share.files[static_cast<std::size_t>(log.share.units[rejections.front().unit].file)]),
        rejections_(std::move(rejections)),
        out_(out) {}

  void write() {
    const std::size_t unit = rejections_.front().unit;
    if (log_.share.is_text(unit)) return write_from_text(log_.share.units[unit], log_.lines_before[unit]);
    if (!write_from_kept()) write_from_text({0, 0, file_.num_bytes}, 0);
  }

 private:
  Count line_in_file(const Rejection& rejection) const {
    return log_.lines_before[rejection.unit] + rejection.line;
  }

  std::string entry(const Rejection& rejection, std::string_view reason, std::string_view text) const {
    std::string entry;
    append_quoted(entry, file_.path);
    entry += fmt::format(",{},", line_in_file(rejection) + 1);
    append_quoted(entry, rejection.cause == Check::unparseable
                             ? fmt::format("{}: {}", check_name(rejection.cause), reason)
                             : std::string(check_name(rejection.cause)));
    entry += ',';
    append_quoted(entry, text);
    return entry + '\n';
  }

  /// Whether the texts of all lines were kept; if not, nothing is written.
  bool write_from_kept() {
    std::string entries;
    std::vector<KeptRejection> kept;
    std::size_t unit = log_.share.units.size(), next = 0;
    for (const Rejection& rejection : rejections_) {
      if (rejection.unit != unit) {
        unit = rejection.unit;
        next = 0;
        auto found = log_.share.kept->rejected(log_.share.places[unit]);
        if (!found) return false;
        kept = std::move(*found);
      }
      while (next < kept.size() && Count{kept[next].line} < rejection.line) ++next;
      if (next == kept.size() || Count{kept[next].line} != rejection.line) return false;
      entries += entry(rejection, kept[next].reason, kept[next].text);
    }
    out_.write(entries);
    return true;
  }

  /// @param line_number  of the unit's first line in the file
  void write_from_text(const WorkUnit& unit, Count line_number) {
    const auto& format = settings_.config.format;
    LineParser parser(settings_, format_of_file(settings_.config, file_.path), read_header(format, file_));
    constexpr std::size_t block_bytes = 1 << 20;
    BlockReader reader(file_, unit, block_bytes, format.max_line_bytes);
    std::string block;
    std::size_t next = 0;
    while (next < rejections_.size() && reader.next(block)) {
      for (std::size_t position = 0; position < block.size() && next < rejections_.size(); ++line_number) {
        const auto line = next_line(block, position);
        for (; next < rejections_.size() && line_in_file(rejections_[next]) == line_number; ++next) {
          const Rejection& rejection = rejections_[next];
          const bool unparseable = rejection.cause == Check::unparseable;
          const std::string reason = unparseable ? parser.fault_of(line) : std::string();
          out_.write(entry(rejection, reason, line));
          if (log_.to_keep && log_.share.is_to_keep(rejection.unit)) {
            log_.to_keep->reject(rejection.unit, rejection.line, reason, line.substr(0, longest_text + 1));
          }
        }
      }
    }
    if (next == rejections_.size()) return;
    throw InputError(fmt::format("{}: has fewer lines than when it was first read; do not change the input while "
                                 "it is read",
                                 file_.path));
  }

  const ParseSettings& settings_;
  ReadLog& log_;
  const InputFile& file_;
  std::vector<Rejection> rejections_;
  GzipMember& out_;
};

/// Whether the lines of both units are found in one pass: those of one unit, or of what is kept of one file.
bool together(const LogShare& share, std::size_t a, std::size_t b) {
  if (a == b) return true;
  return share.units[a].file == share.units[b].file && !share.is_text(a) && !share.is_text(b);
}

std::string compressed_rejects(const ParseSettings& settings, ReadLog& log, bool with_header) {
  GzipMember out;
  if (with_header) out.write("file,line,reason,text\n");
  std::vector<Rejection> of_file;
  const auto flush = [&] {
    if (!of_file.empty()) FileRejects(settings, log, std::move(of_file), out).write();
    of_file = {};
  };
  visit_rejections(log, settings.checks.enabled(), [&](const Rejection& rejection) {
    if (rejection.cause == Check::outside_window && !settings.config.list_outside_window) return;
    if (!of_file.empty() && !together(log.share, of_file.front().unit, rejection.unit)) flush();
    of_file.push_back(rejection);
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
                                            ReadLog& log, const std::string& path) {
  std::optional<OutputFile> file;
  collectively(comm, "open the reject file", [&] {
    if (comm.is_root() && !settings.config.drop_rejects) file.emplace(path);
  });
  const std::string mine = collectively(comm, "compress rejected rows",
                                        [&] { return compressed_rejects(settings, log, comm.is_root()); });
  if (log.share.kept) log.share.kept->remove_failed(comm);
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
        if (file) file->write({received.data.data(), received.data.size()});
      });
    }
  }
  collectively(comm, "write rejected rows", [&] {
    if (file) file->finish();
  });
  return std::make_unique<StagedText>(comm, std::move(file));
}

}  // namespace pushcart::detail
