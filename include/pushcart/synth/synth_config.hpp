#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "pushcart/base/index.hpp"
#include "pushcart/checkpoint/output_file.hpp"

namespace pushcart {

enum class SynthFormat : int { csv, jsonl };

/// What a shopper does. A `search` names the query and the item that was opened from its results; a `return`
/// takes back `quantity` (positive) pieces of an earlier purchase.
enum class SynthType : int { view, search, cart, purchase, returned };
inline constexpr int num_synth_types = 5;
std::string_view synth_type_name(SynthType type);  ///< as in the log: "view" ... "return"

/// What can be wrong with a planted dirty line. Each has exactly one fault.
enum class SynthFault : int {
  duplicate_line,  ///< byte for byte the line before it, which is clean
  missing_user,    ///< empty user
  missing_item,    ///< empty item
  bad_number,      ///< price is no number
  bad_time,        ///< time is no time
  bad_price,       ///< price zero or negative
  future_time,     ///< in the years 2090 to 2094
  garbage,         ///< no fields at all
  service_code     ///< a purchase of POSTAGE, M, BANK CHARGES ...: upper-case letters and blanks only
};
inline constexpr int num_synth_faults = 9;
std::string_view synth_fault_name(SynthFault fault);  ///< "duplicate_line" ...
std::string synth_fault_option(SynthFault fault);     ///< "--dirt-duplicate-line" ...

/// 2090-01-01: every log ends before it, planted future times lie in the five years after it. Unix seconds.
inline constexpr std::int64_t synth_future_begin = 3786912000;

/// Settings of the generated log. Shares are fractions in [0, 1].
struct SynthConfig {
  Count users = 2000;
  Count items = 1000;
  Count events = 100000;  ///< lines of all event files together, dirty ones included, headers not: exact
  Count days = 120;
  std::string start_date = "2025-01-01";  ///< first day, UTC
  std::uint64_t seed = 1;
  Count categories =
      0;  ///< 0: as many as the built-in word lists have, or the number of items if that is less
  Count latent_dimensions = 16;

  Count files = 4;  ///< part files; each holds a contiguous range of users
  SynthFormat format = SynthFormat::csv;
  Compression compression = Compression::none;

  double popularity_exponent = 0.75;  ///< weight of the r-th most popular item is (r + 5)^-exponent
  double popularity_drift =
      0.25;                     ///< standard deviation of an item's log-popularity step from period to period
  double taste_drift = 0.3;     ///< how far tastes turn until the end: 0 not at all, 1 to unrelated ones
  double new_item_share = 0.1;  ///< of the items: they appear during the log
  double search_share = 0.3;    ///< of the sessions: they begin with a search
  double return_share = 0.05;   ///< of the purchases
  double bot_share = 0.005;     ///< of the users; a bot has 20 times an average user's lines
  /// Share of dirty lines by fault; a duplicate that would follow a dirty line is not planted.
  std::array<double, num_synth_faults> dirt{0.01, 0.005, 0.002, 0.002, 0.002, 0.002, 0.001, 0.001, 0.003};

  Count truth_users = 100000;     ///< users, from the first, whose tastes are saved; 0 = all
  Count truth_list_users = 2000;  ///< of these, users with a list of best items
  Count truth_list_length = 50;   ///< items in such a list

  Count memory_per_rank = 0;  ///< bytes; 0 = no budget. The output does not depend on it

  double& share(SynthFault fault) { return dirt[static_cast<std::size_t>(fault)]; }
  double share(SynthFault fault) const { return dirt[static_cast<std::size_t>(fault)]; }
};

/// ConfigError naming the option that makes no sense. Local.
void validate(const SynthConfig& config);

/// Unix seconds of 00:00 UTC of the first day. ConfigError (--start-date).
std::int64_t synth_start_time(const SynthConfig& config);

/// Outside names of the n-th user and item, as in every file written.
std::string synth_user_id(Count user);
std::string synth_item_id(Count item);

}  // namespace pushcart
