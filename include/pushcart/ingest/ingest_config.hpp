#pragma once

#include <boost/serialization/map.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/vector.hpp>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pushcart/base/index.hpp"
#include "pushcart/events/log_format.hpp"

namespace pushcart {

/// How the summed strength of one event type of a pair saturates.
enum class Cap : int {
  none,
  log1p,  ///< ln(1 + sum)
  min     ///< min(sum, cap_value)
};

/// How the number of pieces scales an event's strength. Events without a quantity count as one piece.
enum class QuantityScale : int {
  none,    ///< one event, whatever the number of pieces
  linear,  ///< pieces: bought minus returned
  log1p    ///< ln(1 + pieces)
};

/// What an event of one type is worth.
struct EventRule {
  double weight = 1;  ///< strength of one event, no unit, >= 0
  Cap cap = Cap::none;
  double cap_value = 0;           ///< for Cap::min
  double dwell_unit_seconds = 0;  ///< > 0: strength *= min(dwell / unit, dwell_max) where a dwell is given
  double dwell_max = 1;
  QuantityScale quantity = QuantityScale::linear;

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& weight& cap& cap_value& dwell_unit_seconds& dwell_max& quantity;
  }
};

/// Whether values are explicit ratings, and which one stays of a pair rated more than once.
enum class RatingsMode : int { off, last, mean };

/// What makes a row a repeat of an earlier one.
enum class Dedupe : int {
  line,   ///< the same bytes on the line
  event,  ///< the same user, item, type and time
  off
};

/// What to do with rows that have no user or no item: leave them out, or end the run.
enum class MissingIds : int { drop, refuse };

/// How much bad input is put up with.
struct RejectLimit {
  enum class Kind : int { unlimited, share, count };
  Kind kind = Kind::share;
  double share = 0.5;  ///< of the rows read, 0..1
  Count count = 0;     ///< rows

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& kind& share& count;
  }
};

/// "0.1" or "10%" is a share, "1000" a number of rows, "off" no limit; ConfigError naming --max-rejects.
RejectLimit reject_limit_of(std::string_view text);

/// All settings of ingest. Plain; defaults are those of the program.
struct IngestConfig {
  std::vector<std::string> inputs;  ///< file names or globs
  LogFormat format;
  /// Event types of whole files, by glob on a file's path or name: where carts and purchases come apart.
  std::map<std::string, std::string> file_types;

  // Behaviour to strength
  std::map<std::string, EventRule> events;  ///< by event type
  EventRule default_event;                  ///< for types not named in `events`
  double half_life_days = 0;                ///< 0 = no decay; anchored at the data's cut-off
  /// Event types that take back -> the type whose strength they take back. Not looked at in ratings mode.
  std::map<std::string, std::string> return_types{
      {"return", "purchase"}, {"refund", "purchase"}, {"cancellation", "purchase"}};
  RatingsMode ratings = RatingsMode::off;

  // Cleaning
  Dedupe dedupe = Dedupe::line;
  MissingIds missing_ids = MissingIds::drop;
  bool drop_bad_price = true;         ///< price <= 0, where a price is mapped
  bool drop_impossible_time = true;   ///< later than `now` or earlier than `min_time`
  std::int64_t now = 0;               ///< unix seconds; 0 = the clock at the start
  std::int64_t min_time = 631152000;  ///< unix seconds, 1990-01-01
  std::int64_t window_begin = std::numeric_limits<std::int64_t>::min();  ///< unix seconds, inclusive
  std::int64_t window_end = std::numeric_limits<std::int64_t>::max();    ///< unix seconds, exclusive
  double quantity_outlier_z = 0;  ///< largest robust z of |quantity|; 0 = off
  double price_outlier_z = 0;     ///< largest robust z of the price; 0 = off
  Count bot_events_per_day = 0;   ///< users with more events on one day (UTC) are bots; 0 = off
  Count bot_distinct_items = 0;   ///< users with more distinct items are bots; 0 = off
  std::vector<std::string>
      exclude_items;  ///< globs, or regular expressions after "re:", on the whole item id
  std::vector<std::string> include_items;  ///< if any: items that match none are excluded
  Count core_users = 0;                    ///< fewest pairs of a user (k-core); 0 = off
  Count core_items = 0;                    ///< fewest pairs of an item (k-core); 0 = off

  bool list_outside_window = true;  ///< rows outside the window are in the file of rejected rows, too
  bool keep_details = false;  ///< quantity, price and dwell of each event stay in the cleaned log
  RejectLimit max_rejects;
  std::string rejects_path;    ///< rejects.csv.gz; empty = not written
  bool drop_rejects = false;   ///< they come to rank 0 as for the file, which is not written; not serialized
  Count memory_per_rank = 0;   ///< bytes; 0 = no budget
  Count batch_rows = 1 << 20;  ///< rows a rank reads between two exchanges of ids

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& inputs& file_types& format.format& format.delimiter& format.header& format.columns& format.constants;
    archive& format.time_format& format.max_line_bytes& format.max_id_bytes;
    archive& events& default_event& half_life_days& return_types& ratings& dedupe& missing_ids&
        drop_bad_price;
    archive& drop_impossible_time& now& min_time& window_begin& window_end& quantity_outlier_z&
        price_outlier_z;
    archive& bot_events_per_day& bot_distinct_items& exclude_items& include_items& core_users& core_items;
    archive& list_outside_window& keep_details& max_rejects& rejects_path& memory_per_rank& batch_rows;
  }
};

/// How the lines of this file are read: config.format, with the event type that file_types gives it. ConfigError
/// if it is given more than one, or if file_types is used and gives it none. Local.
LogFormat format_of_file(const IngestConfig& config, const std::string& path);

/// Settings that make no sense, alone or together, are ConfigError naming the option. Local.
void check_config(const IngestConfig& config);

Cap cap_of(std::string_view name);                       ///< none | log1p | min
QuantityScale quantity_scale_of(std::string_view name);  ///< none | linear | log1p
RatingsMode ratings_mode_of(std::string_view name);      ///< off | last | mean
Dedupe dedupe_of(std::string_view name);                 ///< line | event | off
std::string_view name_of(Cap cap);
std::string_view name_of(QuantityScale scale);
std::string_view name_of(RatingsMode mode);
std::string_view name_of(Dedupe dedupe);

}  // namespace pushcart
