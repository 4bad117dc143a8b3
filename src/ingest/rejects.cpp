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

/// Text that is read in one go, and the dropped rows in it.
struct Passage {
  WorkUnit text;
  Count first_line = 0;  ///< of the text, in the file
  std::size_t end = 0;   ///< of the rejections in it
};

/// The dropped rows of a file that a rank has to write, which are in order.
class FileRejects {
 public:
  FileRejects(const ParseSettings& settings, ReadLog& log, std::vector<Rejection> rejections, GzipMember& out)
      : settings_(settings),
        log_(log),
        file_(log.share.files[static_cast<std::size_t>(file_number(rejections.front()))]),
        rejections_(std::move(rejections)),
        out_(out) {}

  void write() {
    if (write_from_kept()) return;
    const auto& format = settings_.config.format;
    LineParser parser(settings_, format_of_file(settings_.config, file_.path), read_header(format, file_));
    for (std::size_t begin = 0; begin < rejections_.size();) {
      const Passage passage = passage_from(begin);
      write_from_text(passage, begin, parser);
      begin = passage.end;
    }
  }

 private:
  int file_number(const Rejection& rejection) const { return log_.share.units[rejection.unit].file; }

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

  bool is_plain() const { return file_.compression == FileCompression::plain; }

  /// The text that a unit is of; nothing if that is not known: of a file that is kept whole.
  std::optional<WorkUnit> text_of(std::size_t unit) const {
    const LogShare& share = log_.share;
    if (share.is_text(unit)) return share.units[unit];
    const auto kept = share.kept->text_of(share.places[unit]);
    if (!kept) return std::nullopt;
    const Count end = file_.num_bytes;
    if (!is_plain()) return WorkUnit{share.units[unit].file, 0, end, kept->begin};
    return WorkUnit{share.units[unit].file, std::min(kept->begin, end), std::min(kept->end, end)};
  }

  /// Whether the texts of all lines were kept; if not, nothing is written.
  bool write_from_kept() {
    if (text_of(rejections_.front().unit)) return false;
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

  /// From this rejection on: units that follow one another. An archive, which is unpacked from its begin in any
  /// case, is read to its last one, and so is a file of which no more is known.
  Passage passage_from(std::size_t begin) const {
    const std::size_t first = rejections_[begin].unit;
    const auto text = text_of(first);
    if (!text) return {{file_number(rejections_[begin]), 0, file_.num_bytes}, 0, rejections_.size()};
    Passage passage{*text, log_.lines_before[first], rejections_.size()};
    if (!is_plain()) return passage;
    std::size_t last = first;
    for (std::size_t next = begin; next < rejections_.size(); ++next) {
      const std::size_t unit = rejections_[next].unit;
      if (unit > last + 1) {
        passage.end = next;
        break;
      }
      last = unit;
    }
    passage.text.end = text_of(last)->end;
    return passage;
  }

  /// @param next  the first rejection in the passage
  void write_from_text(const Passage& passage, std::size_t next, LineParser& parser) {
    constexpr std::size_t block_bytes = 1 << 20;
    BlockReader reader(file_, passage.text, block_bytes, settings_.config.format.max_line_bytes);
    Count line_number = passage.first_line;
    std::string block;
    while (next < passage.end && reader.next(block)) {
      for (std::size_t position = 0; position < block.size() && next < passage.end; ++line_number) {
        const auto line = next_line(block, position);
        for (; next < passage.end && line_in_file(rejections_[next]) == line_number; ++next) {
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
    log_.searched_bytes += reader.position() - passage.text.begin;
    if (next == passage.end) return;
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
    const auto file_of = [&](const Rejection& of) { return log.share.units[of.unit].file; };
    if (!of_file.empty() && file_of(of_file.front()) != file_of(rejection)) flush();
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
