#include "ingest/unwritten_rows.hpp"

#include <algorithm>

namespace pushcart::detail {

template <class Number>
std::uint32_t UnwrittenRows::Numbers::operator()(std::uint32_t position, Number&& number) {
  if (position == no_id) return no_id;
  if (position >= of_.size()) of_.resize(std::max<std::size_t>(position + std::size_t{1}, 2 * of_.size()));
  Known& known = of_[position];
  if (known.round != round_) known = {round_, number()};
  return known.number;
}

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

void UnwrittenRows::add(const ParsedRow& parsed) {
  open_.rows.push_back({users_(parsed.row.user, [&] { return texts_.add(parsed.user); }),
                        items_(parsed.row.item, [&] { return texts_.add(parsed.item); })});
  if (!columns_.labels) return;
  const auto label = [&](std::string_view given) {
    return given.empty() ? no_id : texts_.find_or_add(hash64(given), given);
  };
  open_.labels.push_back({label(parsed.name), label(parsed.category), label(parsed.query)});
}

void UnwrittenRows::reach(const UnitSummary& read, std::size_t num_types, Count text_end) {
  if (open_.rows.size() < kept_chunk_rows) return;
  const std::size_t unit = open_.unit, next_row = open_.first_row + open_.rows.size();
  const Count first_line = open_.first_line + open_.line_shift;
  close(read, num_types, text_end);
  begin_segment(unit, read, first_line, text_end, next_row);
}

void UnwrittenRows::end_batch(const UnitSummary& read, std::size_t num_types, Count text_end) {
  if (is_open_ && read.num_lines > open_.first_line) close(read, num_types, text_end);
  open_ = {};
  is_open_ = false;
}

void UnwrittenRows::end_unit(std::size_t unit, const UnitSummary& read, std::size_t num_types,
                             Count text_begin, Count text_end) {
  if (!is_open_) {
    if (text_begin == text_end) return;
    begin_segment(unit, read, read.num_lines, text_begin, 0);
  }
  close(read, num_types, text_end);
}

void UnwrittenRows::close(const UnitSummary& read, std::size_t num_types, Count text_end) {
  open_.num_lines = read.num_lines - before_.num_lines;
  open_.lines_digest = read.lines_digest - before_.lines_digest;
  open_.returns = read.returns - before_.returns;
  open_.text.end = text_end;
  open_.num_types = num_types;
  open_.texts = texts_.take_texts();
  users_.forget();
  items_.forget();
  closed_rows_ += static_cast<Count>(open_.rows.size());
  closed_bytes_ += bytes_of(open_);
  chunks_.push_back(std::move(open_));
  open_ = {};
  is_open_ = false;
}

Count UnwrittenRows::bytes_of(const UnwrittenChunk& chunk) {
  return static_cast<Count>(chunk.rows.capacity() * sizeof(RowTexts) +
                            chunk.labels.capacity() * sizeof(KeptLabels)) +
         chunk.texts.memory_bytes();
}

Count UnwrittenRows::memory_bytes() const {
  return closed_bytes_ + bytes_of(open_) + texts_.memory_bytes() + users_.memory_bytes() +
         items_.memory_bytes();
}

std::vector<UnwrittenChunk> UnwrittenRows::take(Count most_rows) {
  std::vector<UnwrittenChunk> taken;
  Count num_rows = 0;
  for (UnwrittenChunk& chunk : chunks_) {
    const auto rows = static_cast<Count>(chunk.rows.size());
    if (!taken.empty() && num_rows + rows > most_rows) break;
    num_rows += rows;
    closed_bytes_ -= bytes_of(chunk);
    taken.push_back(std::move(chunk));
  }
  closed_rows_ -= num_rows;
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

void UnwrittenRows::free_tables() {
  users_ = {};
  items_ = {};
}

}  // namespace pushcart::detail
