#pragma once

#include <map>
#include <string>
#include <vector>

#include "pushcart/matrix/dataset.hpp"

namespace pushcart::sessions {

/// An item in a session.
struct Visit {
  Count item = 0;
  Count step = 0;  ///< how many different times the session had before
  double weight = 0;
};

/// Sessions of the owned users, by user and time; the visits of session s are [offsets[s], offsets[s + 1]),
/// by item.
struct Visits {
  std::vector<Count> offsets{0};
  std::vector<Visit> visits;
  std::vector<std::int64_t> last_time;  ///< by session, unix seconds

  Count num_sessions() const { return static_cast<Count>(last_time.size()); }
};

/// See SessionsConfig. Local. ConfigError: event types.
Visits cut_sessions(const Dataset& dataset, const std::map<std::string, double>& event_weights,
                    std::int64_t gap_seconds);

}  // namespace pushcart::sessions
