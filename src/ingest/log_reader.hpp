#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ingest/item_patterns.hpp"
#include "ingest/kept_lines.hpp"
#include "ingest/line_parser.hpp"
#include "ingest/log_share.hpp"
#include "ingest/spread_ids.hpp"
#include "ingest/text_votes.hpp"
#include "ingest/unit_summary.hpp"
#include "ingest/unwritten_rows.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/events/input_file.hpp"

namespace pushcart::detail {

/// Text that each thread of a rank parses at once.
inline constexpr std::size_t block_bytes_per_thread = 1 << 19;

/// What a rank reads and where it puts the texts.
struct ReadTargets {
  SpreadIds& users;
  SpreadIds& items;
  TextVotes* names = nullptr;
  TextVotes* categories = nullptr;
  SpreadIds* queries = nullptr;
};

/// Reads this rank's work units in blocks, parses them on all threads and numbers the ids, in input order.
/// Units whose events were kept are taken from there.
class LogReader {
 public:
  /// @param keeper, unwritten  get all that is parsed; nullptr: not wanted
  LogReader(const ParseSettings& settings, const LogShare& share, KeptLines* keeper,
            UnwrittenRows* unwritten);
  ~LogReader();

  /// Fills `batch` with the next rows; users and items are positions in the tables of `targets`. Local;
  /// throws what reading and parsing throw.
  void read_batch(RowBatch& batch, const ReadTargets& targets);
  bool at_end() const { return unit_ == share_.units.size(); }
  /// To be called when the table of items was dropped.
  void forget_items() { item_excluded_.clear(); }
  /// What is read from here on is collected no more. Between batches.
  void leave_unwritten() { unwritten_ = nullptr; }

  const std::vector<UnitSummary>& summaries() const { return summaries_; }
  const std::vector<std::string>& types() const { return types_; }
  const std::array<Count, num_parse_faults>& parse_faults() const { return parse_faults_; }
  Count returns() const;
  /// Of the text to be parsed here, on disk: all, and what is done of it.
  Count num_bytes() const { return num_bytes_; }
  Count bytes_done() const { return bytes_done_; }
  /// The first unit that has lines left; of a compressed file it may have none, but for its end.
  std::size_t unit_left() const;

 private:
  Count text_position() const;
  Count end_of_unit() const;
  bool read_block(Count text_begin, std::size_t next_row);
  void parse_block();
  void append_block(Count text_begin, RowBatch& batch, const ReadTargets& targets);
  void reach(Count text_end, const RowBatch& batch);
  void append(ParsedLines& lines, RowBatch& batch, const ReadTargets& targets);
  void append_details(const EventDetails& details, RowBatch& batch) const;
  void keep(const ParsedLines& lines, const std::vector<std::uint16_t>& types);
  void intern_users(std::vector<ParsedRow>& rows, SpreadIds& users) const;
  void intern_items(std::vector<ParsedRow>& rows, const ReadTargets& targets);
  std::uint32_t number_item(std::uint64_t hash, std::string_view item, SpreadIds& items);
  std::vector<std::uint16_t> merged_types(const std::vector<std::string>& types);

  void append_kept(RowBatch& batch, const ReadTargets& targets);
  void append_kept_rows(const KeptChunk& chunk, RowBatch& batch, const ReadTargets& targets);
  void append_kept_columns(const KeptChunk& chunk, RowBatch& batch) const;
  void append_kept_labels(const KeptChunk& chunk, RowBatch& batch, const ReadTargets& targets) const;

  const ParseSettings& settings_;
  const LogShare& share_;
  KeptLines* keeper_;
  UnwrittenRows* unwritten_;
  ItemPatterns patterns_;
  std::size_t unit_ = 0;
  std::unique_ptr<BlockReader> reader_;
  int parser_file_ = -1;
  std::vector<LineParser> parsers_;  // one a thread
  std::string block_;
  std::size_t block_begin_ = 0;  // behind the header
  std::vector<ParsedLines> parsed_;  // by piece of the block
  std::vector<Count> piece_bytes_;
  std::vector<std::string> types_;
  std::vector<std::uint8_t> item_excluded_;
  std::vector<UnitSummary> summaries_;
  std::array<Count, num_parse_faults> parse_faults_{};
  Count num_bytes_ = 0, bytes_done_ = 0;
  std::size_t last_batch_rows_ = 0;  // what the next one will about hold
  std::optional<Progress> progress_;
};

}  // namespace pushcart::detail
