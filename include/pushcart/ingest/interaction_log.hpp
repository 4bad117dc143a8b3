#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "pushcart/base/string_table.hpp"

namespace pushcart {

/// Where an id lives until it gets its final number: a slot at the rank that owns the hash of its bytes.
struct ProvisionalId {
  std::uint32_t slot = 0;
  std::uint16_t owner = 0;
  friend auto operator<=>(const ProvisionalId&, const ProvisionalId&) = default;
};

/// One cleaned event at the owner of its user.
struct LogEvent {
  std::uint32_t user = 0;  ///< slot of the user on this rank
  std::uint32_t item_slot = 0;
  std::uint16_t item_owner = 0;
  std::uint16_t type = 0;  ///< position in InteractionLog::types
  float amount = 0;        ///< strength before decay and cap (negative: taken back), or rating
  std::int64_t time = 0;   ///< unix seconds; 0 = the log has no times

  std::uint64_t item_key() const { return (std::uint64_t{item_owner} << 32) | item_slot; }
  ProvisionalId item() const { return {item_slot, item_owner}; }
};

/// What an event says beside its strength. NaN = absent.
struct EventDetails {
  float quantity = NAN;  ///< pieces; negative = returned
  float price = NAN;     ///< per piece, in the shop's currency
  float dwell = NAN;     ///< seconds
};

/// The search query of a cleaned event, at the owner of the event's user.
struct SearchEvent {
  std::uint32_t user = 0;  ///< slot of the user on this rank
  ProvisionalId item, query;
  std::int64_t time = 0;  ///< unix seconds; 0 = the log has no times
};

/// One file of the input.
struct InputDigest {
  std::string path;
  Count num_bytes = 0;  ///< on disk
  Count num_lines = 0;  ///< header included
  /// Sum modulo 2^64 of XXH3 over each line's bytes: the same however the file was cut, ordered or
  /// compressed.
  std::uint64_t lines_digest = 0;
};

/// The cleaned log, each event at the rank that owns the hash of its user. No rank holds all ids.
struct InteractionLog {
  StringTable user_ids;             ///< owned users by slot; some may have no event
  StringTable item_ids;             ///< owned items by slot; some may have no event
  StringTable item_names;           ///< by item slot: the most frequent name, ties by bytes; empty = none
  StringTable item_categories;      ///< by item slot, likewise
  std::vector<std::string> types;   ///< event types, sorted; the same on all ranks
  std::vector<LogEvent> events;     ///< by user slot, item (owner, slot), time, input order
  std::vector<EventDetails> details;  ///< of the same events; empty unless has_details
  std::vector<Count> user_offsets;  ///< events of slot s are [user_offsets[s], user_offsets[s+1])
  std::int64_t cutoff_time = 0;     ///< of the last event, over all ranks; 0 = the log has no times
  std::vector<InputDigest> inputs;  ///< in the order of reading; the same on all ranks
  std::vector<SearchEvent> searches;  ///< of the owned users, in any order
  StringTable query_texts;            ///< owned queries by slot
  bool has_queries = false;           ///< a column is mapped to them
  bool has_details = false;           ///< IngestConfig::keep_details
  bool has_names = false;
  bool has_categories = false;
};

}  // namespace pushcart
