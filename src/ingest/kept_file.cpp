#include "ingest/kept_file.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>
#include <numeric>

#include "pushcart/comm/collectively.hpp"
#include "pushcart/ingest/kept_events.hpp"

namespace pushcart::detail {

namespace {

constexpr std::int64_t schema = 1;
constexpr const char *files_name = "files", *chunks_name = "chunks", *rows_name = "rows",
                     *hashes_name = "hashes", *details_name = "details", *labels_name = "labels",
                     *texts_name = "texts", *types_name = "types", *parts_name = "parts",
                     *rejected_lines = "rejected/lines", *rejected_reasons = "rejected/reasons",
                     *rejected_texts = "rejected/texts";
constexpr const char *part_name = "part",  // attributes of those that were kept as parts
    *logs_name = "logs";
/// Columns of the tables, as 32-bit words or 64-bit numbers.
constexpr Count row_words = sizeof(KeptRow) / 4, hash_words = sizeof(LineHash) / 4,
                label_words = sizeof(KeptLabels) / 4, detail_columns = sizeof(EventDetails) / sizeof(float),
                file_columns = 4, chunk_columns = 7, part_columns = sizeof(Range) / sizeof(Count);
constexpr Count most_lines = Count{1} << 53;  ///< of all log files: their sum is no overflow

void append(StringTable& table, const StringTable& more) {
  for (Count i = 0; i < more.size(); ++i) table.push_back(more[i]);
}

template <class Record, class Number>
void write_column(FileWriter& file, const char* name, Count width, const std::vector<Record>& records) {
  file.write(name,
             std::span<const Number>(reinterpret_cast<const Number*>(records.data()),
                                     records.size() * static_cast<std::size_t>(width)),
             width);
}

/// The column of all chunks, one after another; they give it up.
template <class Record>
std::vector<Record> taken(std::vector<KeptChunk>& chunks, std::vector<Record> KeptChunk::*column) {
  std::size_t size = 0;
  for (const KeptChunk& chunk : chunks) size += (chunk.*column).size();
  std::vector<Record> all;
  all.reserve(size);
  for (KeptChunk& chunk : chunks) {
    all.insert(all.end(), (chunk.*column).begin(), (chunk.*column).end());
    chunk.*column = {};
  }
  return all;
}

void write_rejected(FileWriter& file, const std::vector<KeptRejection>& rejected) {
  std::vector<std::uint32_t> lines;
  StringTable reasons, texts;
  for (const KeptRejection& rejection : rejected) {
    lines.push_back(rejection.line);
    reasons.push_back(rejection.reason);
    texts.push_back(rejection.text);
  }
  file.write(rejected_lines, std::span<const std::uint32_t>(lines));
  file.write_strings(rejected_reasons, reasons);
  file.write_strings(rejected_texts, texts);
}

// What a part says of its log files is looked for in its bytes if it is damaged: HDF5 may crash on such.
constexpr std::string_view said_begin = "pushcart part of logs:", said_end = "; sum ";
constexpr std::size_t most_said = 3000, said_log_bytes = 17, sum_bytes = 16;

std::string sum_of(std::string_view said) {
  return fmt::format("{:016x}", hash64(said));
}

/// As many as an attribute takes.
std::string said_logs(const std::vector<KeptKey>& keys) {
  std::string said;
  for (std::size_t f = 0; f < std::min(keys.size(), most_said); ++f) said += said_log(keys[f]);
  return fmt::format("{}{}{}{}", said_begin, said, said_end, sum_of(said));
}

/// Where the text begins in the file; nothing if it is not there. Local.
std::optional<std::streamoff> find_text(std::ifstream& file, std::string_view text) {
  constexpr std::size_t step = std::size_t{1} << 20;
  std::string bytes(step + text.size(), '\0');
  for (std::streamoff from = 0;; from += static_cast<std::streamoff>(step)) {
    file.clear();
    file.seekg(from);
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    const auto read = static_cast<std::size_t>(file.gcount());
    if (const auto at = std::string_view(bytes.data(), read).find(text); at != std::string_view::npos)
      return from + static_cast<std::streamoff>(at);
    if (read < bytes.size()) return std::nullopt;
  }
}

/// What said_logs() wrote into a file, if that is whole. Local.
std::optional<std::string> said_logs_in(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const auto at = find_text(file, said_begin);
  if (!at) return std::nullopt;
  std::string bytes(most_said * said_log_bytes + said_end.size() + sum_bytes, '\0');
  file.clear();
  file.seekg(*at + static_cast<std::streamoff>(said_begin.size()));
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(file.gcount()));
  const std::size_t end = bytes.find(said_end);
  if (end == std::string::npos) return std::nullopt;
  const std::string said = bytes.substr(0, end);
  if (bytes.compare(end + said_end.size(), sum_bytes, sum_of(said)) != 0) return std::nullopt;
  return said;
}

std::vector<Count> numbers_of(const std::vector<KeptCounts>& chunks) {
  std::vector<Count> numbers;
  for (const KeptCounts& chunk : chunks) {
    for (const Count number : {chunk.rows, chunk.lines, static_cast<Count>(chunk.lines_digest), chunk.returns,
                               chunk.texts, chunk.types, chunk.rejected}) {
      numbers.push_back(number);
    }
  }
  return numbers;
}

/// What `read` gives; then the file is closed.
template <class Read>
auto read_and_close(FileReader& file, Read&& read) {
  struct Closed {
    FileReader& file;
    ~Closed() { file.close(); }
  } const closed{file};
  return read();
}

template <class Record, class Number>
std::vector<Record> read_column(const FileReader& file, const char* name, Count first, Count count,
                                Count width) {
  const auto numbers = file.read<Number>(name, first, count, width);
  std::vector<Record> records(static_cast<std::size_t>(count));
  if (count > 0)
    std::memcpy(static_cast<void*>(records.data()), numbers.data(), numbers.size() * sizeof(Number));
  return records;
}

}  // namespace

