#include "ingest/log_reader.hpp"

#include <omp.h>

#include <algorithm>
#include <numeric>

#include "pushcart/base/checked.hpp"
#include "pushcart/base/parallel.hpp"

namespace pushcart::detail {

namespace {

constexpr std::size_t slot_distance = 16;  // rows between the prefetch of a slot and its use
constexpr std::size_t text_distance = 8;

/// Cuts a block into pieces of whole lines, about even in bytes.
std::vector<std::string_view> pieces_of(std::string_view block, std::size_t num_pieces) {
  std::vector<std::string_view> pieces;
  std::size_t begin = 0;
  for (std::size_t p = 1; p <= num_pieces; ++p) {
    std::size_t end = std::max(begin, block.size() * p / num_pieces);
    if (p < num_pieces) {
      const auto line_end = block.find('\n', end);
      end = line_end == std::string_view::npos ? block.size() : line_end + 1;
    }
    pieces.push_back(block.substr(begin, end - begin));
    begin = end;
  }
  return pieces;
}

/// So that a batch of few rows is not much more than they are.
std::size_t block_bytes(const IngestConfig& config, std::size_t num_threads) {
  constexpr Count bytes_a_row = 32;
  const auto most = static_cast<Count>(block_bytes_per_thread * num_threads);
  return static_cast<std::size_t>(config.batch_rows < most / bytes_a_row ? config.batch_rows * bytes_a_row : most);
}

}  // namespace

LogReader::LogReader(const ParseSettings& settings, const LogShare& share, KeptLines* keeper,
                     UnwrittenRows* unwritten)
    : settings_(settings),
      share_(share),
      keeper_(keeper),
      unwritten_(unwritten),
      patterns_(settings.config.exclude_items, settings.config.include_items),
      summaries_(share.units.size()) {
  for (const auto& unit : share.units) num_bytes_ += unit.end - unit.begin;
  progress_.emplace("reading", num_bytes_);
}

LogReader::~LogReader() = default;

Count LogReader::returns() const {
  return std::accumulate(summaries_.begin(), summaries_.end(), Count{0},
                         [](Count sum, const UnitSummary& summary) { return sum + summary.returns; });
}

void LogReader::read_batch(RowBatch& batch, const ReadTargets& targets) {
  const auto enough = static_cast<std::size_t>(settings_.config.batch_rows);
  batch.rows.reserve(last_batch_rows_);
  if (settings_.config.dedupe != Dedupe::off) batch.hashes.reserve(last_batch_rows_);
  if (unwritten_) unwritten_->begin_batch();
  std::size_t segment_unit = share_.units.size();
  while (!at_end() && batch.rows.size() < enough) {
    if (!share_.is_text(unit_)) {
      append_kept(batch, targets);
      continue;
    }
    const UnitSummary before = summaries_[unit_];
    const Count from = text_position();
    if (!read_block(from, batch.rows.size())) continue;
    if (segment_unit != unit_) {
      segment_unit = unit_;
      const Count first_line = summaries_[unit_].num_lines;
      batch.segments.push_back({batch.rows.size(), unit_, first_line});
      if (unwritten_) unwritten_->begin_segment(unit_, before, first_line, from, batch.rows.size());
    }
    parse_block();
    append_block(from, batch, targets);
  }
  if (unwritten_ && reader_)
    unwritten_->end_batch(summaries_[unit_], types_.size(), text_position(), batch.rows.size());
  if (keeper_ && reader_) keeper_->end_batch(summaries_[unit_], types_, text_position());
  last_batch_rows_ = batch.rows.size();
}

/// A chunk may end behind each piece, so that chunks are about as large on any number of threads: but where the
/// block is not its text byte by byte, as with a line that was cut, only behind the block.
/// @param text_begin  text_position() before the block
void LogReader::append_block(Count text_begin, RowBatch& batch, const ReadTargets& targets) {
  const Count text_end = text_begin + static_cast<Count>(block_.size());
  const bool is_its_text = reader_->position() == text_end;
  Count at = text_begin + static_cast<Count>(block_begin_);
  for (std::size_t p = 0; p < parsed_.size(); ++p) {
    append(parsed_[p], batch, targets);
    at += piece_bytes_[p];
    if (is_its_text && at < text_end) reach(at, batch);
  }
  reach(text_position(), batch);
}

void LogReader::reach(Count text_end, const RowBatch& batch) {
  if (unwritten_) unwritten_->reach(summaries_[unit_], types_.size(), text_end, batch.rows.size());
  if (keeper_) keeper_->reach(summaries_[unit_], types_, text_end, UnitEnds::no);
}

/// In the file's text: the lines of the unit that were read start before it, the others do not.
Count LogReader::text_position() const {
  const WorkUnit& unit = share_.units[unit_];
  if (unit.left_out > 0 && !reader_) return unit.left_out;
  if (!reader_) return unit.begin;
  const InputFile& file = share_.files[static_cast<std::size_t>(unit.file)];
  if (file.compression != FileCompression::plain) return reader_->position();
  return reader_->position() < unit.end ? reader_->position() : end_of_unit();
}

Count LogReader::end_of_unit() const {
  const WorkUnit& unit = share_.units[unit_];
  return unit.end == share_.files[static_cast<std::size_t>(unit.file)].num_bytes ? end_of_text : unit.end;
}

std::size_t LogReader::unit_left() const {
  return reader_ && text_position() == end_of_unit() ? unit_ + 1 : unit_;
}

/// @param text_begin  text_position() until now
bool LogReader::read_block(Count text_begin, std::size_t next_row) {
  const WorkUnit& unit = share_.units[unit_];
  const InputFile& file = share_.files[static_cast<std::size_t>(unit.file)];
  const auto& format = settings_.config.format;
  const auto num_threads = static_cast<std::size_t>(omp_get_max_threads());
  const bool starts = !reader_;
  if (starts) {
    if (keeper_) keeper_->begin(unit_, text_begin);
    reader_ = std::make_unique<BlockReader>(file, unit, block_bytes(settings_.config, num_threads),
                                            format.max_line_bytes);
    if (parser_file_ != unit.file) {
      const auto header = read_header(format, file);
      const auto file_format = format_of_file(settings_.config, file.path);
      parsers_.clear();
      for (std::size_t t = 0; t < num_threads; ++t) parsers_.emplace_back(settings_, file_format, header);
      parser_file_ = unit.file;
    }
  }
  if (!reader_->next(block_)) {
    if (unwritten_)
      unwritten_->end_unit(unit_, summaries_[unit_], types_.size(), {text_begin, end_of_unit()}, next_row);
    reader_.reset();
    if (keeper_) keeper_->reach(summaries_[unit_], types_, end_of_unit(), UnitEnds::yes);
    if (file.compression != FileCompression::plain) bytes_done_ += unit.end - unit.begin;
    progress_->advance(bytes_done_);
    ++unit_;
    return false;
  }
  block_begin_ = 0;
  if (starts && unit.begin == 0 && unit.left_out == 0 && has_header(format)) {
    const auto header = next_line(block_, block_begin_);
    summaries_[unit_].lines_digest += digest_part(line_hash(header));
    ++summaries_[unit_].num_lines;
  }
  if (file.compression == FileCompression::plain) bytes_done_ += static_cast<Count>(block_.size());
  progress_->advance(bytes_done_);
  return true;
}

void LogReader::parse_block() {
  const auto pieces = pieces_of(std::string_view(block_).substr(block_begin_), parsers_.size());
  parsed_.resize(pieces.size());
  piece_bytes_.clear();
  for (const std::string_view piece : pieces) piece_bytes_.push_back(static_cast<Count>(piece.size()));
  parallel_for(static_cast<Count>(pieces.size()), [&](Count p) {
    const auto piece = static_cast<std::size_t>(p);
    parsers_[piece].parse(pieces[piece], parsed_[piece]);
  });
}

void LogReader::append(ParsedLines& lines, RowBatch& batch, const ReadTargets& targets) {
  UnitSummary& summary = summaries_[unit_];
  const auto types = merged_types(lines.types);
  parallel_for(2, [&](Count side) {
    if (side == 0) intern_users(lines.rows, targets.users);
    if (side == 1) intern_items(lines.rows, targets);
  });
  if (keeper_) keep(lines, types);
  const auto first_line = checked_cast<std::uint32_t>(summary.num_lines - batch.segments.back().first_line);
  const bool collects_labels = unwritten_ && unwritten_->collects_labels();
  for (ParsedRow& parsed : lines.rows) {
    if (collects_labels) unwritten_->add_labels(parsed);
    parsed.row.line += first_line;
    if ((parsed.row.faults & fault_bit(Check::unparseable)) == 0) parsed.row.type = types[parsed.row.type];
    if (targets.queries && !parsed.query.empty()) {
      const auto query = targets.queries->find_or_add(hash64(parsed.query), parsed.query);
      batch.queries.push_back({checked_cast<std::uint32_t>(batch.rows.size()), {query, 0}});
    }
    batch.rows.push_back(parsed.row);
    if (settings_.config.dedupe != Dedupe::off) batch.hashes.push_back(parsed.hash);
    append_details({parsed.quantity, parsed.price, parsed.dwell}, batch);
  }
  summary.num_lines += lines.num_lines;
  summary.lines_digest += lines.lines_digest;
  summary.returns += lines.returns;
  for (std::size_t f = 0; f < parse_faults_.size(); ++f) parse_faults_[f] += lines.parse_faults[f];
}

void LogReader::append_details(const EventDetails& details, RowBatch& batch) const {
  const IngestConfig& config = settings_.config;
  if (config.keep_details || config.quantity_outlier_z > 0) batch.quantities.push_back(details.quantity);
  if (config.keep_details || config.price_outlier_z > 0) batch.prices.push_back(details.price);
  if (config.keep_details) batch.dwells.push_back(details.dwell);
}

void LogReader::keep(const ParsedLines& lines, const std::vector<std::uint16_t>& types) {
  for (const ParsedRow& parsed : lines.rows) {
    const bool is_event = (parsed.row.faults & fault_bit(Check::unparseable)) == 0;
    keeper_->add(parsed, summaries_[unit_].num_lines + parsed.row.line,
                 is_event ? types[parsed.row.type] : parsed.row.type);
  }
}

void LogReader::intern_users(std::vector<ParsedRow>& rows, SpreadIds& users) const {
  const InternTable& table = users.table();
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (r + slot_distance < rows.size()) table.prefetch_slot(rows[r + slot_distance].user_hash);
    if (r + text_distance < rows.size()) table.prefetch_text(rows[r + text_distance].user_hash);
    if (!rows[r].user.empty()) rows[r].row.user = users.find_or_add(rows[r].user_hash, rows[r].user);
  }
}

