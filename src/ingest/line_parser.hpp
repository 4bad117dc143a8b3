#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/row_checks.hpp"
#include "pushcart/events/event_parser.hpp"
#include "pushcart/ingest/strength_rules.hpp"

namespace pushcart::detail {

/// Copies of short texts that stay where they are until clear().
class TextArena {
 public:
  std::string_view keep(std::string_view text);
  void clear();

 private:
  static constexpr std::size_t chunk_bytes = 1 << 18;
  std::vector<std::unique_ptr<char[]>> chunks_;
  std::vector<std::unique_ptr<char[]>> large_;
  std::size_t chunk_ = 0;
  std::size_t used_ = 0;
};

/// A row with the texts that are still to be numbered. The type of an unparseable one is its ParseFault.
struct ParsedRow {
  StoredRow row;
  std::string_view user, item, name, category, query;
  std::uint64_t user_hash = 0, item_hash = 0;
  LineHash hash;
  float quantity = NAN, price = NAN, dwell = NAN;  // absent
};

/// What a piece of a block became. Texts point into the block or into the arena.
struct ParsedLines {
  std::vector<ParsedRow> rows;
  std::vector<std::string> types;  ///< ParsedRow::row.type counts these
  Count num_lines = 0;
  std::uint64_t lines_digest = 0;
  std::array<Count, num_parse_faults> parse_faults{};
  Count returns = 0;
  TextArena arena;
  void clear();
};

/// What all parsers of a run share.
struct ParseSettings {
  const IngestConfig& config;
  RowChecks checks;
  StrengthRules strength;
};

/// Turns lines into rows, with the checks that a row decides by itself. One a thread.
class LineParser {
 public:
  /// @param format  of the file at hand: format_of_file
  LineParser(const ParseSettings& settings, const LogFormat& format, std::string_view header_line);

  /// Parses whole lines; row lines count from the first line of `text`.
  void parse(std::string_view text, ParsedLines& out);
  /// Why this line gives no event; empty if it does.
  std::string fault_of(std::string_view line);

 private:
  void add_event(const Event& event, std::string_view text, ParsedLines& out);
  std::uint16_t type_of(std::string_view type, ParsedLines& out);
  void hash_event(const Event& event, ParsedRow& row);

  const ParseSettings& settings_;
  EventParser parser_;
  std::vector<TypeRule> type_rules_;  // by position in ParsedLines::types
  std::uint32_t type_salt_ = 0;       // equal lines of files of different types are no repeats
  std::uint16_t last_type_ = 0;
  std::string event_key_;
};

/// The next line of `text` from `position` on, without its end; moves `position` behind it.
std::string_view next_line(std::string_view text, std::size_t& position);

}  // namespace pushcart::detail
