#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ingest/hashing.hpp"
#include "ingest/stored_rows.hpp"
#include "pushcart/base/index.hpp"
#include "pushcart/base/string_table.hpp"
#include "pushcart/ingest/ingest_config.hpp"

namespace pushcart::detail {

/// A rank reads whole chunks, so they are small beside its share, and large beside the texts that each
/// repeats.
inline constexpr std::size_t kept_chunk_rows = 1 << 17;

/// The end of a file's text, however long that is.
inline constexpr Count end_of_text = Count{1} << 62;

/// A row as it was parsed, before any check that looks at other rows, at the clock or at the window. Texts
/// are positions in its chunk's table; no_id = empty.
struct KeptRow {
  std::uint32_t user = no_id;
  std::uint32_t item = no_id;
  std::uint32_t type_and_faults = 0;  ///< type << 16 | faults; the type counts the chunk's types
  float amount = 0;
  std::uint32_t line = 0;  ///< counted from the first line of the chunk
  std::uint32_t time_low = 0, time_high = 0;

  std::uint16_t type() const { return static_cast<std::uint16_t>(type_and_faults >> 16); }
  FaultMask faults() const { return static_cast<FaultMask>(type_and_faults); }
  std::int64_t time() const { return static_cast<std::int64_t>(std::uint64_t{time_high} << 32 | time_low); }
};
static_assert(sizeof(KeptRow) == 28);

/// Texts of a row beside its ids.
struct KeptLabels {
  std::uint32_t name = no_id, category = no_id, query = no_id;
};

/// A line that was rejected, as the file of rejected rows says it.
struct KeptRejection {
  std::uint32_t line = 0;  ///< counted from the first line of the chunk
  std::string reason;      ///< of a line that gave no event
  std::string text;        ///< its begin, a byte more than is shown
};

/// Consecutive lines of a log file, as parsed.
struct KeptChunk {
  std::size_t unit = 0;  ///< of the rank that parsed it
  Count first_line = 0;  ///< lines of that unit before it
  Count num_lines = 0;   ///< header and empty lines included
  std::uint64_t lines_digest = 0;
  Count returns = 0;
  Range text;  ///< of the file: its lines start there; nothing if it was taken from a file of kept events
  std::vector<KeptRow> rows;
  std::vector<LineHash> hashes;       ///< empty without --dedupe
  std::vector<EventDetails> details;  ///< empty unless something needs them
  std::vector<KeptLabels> labels;     ///< empty unless a column is mapped to one
  StringTable texts;                  ///< each once, or once as user, item and label
  std::vector<std::string> types;
  std::vector<KeptRejection> rejected;  ///< by line
};

/// Which columns the rows of a log have.
struct KeptColumns {
  bool hashes, details, labels;
  explicit KeptColumns(const IngestConfig& config);
};

/// Faults that a row has wherever and whenever it is read.
inline constexpr FaultMask kept_faults = fault_bit(Check::unparseable) | fault_bit(Check::missing_user) |
                                         fault_bit(Check::missing_item) | fault_bit(Check::missing_time) |
                                         fault_bit(Check::missing_rating) | fault_bit(Check::bad_price);

}  // namespace pushcart::detail