KeptContent content_of(std::vector<KeptChunk>& chunks) {
  KeptContent content;
  for (KeptChunk& chunk : chunks) {
    content.chunks.push_back({static_cast<Count>(chunk.rows.size()), chunk.num_lines, chunk.lines_digest,
                              chunk.returns, chunk.texts.size(), static_cast<Count>(chunk.types.size()),
                              static_cast<Count>(chunk.rejected.size())});
    for (const auto& type : chunk.types) content.types.push_back(type);
    std::move(chunk.rejected.begin(), chunk.rejected.end(), std::back_inserter(content.rejected));
    chunk.rejected = {};
  }
  content.rows = [&chunks] { return taken(chunks, &KeptChunk::rows); };
  content.hashes = [&chunks] { return taken(chunks, &KeptChunk::hashes); };
  content.details = [&chunks] { return taken(chunks, &KeptChunk::details); };
  content.labels = [&chunks] { return taken(chunks, &KeptChunk::labels); };
  content.texts = [&chunks] {
    StringTable texts;
    for (KeptChunk& chunk : chunks) append(texts, std::exchange(chunk.texts, {}));
    return texts;
  };
  return content;
}

FileWriter write_kept(const Communicator& comm, const std::string& path, KeptAs as,
                      const KeptColumns& columns, const KeptContent& content) {
  FileWriter file(comm, path, kept_events_kind, schema, WritesBy::system);
  if (as == KeptAs::parts) {
    file.attribute(part_name, 1);
    file.attribute(logs_name, said_logs(content.keys));
  }
  std::vector<Count> files;
  for (std::size_t f = 0; comm.is_root() && f < content.keys.size(); ++f) {
    const KeptKey& key = content.keys[f];
    for (const Count number : {static_cast<Count>(key.bytes_digest), key.num_bytes,
                               static_cast<Count>(key.settings), content.num_chunks[f]}) {
      files.push_back(number);
    }
  }
  file.write(files_name, std::span<const Count>(files), file_columns);
  file.write(chunks_name, std::span<const Count>(numbers_of(content.chunks)), chunk_columns);
  if (as == KeptAs::parts) {
    write_column<Range, Count>(file, parts_name, part_columns, content.parts);
  }
  write_column<KeptRow, std::uint32_t>(file, rows_name, row_words, content.rows());
  if (columns.hashes) write_column<LineHash, std::uint32_t>(file, hashes_name, hash_words, content.hashes());
  if (columns.details)
    write_column<EventDetails, float>(file, details_name, detail_columns, content.details());
  if (columns.labels)
    write_column<KeptLabels, std::uint32_t>(file, labels_name, label_words, content.labels());
  write_rejected(file, content.rejected);
  file.write_strings(texts_name, content.texts());
  file.write_strings(types_name, content.types);
  file.finish();
  return file;
}

