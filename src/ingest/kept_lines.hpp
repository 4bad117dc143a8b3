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

  /// A work unit begins.
  void begin(std::size_t unit);
  /// @param line  of the unit; @param type  position in the rank's types, or the fault of a line without an
  /// event
  void add(const ParsedRow& parsed, Count line, std::uint16_t type);
  /// All lines up to here are in. @param read  of the unit so far; @param types  of the rank so far
  void reach(const UnitSummary& read, const std::vector<std::string>& types, UnitEnds ends);
  /// A line of the chunks was rejected; lines come in order. Those beyond `most_rejected_bytes` are not
  /// taken: they are found in the text again. @param line  of the unit
  void reject(std::size_t unit, Count line, const std::string& reason, std::string_view text);

  std::vector<KeptChunk>& chunks() { return chunks_; }
  static constexpr Count most_rejected_bytes = Count{4} << 20;
  /// Of rows and texts so far.
  Count memory_bytes() const { return closed_bytes_ + bytes_of(open_) + texts_.memory_bytes(); }

 private:
  static Count bytes_of(const KeptChunk& chunk);
  void close(const UnitSummary& read, const std::vector<std::string>& types);
  std::uint32_t text(std::uint64_t hash, std::string_view text);

  KeptColumns columns_;
  std::vector<KeptChunk> chunks_;
  KeptChunk open_;
  InternTable texts_;
  std::uint64_t digest_before_ = 0;  // of the unit's lines before the open chunk
  Count returns_before_ = 0;
  Count closed_bytes_ = 0;         // of chunks_, without rejected lines
  Count rejected_bytes_ = 0;       // of those
  std::size_t next_rejected_ = 0;  // chunk that the last rejected line was in
};

}  // namespace pushcart::detail
