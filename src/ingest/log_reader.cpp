#include "ingest/log_reader.hpp"

#include <omp.h>

#include <algorithm>

#include "pushcart/base/checked.hpp"
#include "pushcart/base/parallel.hpp"

namespace pushcart::detail {

namespace {

constexpr std::size_t block_bytes_per_thread = 1 << 19;
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

}  // namespace

LogReader::LogReader(const ParseSettings& settings, const std::vector<InputFile>& files,
                     std::vector<WorkUnit> units)
    : settings_(settings),
      files_(files),
      units_(std::move(units)),
      patterns_(settings.config.exclude_items, settings.config.include_items),
      summaries_(units_.size()) {
  Count num_bytes = 0;
  for (const auto& unit : units_) num_bytes += unit.end - unit.begin;
  progress_.emplace("reading", num_bytes);
}

LogReader::~LogReader() = default;

void LogReader::read_batch(RowBatch& batch, const ReadTargets& targets) {
  const auto enough = static_cast<std::size_t>(settings_.config.batch_rows);
  batch.rows.reserve(last_batch_rows_);
  if (settings_.config.dedupe != Dedupe::off) batch.hashes.reserve(last_batch_rows_);
  std::size_t segment_unit = units_.size();
  while (!at_end() && batch.rows.size() < enough) {
    if (!read_block()) continue;
    if (segment_unit != unit_) {
      segment_unit = unit_;
      batch.segments.push_back({batch.rows.size(), unit_, summaries_[unit_].num_lines});
    }
    parse_block();
    for (auto& lines : parsed_) append(lines, batch, targets);
  }
  last_batch_rows_ = batch.rows.size();
}

bool LogReader::read_block() {
  const WorkUnit& unit = units_[unit_];
  const InputFile& file = files_[static_cast<std::size_t>(unit.file)];
  const auto& format = settings_.config.format;
  const auto num_threads = static_cast<std::size_t>(omp_get_max_threads());
  const bool starts = !reader_;
  if (starts) {
    reader_ = std::make_unique<BlockReader>(file, unit, block_bytes_per_thread * num_threads,
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
    summaries_[unit_].stored_digest = reader_->digest();
    reader_.reset();
    if (file.compression != FileCompression::plain) bytes_done_ += unit.end - unit.begin;
    progress_->advance(bytes_done_);
    ++unit_;
    return false;
  }
  block_begin_ = 0;
  if (starts && unit.begin == 0 && has_header(format)) {
    const auto header = next_line(block_, block_begin_);
    const auto hash = line_hash(header);
    summaries_[unit_].lines_digest += hash.words[0] | (std::uint64_t{hash.words[1]} << 32);
    ++summaries_[unit_].num_lines;
  }
  if (file.compression == FileCompression::plain) bytes_done_ += static_cast<Count>(block_.size());
  progress_->advance(bytes_done_);
  return true;
}

void LogReader::parse_block() {
  const auto pieces = pieces_of(std::string_view(block_).substr(block_begin_), parsers_.size());
  parsed_.resize(pieces.size());
  parallel_for(static_cast<Count>(pieces.size()), [&](Count p) {
    const auto piece = static_cast<std::size_t>(p);
    parsers_[piece].parse(pieces[piece], parsed_[piece]);
  });
}

void LogReader::append(ParsedLines& lines, RowBatch& batch, const ReadTargets& targets) {
  UnitSummary& summary = summaries_[unit_];
  const auto types = merged_types(lines);
  parallel_for(2, [&](Count side) {
    if (side == 0) intern_users(lines.rows, targets.users);
    if (side == 1) intern_items(lines.rows, targets);
  });
  const auto first_line = checked_cast<std::uint32_t>(summary.num_lines - batch.segments.back().first_line);
  const bool keeps_dwells = settings_.config.keep_details;
  const bool keeps_quantities = keeps_dwells || settings_.config.quantity_outlier_z > 0;
  const bool keeps_prices = keeps_dwells || settings_.config.price_outlier_z > 0;
  for (ParsedRow& parsed : lines.rows) {
    parsed.row.line += first_line;
    if ((parsed.row.faults & fault_bit(Check::unparseable)) == 0) parsed.row.type = types[parsed.row.type];
    if (targets.queries && !parsed.query.empty()) {
      const auto query = targets.queries->find_or_add(hash64(parsed.query), parsed.query);
      batch.queries.push_back({checked_cast<std::uint32_t>(batch.rows.size()), {query, 0}});
    }
    batch.rows.push_back(parsed.row);
    if (settings_.config.dedupe != Dedupe::off) batch.hashes.push_back(parsed.hash);
    if (keeps_quantities) batch.quantities.push_back(parsed.quantity);
    if (keeps_prices) batch.prices.push_back(parsed.price);
    if (keeps_dwells) batch.dwells.push_back(parsed.dwell);
  }
  summary.num_lines += lines.num_lines;
  summary.lines_digest += lines.lines_digest;
  for (std::size_t f = 0; f < parse_faults_.size(); ++f) parse_faults_[f] += lines.parse_faults[f];
  returns_ += lines.returns;
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
    parsed.row.item = targets.items.find_or_add(parsed.item_hash, parsed.item);
    if (patterns_.any()) {
      if (parsed.row.item == item_excluded_.size()) item_excluded_.push_back(patterns_.excludes(parsed.item));
      if (item_excluded_[parsed.row.item]) parsed.row.faults |= fault_bit(Check::excluded_item);
    }
    if ((parsed.row.faults & settings_.checks.enabled()) != 0) continue;
    if (targets.names && !parsed.name.empty()) targets.names->vote(parsed.row.item, parsed.name);
    if (targets.categories && !parsed.category.empty())
      targets.categories->vote(parsed.row.item, parsed.category);
  }
}

std::vector<std::uint16_t> LogReader::merged_types(const ParsedLines& lines) {
  std::vector<std::uint16_t> merged;
  for (const auto& type : lines.types) {
    const auto found = std::find(types_.begin(), types_.end(), type);
    merged.push_back(static_cast<std::uint16_t>(found - types_.begin()));
    if (found == types_.end()) types_.push_back(type);
  }
  return merged;
}

}  // namespace pushcart::detail
