#pragma once

#include <vector>

#include "ingest/intern_table.hpp"
#include "ingest/kept_chunk.hpp"
#include "ingest/line_parser.hpp"
#include "ingest/unit_summary.hpp"

namespace pushcart::detail {

/// Ids of a row, as positions among the texts of its chunk; no_id = empty.
struct RowTexts {
  std::uint32_t user = no_id, item = no_id;
};

/// Consecutive rows of a batch that are to be written, with what the batch itself does not hold of them.
struct UnwrittenChunk {
  std::size_t unit = 0;  ///< of this rank
  Count first_line = 0;  ///< lines of the unit before it
  Count num_lines = 0;
  std::uint64_t lines_digest = 0;
  Count returns = 0;
  Range text;             ///< of the file: its lines start there
  std::size_t batch = 0;  ///< of this rank
  std::size_t first_row = 0, num_rows = 0;
  Count line_shift = 0;            ///< from the line that a row has in its segment
  std::size_t num_types = 0;       ///< of the rank's, that its rows count
  std::vector<KeptLabels> labels;  ///< names and categories; empty unless one has a column
  StringTable texts;               ///< of the labels
  std::vector<RowTexts> ids;       ///< empty until it is written: find_texts
};

/// What a rank has parsed since the last checkpoint of its log. Rows, hashes and details are in its batches
/// for the rest of the run anyway, and the texts of ids at their owners. Names and categories are nowhere by
/// row, and are collected here. Local.
class UnwrittenRows {
 public:
  explicit UnwrittenRows(const IngestConfig& config);

  /// The next batch begins: positions in the tables of ids may be others than before.
  void begin_batch();
  /// Rows of a unit come next, from here in the batch on. @param before  what was read of the unit before
  /// these lines, which start at `text_begin` of the file's text or behind; @param first_line  from which
  /// rows count theirs
  void begin_segment(std::size_t unit, const UnitSummary& before, Count first_line, Count text_begin,
                     std::size_t first_row);
  /// Whether add_labels() wants to hear of all rows.
  bool collects_labels() const { return collects_labels_; }
  /// Of the next row of the batch; its item has a position in the rank's table.
  void add_labels(const ParsedRow& parsed);
  /// All lines of the unit that start before `text_end` are in, with the rows of the batch before
  /// `next_row`. @param num_types  of the rank so far
  void reach(const UnitSummary& read, std::size_t num_types, Count text_end, std::size_t next_row);
  /// The same, and the batch ends.
  void end_batch(const UnitSummary& read, std::size_t num_types, Count text_end, std::size_t next_row);
  /// The same, and the unit ends. Its lines may all be of earlier batches: then nothing but the end of its
  /// text, from `text_begin` on, is new.
  void end_unit(std::size_t unit, const UnitSummary& read, std::size_t num_types, Range text,
                std::size_t next_row);

  /// Gives away the first of the chunks, of at most so many rows together, but one at least. Only between
  /// batches, as all that follows.
  std::vector<UnwrittenChunk> take(Count most_rows);
  const KeptColumns& columns() const { return columns_; }
  Count num_rows() const { return num_rows_; }
  /// Of labels.
  Count memory_bytes() const;
  /// Units that have any, in order.
  std::vector<std::size_t> units() const;
  /// Gives memory back that the next batch would only fill again.
  void free_tables() { latest_ = {}; }

 private:
  /// Those that an item carried last, mostly the next ones too, as positions in the open chunk's texts.
  struct ItemLabels {
    std::uint32_t round = 0, name = no_id, category = no_id;
  };

  static Count label_bytes(const UnwrittenChunk& chunk);
  std::uint32_t number(std::uint32_t& latest, std::string_view label);
  ItemLabels& latest_of(std::uint32_t item);
  void close(const UnitSummary& read, std::size_t num_types, Count text_end, std::size_t next_row);

  KeptColumns columns_;
  bool collects_labels_;
  std::vector<UnwrittenChunk> chunks_;
  bool is_open_ = false;
  UnwrittenChunk open_;
  InternTable texts_;               // of the open chunk
  std::vector<ItemLabels> latest_;  // by position of the item; void if of another round
  std::uint32_t round_ = 1;
  std::size_t num_batches_ = 0;
  UnitSummary before_;                    // of the unit, before the open chunk
  Count num_rows_ = 0, label_bytes_ = 0;  // of chunks_
};

}  // namespace pushcart::detail
