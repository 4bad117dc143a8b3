#include "pushcart/ingest/cleaning_report.hpp"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <ctime>
#include <nlohmann/json.hpp>

namespace pushcart {

namespace {

constexpr std::array<std::string_view, num_checks> check_names{
    "duplicate",      "unparseable",      "missing_user",  "missing_item", "missing_time",
    "missing_rating", "bad_price",        "future_time",   "ancient_time", "outside_window",
    "excluded_item",  "quantity_outlier", "price_outlier", "bot"};

std::string time_text(std::int64_t time) {
  const std::time_t seconds = time;
  std::tm parts{};
  if (time == 0 || gmtime_r(&seconds, &parts) == nullptr) return "none";
  return fmt::format("{:%Y-%m-%d %H:%M:%S}", parts);
}

std::string line(std::string_view what, Count count) {
  return fmt::format("  {:<28}{:>14}\n", what, count);
}

}  // namespace

std::string_view check_name(Check check) {
  return check_names[static_cast<std::size_t>(check)];
}

bool is_bad_input(Check check) {
  return check <= Check::ancient_time;
}

Count CleaningReport::bad_rows() const {
  Count sum = 0;
  for (int c = 0; c < num_checks; ++c) {
    if (is_bad_input(static_cast<Check>(c))) sum += checks[static_cast<std::size_t>(c)].dropped;
  }
  return sum;
}

nlohmann::json CleaningReport::to_json() const {
  nlohmann::json json{{"rows_read", rows_read},
                      {"rows_kept", rows_kept},
                      {"returns", returns},
                      {"events_kept", events_kept},
                      {"earliest_time", earliest_time},
                      {"latest_time", latest_time},
                      {"pairs_taken_back", pairs_taken_back}};
  if (!events_by_day.empty()) {
    json["events_by_day"] = {{"first_time", earliest_time}, {"days_per_bin", days_per_bin}, {"types", events_by_day}};
  }
  for (int c = 0; c < num_checks; ++c) {
    const auto& count = checks[static_cast<std::size_t>(c)];
    json["checks"][std::string(check_names[static_cast<std::size_t>(c)])] = {{"rows_with_fault", count.with_fault},
                                                                       {"rows_dropped", count.dropped}};
  }
  json["unparseable"] = nlohmann::json::object();
  for (int f = 1; f < num_parse_faults; ++f) {
    if (parse_faults[static_cast<std::size_t>(f)] == 0) continue;
    json["unparseable"][std::string(parse_fault_name(static_cast<ParseFault>(f)))] =
        parse_faults[static_cast<std::size_t>(f)];
  }
  json["core"] = {{"users_dropped", users_below_core},
                  {"items_dropped", items_below_core},
                  {"pairs_dropped", pairs_below_core}};
  json["users"] = num_users;
  json["items"] = num_items;
  json["pairs"] = num_pairs;
  json["held_out"] = {{"pairs", held_out_pairs},
                      {"seen", held_out_seen},
                      {"unknown_users", held_out_unknown_users},
                      {"unknown_items", held_out_unknown_items}};
  if (has_queries) json["searches"] = {{"queries", num_queries}, {"events", num_searches}};
  json["examples"] = nlohmann::json::array();
  for (const auto& example : examples) {
    json["examples"].push_back({{"file", example.file}, {"line", example.line}, {"reason", example.reason}});
  }
  return json;
}

std::string CleaningReport::to_text() const {
  std::string text = "cleaning\n" + line("rows read", rows_read) + line("rows kept", rows_kept);
  text += fmt::format("  {:<28}{:>14}{:>18}\n", "check", "rows with fault", "dropped for it");
  for (int c = 0; c < num_checks; ++c) {
    const auto& count = checks[static_cast<std::size_t>(c)];
    if (count.with_fault == 0) continue;
    text += fmt::format("    {:<26}{:>15}{:>18}\n", check_names[static_cast<std::size_t>(c)], count.with_fault,
                        count.dropped);
  }
  for (int f = 1; f < num_parse_faults; ++f) {
    const Count count = parse_faults[static_cast<std::size_t>(f)];
    if (count > 0)
      text += line(fmt::format("unparseable: {}", parse_fault_name(static_cast<ParseFault>(f))), count);
  }
  if (returns > 0) text += line("returns (negative quantity)", returns);
  for (const auto& [type, count] : events_kept) text += line(fmt::format("kept: {}", type), count);
  text += fmt::format("  {:<28}{} to {} (UTC)\n", "time", time_text(earliest_time), time_text(latest_time));
  if (pairs_taken_back > 0) text += line("pairs taken back", pairs_taken_back);
  if (users_below_core + items_below_core > 0) {
    text += line("users below the core", users_below_core) + line("items below the core", items_below_core) +
            line("pairs below the core", pairs_below_core);
  }
  text += line("users", num_users) + line("items", num_items) + line("user-item pairs", num_pairs);
  if (has_queries) text += line("search queries", num_queries) + line("searches", num_searches);
  if (held_out_pairs + held_out_seen + held_out_unknown_users + held_out_unknown_items > 0) {
    text += line("held out: pairs", held_out_pairs) + line("held out: seen before", held_out_seen) +
            line("held out: unknown user", held_out_unknown_users) +
            line("held out: unknown item", held_out_unknown_items);
  }
  for (const auto& example : examples) {
    text += fmt::format("  e.g. {}:{}: {}\n", example.file, example.line, example.reason);
  }
  return text;
}

}  // namespace pushcart
