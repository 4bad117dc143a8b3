#include "ingest/unwritten_rows.hpp"

#include <algorithm>

namespace pushcart::detail {

UnwrittenRows::UnwrittenRows(const IngestConfig& config)
    : columns_(config),
      collects_labels_(config.format.columns.contains(Role::name) ||
                       config.format.columns.contains(Role::category)) {}

void UnwrittenRows::begin_batch() {
  ++num_batches_;
}

void UnwrittenRows::begin_segment(std::size_t unit, const UnitSummary& before, Count first_line,
                                  Count text_begin, std::size_t first_row) {
  is_open_ = true;
  before_ = before;
  open_.unit = unit;
  open_.first_line = before.num_lines;
  open_.line_shift = first_line - before.num_lines;
  open_.text.begin = text_begin;
  open_.batch = num_batches_ - 1;
  open_.first_row = first_row;
}

UnwrittenRows::ItemLabels& UnwrittenRows::latest_of(std::uint32_t item) {
  if (item >= latest_.size())
    latest_.resize(std::max<std::size_t>(item + std::size_t{1}, 2 * latest_.size()));
  ItemLabels& latest = latest_[item];
  if (latest.round != round_) latest = {.round = round_};
  return latest;
}

std::uint32_t UnwrittenRows::number(std::uint32_t& latest, std::string_view label) {
  if (label.empty()) return no_id;
  if (latest == no_id || texts_.texts()[latest] != label) latest = texts_.find_or_add(hash64(label), label);
  return latest;
}

void UnwrittenRows::add_labels(const ParsedRow& parsed) {
  ItemLabels of_nothing;
  ItemLabels& latest = parsed.row.item == no_id ? of_nothing : latest_of(parsed.row.item);
  open_.labels.push_back(
      {.name = number(latest.name, parsed.name), .category = number(latest.category, parsed.category)});
}

void UnwrittenRows::reach(const UnitSummary& read, std::size_t num_types, Count text_end,
                          std::size_t next_row) {
  if (next_row - open_.first_row < kept_chunk_rows) return;
  const std::size_t unit = open_.unit;
  const Count first_line = open_.first_line + open_.line_shift;
  close(read, num_types, text_end, next_row);
  begin_segment(unit, read, first_line, text_end, next_row);
}

void UnwrittenRows::end_batch(const UnitSummary& read, std::size_t num_types, Count text_end,
                              std::size_t next_row) {
  if (is_open_ && read.num_lines > open_.first_line) close(read, num_types, text_end, next_row);
  open_ = {};
  is_open_ = false;
}

void UnwrittenRows::end_unit(std::size_t unit, const UnitSummary& read, std::size_t num_types, Range text,
                             std::size_t next_row) {
  if (!is_open_) {
    if (text.begin == text.end) return;
    begin_segment(unit, read, read.num_lines, text.begin, next_row);
  }
  close(read, num_types, text.end, next_row);
}

void UnwrittenRows::close(const UnitSummary& read, std::size_t num_types, Count text_end,
                          std::size_t next_row) {
  open_.num_rows = next_row - open_.first_row;
  open_.num_lines = read.num_lines - before_.num_lines;
  open_.lines_digest = read.lines_digest - before_.lines_digest;
  open_.returns = read.returns - before_.returns;
  open_.text.end = text_end;
  open_.num_types = num_types;
  if (collects_labels_) open_.texts = texts_.take_texts();
  ++round_;
  num_rows_ += static_cast<Count>(open_.num_rows);
  label_bytes_ += label_bytes(open_);
  chunks_.push_back(std::move(open_));
  open_ = {};
  is_open_ = false;
}

Count UnwrittenRows::label_bytes(const UnwrittenChunk& chunk) {
  if (chunk.labels.empty()) return 0;
  return static_cast<Count>(chunk.labels.capacity() * sizeof(KeptLabels)) + chunk.texts.memory_bytes();
}

Count UnwrittenRows::memory_bytes() const {
  return label_bytes_ + static_cast<Count>(latest_.capacity() * sizeof(ItemLabels));
}

std::vector<UnwrittenChunk> UnwrittenRows::take(Count most_rows) {
  std::vector<UnwrittenChunk> taken;
  Count num_rows = 0;
  for (UnwrittenChunk& chunk : chunks_) {
    const auto rows = static_cast<Count>(chunk.num_rows);
    if (!taken.empty() && num_rows + rows > most_rows) break;
    num_rows += rows;
    label_bytes_ -= label_bytes(chunk);
    taken.push_back(std::move(chunk));
  }
  num_rows_ -= num_rows;
  chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<std::ptrdiff_t>(taken.size()));
  return taken;
}

std::vector<std::size_t> UnwrittenRows::units() const {
  std::vector<std::size_t> units;
  for (const UnwrittenChunk& chunk : chunks_) {
    if (units.empty() || units.back() != chunk.unit) units.push_back(chunk.unit);
  }
  return units;
}

}  // namespace pushcart::detail
