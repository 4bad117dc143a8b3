#pragma once

#include <array>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "pushcart/base/index.hpp"
#include "pushcart/events/event.hpp"

namespace pushcart {

/// What can be wrong with a row, in the order in which the cause of its drop is looked for: the first that
/// applies is the cause.
enum class Check : int {
  duplicate,         ///< repeats an earlier line (or event): every repeat after the first
  unparseable,       ///< the line gave no event
  missing_user,      ///< empty user id
  missing_item,      ///< empty item id
  missing_time,      ///< no time though a column is mapped
  missing_rating,    ///< no value in ratings mode
  bad_price,         ///< price <= 0
  future_time,       ///< later than --now
  ancient_time,      ///< earlier than --min-time
  outside_window,    ///< outside the chosen time window
  excluded_item,     ///< item id left out by pattern
  quantity_outlier,  ///< robust z of the quantity too large
  price_outlier,     ///< robust z of the price too large
  bot                ///< user above the limit of events a day or of distinct items
};
inline constexpr int num_checks = 14;
std::string_view check_name(Check check);

/// Whether a row dropped for this cause counts against --max-rejects (bad input), or was left out by choice.
bool is_bad_input(Check check);

struct CheckCount {
  Count with_fault = 0;  ///< rows that have the fault at all
  Count dropped = 0;     ///< rows dropped with this as first cause
};

/// A rejected row, for people.
struct RejectExample {
  std::string file;
  Count line = 0;  ///< from 1, header included
  std::string reason;
};

/// What cleaning found and did. A row is an event; a line that gives no event for a fault is a row too. The
/// same on all ranks once clean_log and build_dataset have returned.
struct CleaningReport {
  Count rows_read = 0;
  Count rows_kept = 0;
  std::array<CheckCount, num_checks> checks{};
  std::array<Count, num_parse_faults> parse_faults{};  ///< unparseable rows by kind
  Count returns = 0;                         ///< rows with a negative quantity (kept: they take back)
  std::map<std::string, Count> events_kept;  ///< by event type
  /// Kept events over time: bins of `days_per_bin` days from the day of earliest_time, by event type; empty
  /// without times, or with more types than a page can show.
  std::map<std::string, std::vector<Count>> events_by_day;
  Count days_per_bin = 1;
  std::int64_t earliest_time = 0;            ///< of kept rows, unix seconds; 0 = the log has no times
  std::int64_t latest_time = 0;
  std::vector<RejectExample> examples;  ///< the first rejected row of each cause

  // From events to pairs (build_dataset)
  Count pairs_taken_back = 0;  ///< pairs whose events sum to nothing or less
  Count users_below_core = 0;  ///< users dropped by the k-core, with all their pairs
  Count items_below_core = 0;
  Count pairs_below_core = 0;
  Count num_users = 0;
  Count num_items = 0;
  Count num_pairs = 0;
  Count held_out_pairs = 0;          ///< pairs after the time cut that can be ranked
  Count held_out_seen = 0;           ///< pairs after the time cut that are in the training part too
  Count held_out_unknown_users = 0;  ///< pairs after the time cut whose user is not in the training part
  Count held_out_unknown_items = 0;  ///< the same of items, where the user is known

  bool has_queries = false;  ///< a column is mapped to search queries
  Count num_queries = 0;     ///< different ones in the data set
  Count num_searches = 0;    ///< events with a query in the data set

  const CheckCount& operator[](Check check) const { return checks[static_cast<std::size_t>(check)]; }
  CheckCount& operator[](Check check) { return checks[static_cast<std::size_t>(check)]; }
  /// Rows dropped for a cause that counts against --max-rejects.
  Count bad_rows() const;

  nlohmann::json to_json() const;
  std::string to_text() const;  ///< an aligned table for people
};

}  // namespace pushcart
