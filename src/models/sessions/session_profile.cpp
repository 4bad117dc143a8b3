#include "pushcart/models/session_profile.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "pushcart/base/dump_json.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/matrix/sessions.hpp"

namespace pushcart {

namespace {

constexpr const char* gap_option = "--session-gap-minutes";

}  // namespace

void check_profile(const SessionProfile& profile) {
  session_gap_seconds(profile.gap_minutes, gap_option);
  if (!(profile.decay >= 0 && profile.decay <= 1)) {
    throw ConfigError(fmt::format("--profile-decay {}: must be in [0, 1]", profile.decay));
  }
  if (!(profile.earlier >= 0) || !std::isfinite(profile.earlier)) {
    throw ConfigError(fmt::format("--profile-earlier {}: must be a number of at least 0", profile.earlier));
  }
}

std::string session_profile_text(const SessionProfile& profile) {
  return dump_json(nlohmann::ordered_json{
      {"gap_minutes", profile.gap_minutes}, {"decay", profile.decay}, {"earlier", profile.earlier}});
}

SessionProfile session_profile_of(const std::string& text, const std::string& path) {
  try {
    const auto json = nlohmann::json::parse(text);
    const SessionProfile profile{json.at("gap_minutes").get<double>(), json.at("decay").get<double>(),
                                 json.at("earlier").get<double>()};
    check_profile(profile);
    return profile;
  } catch (const nlohmann::json::exception&) {
  } catch (const ConfigError&) {
  }
  throw InputError(
      fmt::format("{}: session_profile is not what such a text can be; the file is damaged", path));
}

SparseRows profile_rows(const Dataset& dataset, const SessionProfile& profile, std::span<const Count> users) {
  const std::int64_t gap = session_gap_seconds(profile.gap_minutes, gap_option);
  const SparseRows& rows = dataset.by_user;
  SparseRows counted;
  counted.rows = rows.rows;
  counted.num_columns = rows.num_columns;
  counted.offsets.assign(static_cast<std::size_t>(rows.num_rows()) + 1, 0);
  for (const Count user : users) {
    const Count row = user - rows.rows.begin;
    const auto first = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(row)]);
    const auto items = rows.row_columns(row);
    const auto steps = session_steps(std::span(dataset.last_time).subspan(first, items.size()), gap);
    for (std::size_t n = 0; n < items.size(); ++n) {
      const double count = steps[n] == not_in_session
                               ? profile.earlier
                               : std::pow(profile.decay, static_cast<double>(steps[n]));
      if (!(static_cast<float>(count) > 0)) continue;
      counted.columns.push_back(items[n]);
      counted.values.push_back(static_cast<float>(count));
    }
    counted.offsets[static_cast<std::size_t>(row) + 1] = counted.num_entries();
  }
  for (std::size_t row = 1; row < counted.offsets.size(); ++row) {
    counted.offsets[row] = std::max(counted.offsets[row], counted.offsets[row - 1]);
  }
  return counted;
}

}  // namespace pushcart
