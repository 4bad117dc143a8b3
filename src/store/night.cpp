#include "pushcart/store/night.hpp"

#include <fmt/core.h>

#include <array>
#include <map>
#include <optional>

#include "pushcart/base/error.hpp"

namespace pushcart {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 4> names{"published", "held", "failed", "rolled_back"};

Night night_of(const std::string& line) {
  Json json = Json::parse(line);
  Night night;
  night.number = json.at("night").get<Count>();
  night.time = json.at("time").get<std::string>();
  const auto name = json.at("outcome").get<std::string>();
  std::size_t outcome = 0;
  while (outcome < names.size() && names[outcome] != name) ++outcome;
  if (outcome == names.size()) throw InputError("unknown outcome");
  night.outcome = static_cast<Outcome>(outcome);
  night.version = json.at("version").get<std::string>();
  night.reason = json.at("reason").get<std::string>();
  for (const char* key : {"night", "time", "outcome", "version", "reason"}) json.erase(key);
  night.facts = std::move(json);
  return night;
}

/// A number somewhere in the facts as text, "-" if it is not there.
std::string number_at(const Json& facts, const char* pointer, int decimals) {
  const Json::json_pointer at(pointer);
  if (!facts.contains(at) || !facts[at].is_number()) return "-";
  return fmt::format("{:.{}f}", facts[at].get<double>(), decimals);
}

std::string text_at(const Json& facts, const char* key) {
  return facts.contains(key) && facts[key].is_string() ? facts[key].get<std::string>() : "-";
}

}  // namespace

std::string_view outcome_name(Outcome outcome) {
  return names[static_cast<std::size_t>(outcome)];
}

Count nights_since_cold(std::span<const Night> nights, const Night& service) {
  std::map<std::string, Count> since_cold;  // by version
  std::string in_service;
  for (const Night& night : nights) {
    if (night.outcome == Outcome::held && night.facts.value(cold_is_due_fact, false)) since_cold.clear();
    if (night.number > service.number) continue;
    if (night.outcome == Outcome::rolled_back) in_service = night.version;
    if (night.outcome != Outcome::published) continue;
    const Count before = since_cold[night.facts.value(compared_with_fact, in_service)];
    since_cold[night.version] = night.facts.value("start", "cold") == "cold" ? 0 : before + 1;
    in_service = night.version;
  }
  return since_cold[service.version];
}

std::string night_text(const Night& night) {
  Json json{{"night", night.number},
            {"time", night.time},
            {"outcome", outcome_name(night.outcome)},
            {"version", night.version},
            {"reason", night.reason}};
  json.update(night.facts);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<Night> nights_of(std::string_view text, const std::string& path) {
  std::vector<Night> nights;
  Count line_number = 0;
  for (std::size_t begin = 0; begin < text.size(); ++line_number) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line(text.substr(begin, end - begin));
    begin = end + 1;
    if (line.empty()) continue;
    try {
      nights.push_back(night_of(line));
    } catch (const std::exception& error) {
      if (end == text.size()) break;  // no line end: the crash came while it was written
      throw InputError(fmt::format("{}:{}: not a line of a store's history ({}); mend or remove that line",
                                   path, line_number + 1, error.what()));
    }
  }
  return nights;
}

std::string nights_table(std::span<const Night> nights) {
  std::string text =
      fmt::format("{:>5}  {:<20} {:<11} {:<5} {:>6} {:>8} {:>8} {:>8} {:>7} {:>8}  {}\n", "night", "time",
                  "outcome", "start", "sweeps", "metric", "served", "popular", "churn", "seconds", "reason");
  for (const Night& night : nights) {
    text += fmt::format(
        "{:>5}  {:<20} {:<11} {:<5} {:>6} {:>8} {:>8} {:>8} {:>7} {:>8}  {}\n", night.number, night.time,
        outcome_name(night.outcome), text_at(night.facts, "start"),
        number_at(night.facts, "/sweeps/measured", 0), number_at(night.facts, "/metric/value", 4),
        number_at(night.facts, "/metric/in_service", 4), number_at(night.facts, "/metric/popular", 4),
        number_at(night.facts, "/lists/churn", 3), number_at(night.facts, "/seconds", 1), night.reason);
  }
  return text;
}

}  // namespace pushcart
