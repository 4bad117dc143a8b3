#pragma once

#include <vector>

#include "ingest/intern_table.hpp"
#include "ingest/kept_chunk.hpp"
#include "ingest/line_parser.hpp"
#include "ingest/unit_summary.hpp"

namespace pushcart::detail {

enum class UnitEnds : int { no, yes };

/// Collects what this rank parses, in chunks. Local.
class KeptLines {
 public:
  explicit KeptLines(const IngestConfig& config) : columns_(config) {}

  /// A work unit begins. @param text_begin  of the file's text: its lines start there or behind
  void begin(std::size_t unit, Count text_begin);
  /// @param line  of the unit; @param type  position in the rank's types, or the fault of a line without an
  /// event
  void add(const ParsedRow& parsed, Count line, std::uint16_t type);
  /// All lines of the unit that start before `text_end` are in. @param read  of the unit so far; @param types
  /// of the rank so far
  void reach(const UnitSummary& read, const std::vector<std::string>& types, Count text_end, UnitEnds ends);
  /// The same, and what is in can be written: a chunk ends.
  void end_batch(const UnitSummary& read, const std::vector<std::string>& types, Count text_end);
  /// A unit that an earlier run has parsed, in its order among the others.
  void take(std::size_t unit, KeptChunk chunk);
  /// A line of the chunks was rejected; lines come in order. Those beyond `most_rejected_bytes` are not
  /// taken: they are found in the text again. @param line  of the unit
  void reject(std::size_t unit, Count line, const std::string& reason, std::string_view text);

  std::vector<KeptChunk>& chunks() { return chunks_; }
  /// Of the chunks that were parsed here: those of no checkpoint yet.
  Count num_unwritten_rows() const;
  /// The first of them, of at most so many rows together, but one at least, if there are any; they count as
  /// written. Valid until the next line comes.
  std::vector<const KeptChunk*> take_unwritten(Count most_rows);
  static constexpr Count most_rejected_bytes = Count{4} << 20;
  /// Of rows and texts so far.
  Count memory_bytes() const { return closed_bytes_ + bytes_of(open_) + texts_.memory_bytes(); }

 private:
  static Count bytes_of(const KeptChunk& chunk);
  void close(const UnitSummary& read, const std::vector<std::string>& types, Count text_end);
  std::uint32_t text(std::uint64_t hash, std::string_view text);

  KeptColumns columns_;
  std::vector<KeptChunk> chunks_;
  KeptChunk open_;
  InternTable texts_;
  std::uint64_t digest_before_ = 0;  // of the unit's lines before the open chunk
  Count returns_before_ = 0;
  Count text_begin_ = 0;           // of the open chunk
  std::size_t next_unwritten_ = 0;  // of chunks_
  Count closed_bytes_ = 0;         // of chunks_, without rejected lines
  Count rejected_bytes_ = 0;       // of those
  std::size_t next_rejected_ = 0;  // chunk that the last rejected line was in
};

}  // namespace pushcart::detail