std::string said_log(const KeptKey& key) {
  return fmt::format(" {:016x}", key.bytes_digest);
}

std::optional<std::string> said_logs(const Communicator& comm, const std::string& path) {
  std::optional<std::string> said;
  if (comm.is_root()) said = said_logs_in(path);
  if (!comm.any(said.has_value())) return std::nullopt;
  return comm.broadcast_text(said.value_or(""), 0);
}

KeptFile::KeptFile(const Communicator& comm, const std::string& path)
    : file_(std::make_unique<FileReader>(comm, path, kept_events_kind)) {
  collectively(comm, "reading " + path, [&] {
    read_places();
    read_log_files();
    if (is_part()) read_parts();
  });
  file_->close();
}

bool KeptFile::is_part() const {
  return file_->header().attributes.contains(part_name);
}

/// Takes what is left of the rows of a table; InputError if that is not there.
Count KeptFile::take(Count& left, Count wanted) const {
  if (wanted < 0 || wanted > left)
    throw InputError(path() + ": its counts do not fit its tables; the file is damaged");
  left -= wanted;
  return wanted;
}

void KeptFile::read_places() {
  const auto numbers = file_->read<Count>(chunks_name, 0, file_->shape(chunks_name).num_rows, chunk_columns);
  const auto strings = [&](const char* name) {
    return file_->shape(std::string(name) + "/offsets").num_rows - 1;
  };
  Count rows = file_->shape(rows_name).num_rows, texts = strings(texts_name), types = strings(types_name),
        rejected = file_->shape(rejected_lines).num_rows, lines = most_lines;
  Place next;
  for (std::size_t at = 0; at < numbers.size(); at += chunk_columns) {
    Place place = next;
    place.rows = take(rows, numbers[at]);
    place.lines = take(lines, numbers[at + 1]);
    place.lines_digest = static_cast<std::uint64_t>(numbers[at + 2]);
    Count returns = place.rows;
    place.returns = take(returns, numbers[at + 3]);
    place.texts = take(texts, numbers[at + 4]);
    place.types = take(types, numbers[at + 5]);
    place.rejected = take(rejected, numbers[at + 6]);
    places_.push_back(place);
    next.first_row += place.rows;
    next.first_text += place.texts;
    next.first_type += place.types;
    next.first_rejected += place.rejected;
  }
  if (rows + texts + types + rejected != 0)
    throw InputError(path() + ": has rows of no chunk; the file is damaged");
}

void KeptFile::read_log_files() {
  const auto numbers = file_->read<Count>(files_name, 0, file_->shape(files_name).num_rows, file_columns);
  auto left = static_cast<Count>(places_.size());
  for (std::size_t at = 0; at < numbers.size(); at += file_columns) {
    KeptLogFile log_file;
    log_file.key = {static_cast<std::uint64_t>(numbers[at]), numbers[at + 1],
                    static_cast<std::uint64_t>(numbers[at + 2])};
    const Count begin = static_cast<Count>(places_.size()) - left;
    log_file.chunks = {begin, begin + take(left, numbers[at + 3])};
    for (Count chunk = begin; chunk < log_file.chunks.end; ++chunk) log_file.num_rows += num_rows(chunk);
    log_files_.push_back(log_file);
  }
  if (left != 0) throw InputError(path() + ": has chunks of no log file; the file is damaged");
}

void KeptFile::read_parts() {
  const auto numbers = file_->read<Count>(parts_name, 0, file_->shape(parts_name).num_rows, part_columns);
  for (std::size_t at = 0; at < numbers.size(); at += part_columns) {
    parts_.push_back({numbers[at], numbers[at + 1]});
  }
  const bool fit =
      parts_.size() == places_.size() && std::all_of(parts_.begin(), parts_.end(), [](const Range& part) {
        return 0 <= part.begin && part.begin <= part.end && part.end <= end_of_text;
      });
  if (!fit) throw InputError(path() + ": its chunks are of no part of a text; the file is damaged");
}

