#include "app/tuning/space.hpp"

#include <fmt/core.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>

#include "pushcart/base/error.hpp"
#include "pushcart/base/random.hpp"
#include "pushcart/checkpoint/output_file.hpp"

namespace pushcart::app {

namespace {

constexpr Count most_trials = 1'000'000;  ///< of a grid: more could never be tried

[[noreturn]] void refuse(const std::string& path, const toml::node& node, const std::string& key,
                         const char* why) {
  throw ConfigError(fmt::format("{}:{}: '{}' {}", path, node.source().begin.line, key, why));
}

std::string text_of(const std::string& path, const std::string& key, const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
  if (const auto* real = node.as_floating_point()) return fmt::format("{}", real->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  refuse(path, node, key, "must be a value, an array of values, or a range { low = ..., high = ... }");
}

void read_range(const std::string& path, const toml::table& table, Parameter& parameter) {
  for (const auto& [name, node] : table) {
    if (name != "low" && name != "high" && name != "scale" && name != "steps") {
      refuse(path, node, parameter.key, "is a range of low, high, scale (linear or log) and steps");
    }
  }
  const auto low = table["low"].value<double>(), high = table["high"].value<double>();
  const auto scale = table["scale"].value_or(std::string("linear"));
  parameter.steps = table["steps"].value_or(std::int64_t{0});
  constexpr double largest = 1e15;  // whole numbers of this size are exact
  if (!low || !high || !(*low < *high)) refuse(path, table, parameter.key, "needs low < high");
  if (!(std::abs(*low) <= largest && std::abs(*high) <= largest)) {
    refuse(path, table, parameter.key, "needs numbers up to 1e15");
  }
  if (scale != "linear" && scale != "log")
    refuse(path, table, parameter.key, "has a scale that is neither linear nor log");
  if (scale == "log" && !(*low > 0)) refuse(path, table, parameter.key, "needs low > 0 on a log scale");
  if (table["steps"] && parameter.steps < 2) refuse(path, table, parameter.key, "needs at least 2 steps");
  parameter.low = *low;
  parameter.high = *high;
  parameter.whole = table["low"].is_integer() && table["high"].is_integer();
  parameter.scale = scale == "log" ? Parameter::Scale::log : Parameter::Scale::linear;
}

/// @param share  in [0, 1]
std::string in_range(const Parameter& parameter, double share) {
  const bool log = parameter.scale == Parameter::Scale::log;
  const double value = log ? parameter.low * std::pow(parameter.high / parameter.low, share)
                           : parameter.low + share * (parameter.high - parameter.low);
  return parameter.whole ? fmt::format("{}", std::llround(value)) : fmt::format("{:.6g}", value);
}

}  // namespace

std::string Parameter::at(double place) const {
  if (choices.empty()) return in_range(*this, place);
  const auto n = static_cast<std::size_t>(place * static_cast<double>(choices.size()));
  return choices[std::min(n, choices.size() - 1)];
}

std::vector<std::string> Parameter::grid() const {
  if (!choices.empty()) return choices;
  if (steps < 2) throw ConfigError(fmt::format("--strategy grid: the range of '{}' needs steps = N", key));
  std::vector<std::string> values;
  for (Count step = 0; step < steps; ++step) {
    values.push_back(in_range(*this, static_cast<double>(step) / static_cast<double>(steps - 1)));
  }
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

SearchSpace SearchSpace::read(const std::string& path) {
  toml::table file;
  try {
    file = toml::parse(read_text_file(path), path);
  } catch (const toml::parse_error& error) {
    throw ConfigError(fmt::format("{}:{}: {}", path, error.source().begin.line, error.description()));
  }
  SearchSpace space;
  for (const auto& [name, node] : file) {
    Parameter parameter;
    parameter.key = std::string(name.str());
    std::replace(parameter.key.begin(), parameter.key.end(), '_', '-');
    if (const auto* table = node.as_table()) {
      read_range(path, *table, parameter);
    } else if (const auto* array = node.as_array()) {
      for (const auto& element : *array) parameter.choices.push_back(text_of(path, parameter.key, element));
      if (parameter.choices.empty()) refuse(path, node, parameter.key, "has no values to choose from");
    } else {
      parameter.choices.push_back(text_of(path, parameter.key, node));
    }
    space.parameters_.push_back(std::move(parameter));
  }
  if (space.parameters_.empty()) throw ConfigError(path + ": names no parameter to search");
  std::sort(space.parameters_.begin(), space.parameters_.end(),
            [](const Parameter& a, const Parameter& b) { return a.key < b.key; });
  return space;
}

std::vector<Assignment> SearchSpace::grid() const {
  std::vector<Assignment> all{{}};
  for (const Parameter& parameter : parameters_) {
    const auto values =
        parameter.choices.empty() ? parameter.steps : static_cast<Count>(parameter.choices.size());
    if (values > most_trials / static_cast<Count>(all.size())) {
      throw ConfigError(
          fmt::format("--strategy grid: more than {} settings to try; use --strategy random", most_trials));
    }
    std::vector<Assignment> longer;
    for (const Assignment& given : all) {
      for (const auto& value : parameter.grid()) {
        longer.push_back(given);
        longer.back()[parameter.key] = value;
      }
    }
    all = std::move(longer);
  }
  return all;
}

Assignment SearchSpace::draw(std::uint64_t seed, Count trial) const {
  Assignment assignment;
  for (const Parameter& parameter : parameters_) {
    const RandomStream random(seed ^ hash_text(parameter.key), static_cast<std::uint64_t>(trial));
    assignment[parameter.key] = parameter.at(random.uniform(0));
  }
  return assignment;
}

}  // namespace pushcart::app
