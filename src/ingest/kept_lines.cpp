#include "ingest/kept_lines.hpp"

#include "pushcart/base/checked.hpp"

namespace pushcart::detail {

KeptColumns::KeptColumns(const IngestConfig& config)
    : hashes(config.dedupe != Dedupe::off),
      details(config.keep_details || config.quantity_outlier_z > 0 || config.price_outlier_z > 0),
      labels(false) {
  for (const Role role : {Role::name, Role::category, Role::query}) {
    labels |= config.format.columns.contains(role);
  }
}

void KeptLines::begin(std::size_t unit, Count text_begin) {
  open_ = {};
  open_.unit = unit;
  digest_before_ = 0;
  returns_before_ = 0;
  text_begin_ = text_begin;
}

std::uint32_t KeptLines::text(std::uint64_t hash, std::string_view text) {
  return text.empty() ? no_id : texts_.find_or_add(hash, text);
}

void KeptLines::add(const ParsedRow& parsed, Count line, std::uint16_t type) {
  KeptRow& row = open_.rows.emplace_back();
  const auto faults = static_cast<FaultMask>(parsed.row.faults & kept_faults);
  row.user = text(parsed.user_hash, parsed.user);
  row.item = text(parsed.item_hash, parsed.item);
  row.type_and_faults = std::uint32_t{type} << 16 | faults;
  row.amount = parsed.row.amount;
  row.line = checked_cast<std::uint32_t>(line - open_.first_line);
  row.time_low = static_cast<std::uint32_t>(parsed.row.time);
  row.time_high = static_cast<std::uint32_t>(static_cast<std::uint64_t>(parsed.row.time) >> 32);
  if (columns_.hashes) open_.hashes.push_back(parsed.hash);
  if (columns_.details) open_.details.push_back({parsed.quantity, parsed.price, parsed.dwell});
  if (!columns_.labels) return;
  const auto label = [&](std::string_view given) {
    return given.empty() ? no_id : text(hash64(given), given);
  };
  open_.labels.push_back({label(parsed.name), label(parsed.category), label(parsed.query)});
}

void KeptLines::reach(const UnitSummary& read, const std::vector<std::string>& types, Count text_end,
                      UnitEnds ends) {
  if (ends == UnitEnds::yes || open_.rows.size() >= kept_chunk_rows) close(read, types, text_end);
}

void KeptLines::end_batch(const UnitSummary& read, const std::vector<std::string>& types, Count text_end) {
  close(read, types, text_end);
}

void KeptLines::take(std::size_t unit, KeptChunk chunk) {
  chunk.unit = unit;
  closed_bytes_ += bytes_of(chunk);
  chunks_.push_back(std::move(chunk));
}

Count KeptLines::num_unwritten_rows() const {
  Count rows = 0;
  for (std::size_t c = next_unwritten_; c < chunks_.size(); ++c)
    rows += chunks_[c].text.size() > 0 ? static_cast<Count>(chunks_[c].rows.size()) : 0;
  return rows;
}

std::vector<const KeptChunk*> KeptLines::take_unwritten(Count most_rows) {
  std::vector<const KeptChunk*> taken;
  for (Count rows = 0; next_unwritten_ < chunks_.size(); ++next_unwritten_) {
    const KeptChunk& chunk = chunks_[next_unwritten_];
    if (chunk.text.size() == 0) continue;
    rows += static_cast<Count>(chunk.rows.size());
    if (!taken.empty() && rows > most_rows) break;
    taken.push_back(&chunk);
  }
  return taken;
}

Count KeptLines::bytes_of(const KeptChunk& chunk) {
  const auto bytes = [](const auto& column) {
    return static_cast<Count>(column.capacity() * sizeof(column[0]));
  };
  return bytes(chunk.rows) + bytes(chunk.hashes) + bytes(chunk.details) + bytes(chunk.labels) +
         chunk.texts.memory_bytes();
}

void KeptLines::close(const UnitSummary& read, const std::vector<std::string>& types, Count text_end) {
  open_.num_lines = read.num_lines - open_.first_line;
  open_.lines_digest = read.lines_digest - digest_before_;
  open_.returns = read.returns - returns_before_;
  open_.texts = texts_.take_texts();
  open_.types = types;
  open_.text = {text_begin_, text_end};
  text_begin_ = text_end;
  const std::size_t unit = open_.unit;
  if (open_.num_lines > 0 || open_.text.size() > 0) {
    closed_bytes_ += bytes_of(open_);
    chunks_.push_back(std::move(open_));
  }
  open_ = {};
  open_.unit = unit;
  open_.first_line = read.num_lines;
  digest_before_ = read.lines_digest;
  returns_before_ = read.returns;
}

void KeptLines::reject(std::size_t unit, Count line, const std::string& reason, std::string_view text) {
  const auto holds = [&](const KeptChunk& chunk) {
    return chunk.unit == unit && line < chunk.first_line + chunk.num_lines;
  };
  while (!holds(chunks_.at(next_rejected_))) ++next_rejected_;
  KeptChunk& chunk = chunks_[next_rejected_];
  const auto position = static_cast<std::uint32_t>(line - chunk.first_line);
  if (!chunk.rejected.empty() && chunk.rejected.back().line == position) return;  // for another cause, too
  rejected_bytes_ += static_cast<Count>(sizeof(KeptRejection) + reason.size() + text.size());
  if (rejected_bytes_ > most_rejected_bytes) return;
  chunk.rejected.push_back({position, reason, std::string(text)});
}

}  // namespace pushcart::detail