Count KeptFile::num_rows() const {
  return std::accumulate(log_files_.begin(), log_files_.end(), Count{0},
                         [](Count sum, const KeptLogFile& log_file) { return sum + log_file.num_rows; });
}

Count KeptFile::num_rows(Count chunk) const {
  return places_[static_cast<std::size_t>(chunk)].rows;
}

KeptChunk KeptFile::load(Count number, const KeptColumns& columns) const {
  KeptChunk chunk = read_and_close(
      *file_, [&] { return read_chunk(places_[static_cast<std::size_t>(number)], columns); });
  check(chunk);
  return chunk;
}

KeptChunk KeptFile::read_chunk(const Place& place, const KeptColumns& columns) const {
  const auto read = [&]<class Record, class Value>(std::vector<Record>& to, const char* name, Count width,
                                                   Value) {
    to = read_column<Record, Value>(*file_, name, place.first_row, place.rows, width);
  };
  KeptChunk chunk;
  chunk.num_lines = place.lines;
  chunk.lines_digest = place.lines_digest;
  chunk.returns = place.returns;
  read(chunk.rows, rows_name, row_words, std::uint32_t{});
  if (columns.hashes) read(chunk.hashes, hashes_name, hash_words, std::uint32_t{});
  if (columns.details) read(chunk.details, details_name, detail_columns, float{});
  if (columns.labels) read(chunk.labels, labels_name, label_words, std::uint32_t{});
  chunk.texts = file_->read_strings(texts_name, place.first_text, place.texts);
  const StringTable types = file_->read_strings(types_name, place.first_type, place.types);
  for (Count t = 0; t < types.size(); ++t) chunk.types.emplace_back(types[t]);
  return chunk;
}

/// The seal has vouched for the bytes: what is wrong here was written by something else.
void KeptFile::check(const KeptChunk& chunk) const {
  const auto is_text = [&](std::uint32_t text) {
    return text == no_id || static_cast<Count>(text) < chunk.texts.size();
  };
  const auto is_id = [&](std::uint32_t text, bool is_missing) {
    return is_text(text) && (text == no_id || chunk.texts[text].empty()) == is_missing;
  };
  const auto fits = [&](const KeptRow& row) {
    const auto has = [&](Check fault) { return (row.faults() & fault_bit(fault)) != 0; };
    const bool is_event = !has(Check::unparseable);
    const std::size_t num_types = is_event ? chunk.types.size() : std::size_t{num_parse_faults};
    return is_id(row.user, !is_event || has(Check::missing_user)) &&
           is_id(row.item, !is_event || has(Check::missing_item)) && row.type() < num_types &&
           (row.faults() & ~kept_faults) == 0 && static_cast<Count>(row.line) < chunk.num_lines;
  };
  const bool rows_fit = std::all_of(chunk.rows.begin(), chunk.rows.end(), fits) &&
                        std::is_sorted(chunk.rows.begin(), chunk.rows.end(),
                                       [](const KeptRow& a, const KeptRow& b) { return a.line < b.line; });
  const bool labels_fit =
      std::all_of(chunk.labels.begin(), chunk.labels.end(), [&](const KeptLabels& labels) {
        return is_text(labels.name) && is_text(labels.category) && is_text(labels.query);
      });
  if (rows_fit && labels_fit) return;
  throw InputError(path() + ": a row names a text, a type or a line that is not there; the file is damaged");
}

std::vector<KeptRejection> KeptFile::rejected(Count number) const {
  return read_and_close(*file_, [&] { return read_rejected(places_[static_cast<std::size_t>(number)]); });
}

std::vector<KeptRejection> KeptFile::read_rejected(const Place& place) const {
  const auto lines = file_->read<std::uint32_t>(rejected_lines, place.first_rejected, place.rejected);
  const StringTable reasons = file_->read_strings(rejected_reasons, place.first_rejected, place.rejected);
  const StringTable texts = file_->read_strings(rejected_texts, place.first_rejected, place.rejected);
  std::vector<KeptRejection> rejected;
  for (Count i = 0; i < place.rejected; ++i) {
    rejected.push_back({lines[static_cast<std::size_t>(i)], std::string(reasons[i]), std::string(texts[i])});
  }
  return rejected;
}

}  // namespace pushcart::detail
