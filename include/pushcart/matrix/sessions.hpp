#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// A session is a run of a user's events without a pause of more than a gap. Whole seconds, rounded.
/// ConfigError naming the option unless it is a finite number above 0.
std::int64_t session_gap_seconds(double minutes, std::string_view option);

/// Whether an event belongs to another session than the one before it. Unix seconds.
inline bool begins_session(std::int64_t before, std::int64_t time, std::int64_t gap_seconds) {
  return time - before > gap_seconds;
}

/// What session_steps() says of what is not in the session.
inline constexpr Count not_in_session = -1;

/// How far back each of a user's pairs is in the user's last session: 0 the latest, 1 the one before; pairs
/// of the same time are equally far back. Local.
/// @param last_time  of the pairs, unix seconds, in any order
/// @return           in the same order
std::vector<Count> session_steps(std::span<const std::int64_t> last_time, std::int64_t gap_seconds);

}  // namespace pushcart
