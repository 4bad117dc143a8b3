#include "pushcart/ingest/ingest_config.hpp"

#include <fnmatch.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "pushcart/base/error.hpp"
#include "pushcart/base/suggest.hpp"

namespace pushcart {

namespace {

template <class Value, std::size_t Size>
using Names = std::array<std::pair<std::string_view, Value>, Size>;

constexpr Names<Cap, 3> cap_names{{{"none", Cap::none}, {"log1p", Cap::log1p}, {"min", Cap::min}}};
constexpr Names<QuantityScale, 3> quantity_names{
    {{"none", QuantityScale::none}, {"linear", QuantityScale::linear}, {"log1p", QuantityScale::log1p}}};
constexpr Names<RatingsMode, 3> ratings_names{
    {{"off", RatingsMode::off}, {"last", RatingsMode::last}, {"mean", RatingsMode::mean}}};
constexpr Names<Dedupe, 3> dedupe_names{
    {{"line", Dedupe::line}, {"event", Dedupe::event}, {"off", Dedupe::off}}};

template <class Value, std::size_t Size>
Value value_of(const Names<Value, Size>& names, std::string_view option, std::string_view name) {
  std::vector<std::string> known;
  for (const auto& [text, value] : names) {
    if (text == name) return value;
    known.emplace_back(text);
  }
  throw ConfigError(fmt::format("{}: '{}' is none of {}; did you mean '{}'?", option, name,
                                fmt::join(known, ", "), nearest_word(name, known)));
}

template <class Value, std::size_t Size>
std::string_view text_of(const Names<Value, Size>& names, Value wanted) {
  for (const auto& [text, value] : names) {
    if (value == wanted) return text;
  }
  return "?";
}

void require(bool sensible, const std::string& complaint) {
  if (!sensible) throw ConfigError(complaint);
}

void check_rule(const std::string& name, const EventRule& rule) {
  require(std::isfinite(rule.weight) && rule.weight >= 0,
          fmt::format("--event {}: weight {} must be 0 or more (types that take back go to --return-type)", name,
                      rule.weight));
  require(rule.cap != Cap::min || rule.cap_value > 0,
          fmt::format("--event {}: cap min needs a cap value above 0, not {}", name, rule.cap_value));
  require(rule.dwell_unit_seconds >= 0 && rule.dwell_max > 0,
          fmt::format("--event {}: dwell unit must be 0 (off) or more seconds and its largest factor above 0",
                      name));
}

/// The standard library matches by recursion: some 100 kB of text end in a stack overflow.
void check_expressions(const IngestConfig& config, std::string_view option, const std::vector<std::string>& patterns) {
  constexpr std::size_t longest_id = 8192;
  const bool any = std::any_of(patterns.begin(), patterns.end(), [](const auto& text) { return text.starts_with("re:"); });
  require(!any || config.format.max_id_bytes <= longest_id,
          fmt::format("{}: regular expressions take ids of {} bytes at most; use globs, or lower --max-id-bytes", option,
                      longest_id));
}

bool is_given(const LogFormat& format, Role role) {
  return format.columns.contains(role) || format.constants.contains(role);
}

}  // namespace

Cap cap_of(std::string_view name) {
  return value_of(cap_names, "cap", name);
}
QuantityScale quantity_scale_of(std::string_view name) {
  return value_of(quantity_names, "quantity scale", name);
}
RatingsMode ratings_mode_of(std::string_view name) {
  return value_of(ratings_names, "--ratings", name);
}
Dedupe dedupe_of(std::string_view name) {
  return value_of(dedupe_names, "--dedupe", name);
}
std::string_view name_of(Cap cap) {
  return text_of(cap_names, cap);
}
std::string_view name_of(QuantityScale scale) {
  return text_of(quantity_names, scale);
}
std::string_view name_of(RatingsMode mode) {
  return text_of(ratings_names, mode);
}
std::string_view name_of(Dedupe dedupe) {
  return text_of(dedupe_names, dedupe);
}

RejectLimit reject_limit_of(std::string_view text) {
  RejectLimit limit;
  if (text == "off" || text == "unlimited") {
    limit.kind = RejectLimit::Kind::unlimited;
    return limit;
  }
  const bool percent = text.ends_with('%');
  const auto digits = percent ? text.substr(0, text.size() - 1) : text;
  double number = -1;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = parsed.ec == std::errc{} && parsed.ptr == digits.data() + digits.size();
  const bool is_share = percent || digits.find('.') != std::string_view::npos;
  if (percent) number /= 100;
  if (!whole || !(number >= 0) || number > (is_share ? 1.0 : 9e15) ||
      (!is_share && number != std::floor(number))) {
    throw ConfigError(
        fmt::format("--max-rejects: '{}' is neither a share (0.1, 10%), nor a number of rows (1000), "
                    "nor off",
                    text));
  }
  limit.kind = is_share ? RejectLimit::Kind::share : RejectLimit::Kind::count;
  if (is_share) {
    limit.share = number;
  } else {
    limit.count = static_cast<Count>(number);
  }
  return limit;
}

LogFormat format_of_file(const IngestConfig& config, const std::string& path) {
  LogFormat format = config.format;
  if (config.file_types.empty()) return format;
  const std::string name = path.substr(path.find_last_of('/') + 1);
  const std::string* found = nullptr;
  for (const auto& [pattern, type] : config.file_types) {
    const bool fits = ::fnmatch(pattern.c_str(), path.c_str(), 0) == 0 || ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
    if (!fits) continue;
    require(!found || *found == type, fmt::format("--file-type: {} is given the types '{}' and '{}'", path, found ? *found : "", type));
    found = &type;
  }
  require(found != nullptr, fmt::format("--file-type: {} is given no type; name every input file", path));
  format.constants[Role::type] = *found;
  return format;
}

void check_config(const IngestConfig& config) {
  const auto& format = config.format;
  require(!config.inputs.empty(), "--input: name at least one file or glob");
  check_pair_format(format);
  const bool has_time = is_given(format, Role::time);
  require(config.half_life_days >= 0 && std::isfinite(config.half_life_days),
          "--half-life-days must be 0 (off) or more days");
  require(has_time || config.half_life_days == 0,
          "--half-life-days needs a time column (--columns time=...)");
  const IngestConfig defaults;
  require(
      has_time || (config.window_begin == defaults.window_begin && config.window_end == defaults.window_end),
      "a time window needs a time column (--columns time=...)");
  require(config.window_begin < config.window_end,
          "the time window is empty: its begin is not before its end");
  require(has_time || config.bot_events_per_day == 0,
          "--bot-events-per-day needs a time column (--columns time=...)");
  require(config.ratings == RatingsMode::off || is_given(format, Role::value),
          "--ratings needs a column of values (--columns rating=...)");
  require(config.ratings == RatingsMode::off || config.half_life_days == 0,
          "--ratings keeps ratings as they are: leave out --half-life-days");
  require(config.quantity_outlier_z >= 0 && config.price_outlier_z >= 0,
          "outlier thresholds must be 0 (off) or more");
  require(config.quantity_outlier_z == 0 || is_given(format, Role::quantity),
          "--quantity-outlier-z needs a quantity column (--columns quantity=...)");
  require(config.price_outlier_z == 0 || is_given(format, Role::price),
          "--price-outlier-z needs a price column (--columns price=...)");
  require(config.bot_events_per_day >= 0 && config.bot_distinct_items >= 0,
          "--bot-events-per-day and --bot-distinct-items must be 0 (off) or more");
  require(config.core_users >= 0 && config.core_items >= 0,
          "--core-users and --core-items must be 0 (off) or more");
  check_expressions(config, "--exclude-items", config.exclude_items);
  check_expressions(config, "--include-items", config.include_items);
  require(config.file_types.empty() || !is_given(format, Role::type),
          "--file-type goes with neither a type column nor a constant type");
  require(config.batch_rows > 0, "rows a batch must be 1 or more");
  check_rule("(default)", config.default_event);
  for (const auto& [name, rule] : config.events) check_rule(name, rule);
  for (const auto& [name, taken_back] : config.return_types) {
    require(!config.return_types.contains(taken_back),
            fmt::format("--return-type: '{}' takes back '{}', which takes back itself", name, taken_back));
  }
}

}  // namespace pushcart
