#include "pushcart/matrix/sessions.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "pushcart/base/error.hpp"

namespace pushcart {

std::int64_t session_gap_seconds(double minutes, std::string_view option) {
  constexpr double longest = 1e9;
  if (!(minutes > 0 && minutes <= longest)) {
    throw ConfigError(fmt::format("{} {}: must be above 0 and at most {}", option, minutes, longest));
  }
  return std::llround(minutes * 60);
}

std::vector<Count> session_steps(std::span<const std::int64_t> last_time, std::int64_t gap_seconds) {
  std::vector<std::size_t> latest_first(last_time.size());
  std::iota(latest_first.begin(), latest_first.end(), std::size_t{0});
  std::sort(latest_first.begin(), latest_first.end(),
            [&](std::size_t a, std::size_t b) { return last_time[a] > last_time[b]; });
  std::vector<Count> steps(last_time.size(), not_in_session);
  Count step = 0;
  for (std::size_t n = 0; n < latest_first.size(); ++n) {
    const std::int64_t time = last_time[latest_first[n]];
    const std::int64_t after = n == 0 ? time : last_time[latest_first[n - 1]];
    if (begins_session(time, after, gap_seconds)) break;
    step += time != after ? 1 : 0;
    steps[latest_first[n]] = step;
  }
  return steps;
}

}  // namespace pushcart