void LogReader::intern_items(std::vector<ParsedRow>& rows, const ReadTargets& targets) {
  const InternTable& table = targets.items.table();
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (r + slot_distance < rows.size()) table.prefetch_slot(rows[r + slot_distance].item_hash);
    if (r + text_distance < rows.size()) table.prefetch_text(rows[r + text_distance].item_hash);
    ParsedRow& parsed = rows[r];
    if (parsed.item.empty()) continue;
    parsed.row.item = number_item(parsed.item_hash, parsed.item, targets.items);
    if (patterns_.any() && item_excluded_[parsed.row.item]) parsed.row.faults |= fault_bit(Check::excluded_item);
    if ((parsed.row.faults & settings_.checks.enabled()) != 0) continue;
    if (targets.names && !parsed.name.empty()) targets.names->vote(parsed.row.item, parsed.name);
    if (targets.categories && !parsed.category.empty())
      targets.categories->vote(parsed.row.item, parsed.category);
  }
}

std::uint32_t LogReader::number_item(std::uint64_t hash, std::string_view item, SpreadIds& items) {
  const std::uint32_t number = items.find_or_add(hash, item);
  if (patterns_.any() && number == item_excluded_.size()) item_excluded_.push_back(patterns_.excludes(item));
  return number;
}

std::vector<std::uint16_t> LogReader::merged_types(const std::vector<std::string>& types) {
  std::vector<std::uint16_t> merged;
  for (const auto& type : types) {
    const auto found = std::find(types_.begin(), types_.end(), type);
    merged.push_back(static_cast<std::uint16_t>(found - types_.begin()));
    if (found == types_.end()) types_.push_back(type);
  }
  return merged;
}

}  // namespace pushcart::detail
