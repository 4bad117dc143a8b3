#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ingest/hashing.hpp"
#include "pushcart/ingest/cleaning_report.hpp"
#include "pushcart/ingest/interaction_log.hpp"

namespace pushcart::detail {

inline constexpr std::uint32_t no_id = 0xffffffff;

using FaultMask = std::uint16_t;
static_assert(num_checks <= 16);
constexpr FaultMask fault_bit(Check check) {
  return static_cast<FaultMask>(1U << static_cast<unsigned>(check));
}

/// A row at the rank that read it.
struct StoredRow {
  std::uint32_t user =
      no_id;  ///< slot at its owner (before the exchange of the batch: position in the batch's ids)
  std::uint32_t item = no_id;
  std::uint16_t user_owner = 0;
  std::uint16_t item_owner = 0;
  std::uint16_t type = 0;  ///< position in the rank's list of types
  FaultMask faults = 0;    ///< a bit a Check
  float amount = 0;
  std::uint32_t line = 0;  ///< counted from the first line of its segment
  std::int64_t time = 0;
};
static_assert(sizeof(StoredRow) == 32);

/// Consecutive rows of a batch that come from one work unit.
struct Segment {
  std::size_t first_row = 0;
  std::size_t unit = 0;  ///< position among the units of this rank
  Count first_line = 0;  ///< lines of the unit before the segment
};

/// A row's search query.
struct RowQuery {
  std::uint32_t row = 0;  ///< position in its batch
  ProvisionalId query;    ///< before the exchange of the batch: slot = position in the batch's queries
};

/// Rows in input order, read between two exchanges of ids. Columns are empty where nothing needs them.
struct RowBatch {
  std::vector<StoredRow> rows;
  std::vector<LineHash> hashes;
  std::vector<float> quantities;  ///< NaN = absent
  std::vector<float> prices;
  std::vector<float> dwells;
  std::vector<RowQuery> queries;  ///< of the rows that have one
  std::vector<Segment> segments;
};

/// The first check in the fixed order that applies and is switched on.
inline std::optional<Check> first_cause(FaultMask faults, FaultMask enabled) {
  const unsigned applies = faults & enabled;
  if (applies == 0) return std::nullopt;
  return static_cast<Check>(__builtin_ctz(applies));
}

}  // namespace pushcart::detail
