#include <algorithm>

#include "ingest/log_reader.hpp"

namespace pushcart::detail {

namespace {

/// Numbers that the texts of a chunk have in a table of this rank, asked for once each.
template <class Number>
class TextNumbers {
 public:
  TextNumbers(const StringTable& texts, Number number)
      : texts_(texts), number_(std::move(number)), numbers_(static_cast<std::size_t>(texts.size()), no_id) {}
  std::uint32_t operator[](std::uint32_t text) {
    if (text == no_id) return no_id;
    std::uint32_t& number = numbers_[text];
    if (number == no_id) number = number_(hash64(texts_[text]), texts_[text]);
    return number;
  }

 private:
  const StringTable& texts_;
  Number number_;
  std::vector<std::uint32_t> numbers_;
};

}  // namespace

void LogReader::append_kept(RowBatch& batch, const ReadTargets& targets) {
  KeptChunk chunk = share_.kept->load(share_.places[unit_]);
  batch.segments.push_back({batch.rows.size(), unit_, 0});
  append_kept_rows(chunk, batch, targets);
  append_kept_labels(chunk, batch, targets);
  append_kept_columns(chunk, batch);
  UnitSummary& summary = summaries_[unit_];
  summary.num_lines = chunk.num_lines;
  summary.lines_digest = chunk.lines_digest;
  summary.returns = chunk.returns;
  if (keeper_ && share_.is_to_keep(unit_)) keeper_->take(unit_, std::move(chunk));
  ++unit_;
}

void LogReader::append_kept_rows(const KeptChunk& chunk, RowBatch& batch, const ReadTargets& targets) {
  TextNumbers users(chunk.texts, [&](std::uint64_t hash, std::string_view text) {
    return targets.users.find_or_add(hash, text);
  });
  TextNumbers items(chunk.texts, [&](std::uint64_t hash, std::string_view text) {
    return number_item(hash, text, targets.items);
  });
  const auto types = merged_types(chunk.types);
  for (const KeptRow& kept : chunk.rows) {
    StoredRow row;
    row.user = users[kept.user];
    row.item = items[kept.item];
    row.faults = kept.faults();
    row.amount = kept.amount;
    row.line = kept.line;
    row.time = kept.time();
    if ((row.faults & fault_bit(Check::unparseable)) != 0) {
      row.type = kept.type();
      ++parse_faults_[row.type];
    } else {
      row.type = types[kept.type()];
      if ((row.faults & fault_bit(Check::missing_time)) == 0)
        row.faults |= settings_.checks.time_faults(row.time);
      if (patterns_.any() && row.item != no_id && item_excluded_[row.item])
        row.faults |= fault_bit(Check::excluded_item);
    }
    batch.rows.push_back(row);
  }
}

void LogReader::append_kept_labels(const KeptChunk& chunk, RowBatch& batch,
                                   const ReadTargets& targets) const {
  const std::size_t first = batch.rows.size() - chunk.rows.size();
  const auto text = [&](std::uint32_t position) {
    return position == no_id ? std::string_view() : chunk.texts[position];
  };
  for (std::size_t r = 0; r < chunk.labels.size(); ++r) {
    const KeptLabels& labels = chunk.labels[r];
    const StoredRow& row = batch.rows[first + r];
    if (targets.queries && labels.query != no_id) {
      const auto query = targets.queries->find_or_add(hash64(text(labels.query)), text(labels.query));
      batch.queries.push_back({static_cast<std::uint32_t>(first + r), {query, 0}});
    }
    if (row.item == no_id || (row.faults & settings_.checks.enabled()) != 0) continue;
    if (targets.names && labels.name != no_id) targets.names->vote(row.item, text(labels.name));
    if (targets.categories && labels.category != no_id)
      targets.categories->vote(row.item, text(labels.category));
  }
}

void LogReader::append_kept_columns(const KeptChunk& chunk, RowBatch& batch) const {
  batch.hashes.insert(batch.hashes.end(), chunk.hashes.begin(), chunk.hashes.end());
  for (const EventDetails& details : chunk.details) append_details(details, batch);
}

}  // namespace pushcart::detail
