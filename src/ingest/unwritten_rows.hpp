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
  std::size_t first_row = 0;
  Count line_shift = 0;       ///< from the line that a row has in its segment
  std::size_t num_types = 0;  ///< of the rank's, that its rows count
  std::vector<RowTexts> rows;
  std::vector<KeptLabels> labels;  ///< empty unless a column is mapped to one
  StringTable texts;
};

/// What a rank has parsed since the last checkpoint of its log. Rows, hashes and details are in its batches
/// for the rest of the run anyway; their texts are not, and are collected here. Local.
class UnwrittenRows {
 public:
  explicit UnwrittenRows(const IngestConfig& config) : columns_(config) {}

  /// The next batch begins: positions in the tables of ids may be others than before.
  void begin_batch();
  /// Rows of a unit come next, from here in the batch on. @param before  what was read of the unit before
  /// these lines, which start at `text_begin` of the file's text or behind; @param first_line  from which
  /// rows count theirs
  void begin_segment(std::size_t unit, const UnitSummary& before, Count first_line, Count text_begin,
                     std::size_t first_row);
  /// The next row of the batch; its ids have positions in the rank's tables.
  void add(const ParsedRow& parsed);
  /// All lines of the unit that start before `text_end` are in. @param num_types  of the rank so far
  void reach(const UnitSummary& read, std::size_t num_types, Count text_end);
  /// The same, and the batch ends.
  void end_batch(const UnitSummary& read, std::size_t num_types, Count text_end);
  /// The same, and the unit ends. Its lines may all be of earlier batches: then nothing but the end of its
  /// text, from `text_begin` on, is new.
  void end_unit(std::size_t unit, const UnitSummary& read, std::size_t num_types, Count text_begin,
                Count text_end);

  /// Gives away the first of the closed chunks, of at most so many rows together, but one at least.
  std::vector<UnwrittenChunk> take(Count most_rows);
  const KeptColumns& columns() const { return columns_; }
  Count num_rows() const { return closed_rows_ + static_cast<Count>(open_.rows.size()); }
  Count memory_bytes() const;
  /// Units that have any, in order. Only between batches.
  std::vector<std::size_t> units() const;
  /// Gives memory back that the next batch would only fill again. Only between batches.
  void free_tables();

 private:
  /// The numbers that the open chunk has for texts at positions of a table of the rank, each asked for once.
  class Numbers {
   public:
    template <class Number>
    std::uint32_t operator()(std::uint32_t position, Number&& number);
    void forget() { ++round_; }
    Count memory_bytes() const { return static_cast<Count>(of_.capacity() * sizeof(Known)); }

   private:
    struct Known {
      std::uint32_t round = 0, number = 0;
    };
    std::uint32_t round_ = 1;
    std::vector<Known> of_;
  };

  static Count bytes_of(const UnwrittenChunk& chunk);
  void close(const UnitSummary& read, std::size_t num_types, Count text_end);

  KeptColumns columns_;
  std::vector<UnwrittenChunk> chunks_;
  bool is_open_ = false;
  UnwrittenChunk open_;
  InternTable texts_;
  Numbers users_, items_;
  std::size_t num_batches_ = 0;
  UnitSummary before_;  // of the unit, before the open chunk
  Count closed_rows_ = 0, closed_bytes_ = 0;
};

}  // namespace pushcart::detail
