#include "app/option_set.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "pushcart/base/error.hpp"
#include "pushcart/base/suggest.hpp"

namespace pushcart::app {

namespace {

template <class T>
T parse_number(const std::string& text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    throw ConfigError(fmt::format("'{}' is not {}", text, std::is_floating_point_v<T> ? "a number" : "a whole number"));
  }
  if constexpr (std::is_floating_point_v<T>) {
    if (!std::isfinite(value)) throw ConfigError(fmt::format("'{}' is not a finite number", text));
  }
  return value;
}

bool parse_bool(const std::string& text) {
  if (text == "true" || text == "yes" || text == "on" || text == "1") return true;
  if (text == "false" || text == "no" || text == "off" || text == "0") return false;
  throw ConfigError(fmt::format("'{}' is neither true nor false", text));
}

template <class T>
void add_number(OptionSet& set, const std::string& key, T& field, const std::string& help) {
  set.add_custom(
      key, Arity::one, help, [&field](const auto& texts) { field = parse_number<T>(texts.back()); },
      [&field] { return std::vector<std::string>{fmt::format("{}", field)}; });
}

template <class T>
void add_number(OptionSet& set, const std::string& key, std::optional<T>& field, const std::string& help) {
  set.add_custom(
      key, Arity::one, help, [&field](const auto& texts) { field = parse_number<T>(texts.back()); },
      [&field] {
        return field ? std::vector<std::string>{fmt::format("{}", *field)} : std::vector<std::string>{};
      });
}

}  // namespace

Count parse_bytes(const std::string& text) {
  struct Unit {
    std::string_view name;
    double factor;
  };
  static constexpr std::array units{Unit{"", 1},          Unit{"B", 1},        Unit{"k", 1e3},       Unit{"M", 1e6},
                                    Unit{"G", 1e9},       Unit{"kB", 1e3},     Unit{"MB", 1e6},      Unit{"GB", 1e9},
                                    Unit{"KiB", 1 << 10}, Unit{"MiB", 1 << 20}, Unit{"GiB", 1 << 30}};
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const auto found = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == unit; });
  if (error != std::errc{} || found == units.end() || !(value >= 0) || value * found->factor > 0x1p62) {
    throw ConfigError(fmt::format("'{}' is no amount of memory; write it like 512MiB, 2GiB or 1000000 (bytes)", text));
  }
  return static_cast<Count>(value * found->factor);
}

std::optional<double> seconds_of(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (error != std::errc{} || !(number > 0 && number < 1e9)) return std::nullopt;
  if (unit == "s") return number;
  if (unit == "m") return number * 60;
  if (unit == "h") return number * 3600;
  return std::nullopt;
}

void OptionSet::add(const std::string& key, std::string& field, const std::string& help) {
  add_custom(
      key, Arity::one, help, [&field](const auto& texts) { field = texts.back(); },
      [&field] { return field.empty() ? std::vector<std::string>{} : std::vector<std::string>{field}; });
}
void OptionSet::add(const std::string& key, int& field, const std::string& help) { add_number(*this, key, field, help); }
void OptionSet::add(const std::string& key, Count& field, const std::string& help) {
  add_number(*this, key, field, help);
}
void OptionSet::add(const std::string& key, std::uint64_t& field, const std::string& help) {
  add_number(*this, key, field, help);
}
void OptionSet::add(const std::string& key, double& field, const std::string& help) {
  add_number(*this, key, field, help);
}
void OptionSet::add(const std::string& key, std::optional<double>& field, const std::string& help) {
  add_number(*this, key, field, help);
}
void OptionSet::add(const std::string& key, std::optional<Count>& field, const std::string& help) {
  add_number(*this, key, field, help);
}
void OptionSet::add(const std::string& key, std::vector<std::string>& field, const std::string& help) {
  add_custom(
      key, Arity::many, help, [&field](const auto& texts) { field = texts; }, [&field] { return field; });
}
namespace {

/// Numbers one by one or with commas between: "5,10,20" is three.
template <class T>
void add_numbers(OptionSet& options, const std::string& key, std::vector<T>& field, const std::string& help) {
  options.add_custom(
      key, Arity::many, help,
      [&field](const auto& texts) {
        field.clear();
        for (const auto& text : texts) {
          for (std::size_t at = 0; at <= text.size();) {
            const std::size_t comma = std::min(text.find(',', at), text.size());
            field.push_back(parse_number<T>(text.substr(at, comma - at)));
            at = comma + 1;
          }
        }
      },
      [&field] {
        std::vector<std::string> texts;
        for (const T value : field) texts.push_back(fmt::format("{}", value));
        return texts;
      });
}

}  // namespace

void OptionSet::add(const std::string& key, std::vector<Count>& field, const std::string& help) {
  add_numbers(*this, key, field, help);
}
void OptionSet::add(const std::string& key, std::vector<double>& field, const std::string& help) {
  add_numbers(*this, key, field, help);
}
void OptionSet::add_flag(const std::string& key, bool& field, const std::string& help) {
  add_custom(
      key, Arity::flag, help, [&field](const auto& texts) { field = parse_bool(texts.back()); },
      [&field] { return std::vector<std::string>{field ? "true" : "false"}; });
}
void OptionSet::add_bytes(const std::string& key, Count& field, const std::string& help) {
  add_custom(
      key, Arity::one, help, [&field](const auto& texts) { field = parse_bytes(texts.back()); },
      [&field] { return std::vector<std::string>{fmt::format("{}", field)}; });
}

void OptionSet::add_custom(const std::string& key, Arity arity, const std::string& help,
                           std::function<void(const std::vector<std::string>&)> set,
                           std::function<std::vector<std::string>()> get) {
  options_.push_back({key, help, arity, std::move(set), std::move(get)});
}

void OptionSet::add_section(const std::string& name, OptionSet section) {
  for (Option& option : section.options_) {
    option.key = name + "." + option.key;
    options_.push_back(std::move(option));
  }
}

std::vector<std::string> OptionSet::keys() const {
  std::vector<std::string> keys;
  for (const auto& option : options_) keys.push_back(option.key);
  return keys;
}

const Option* OptionSet::find(const std::string& key) const {
  const auto found = std::find_if(options_.begin(), options_.end(), [&](const Option& o) { return o.key == key; });
  return found == options_.end() ? nullptr : &*found;
}

void OptionSet::apply(const OptionValues& values) const {
  for (const auto& [key, texts] : values) {
    if (find(key)) continue;
    const auto known = keys();
    throw ConfigError(fmt::format("unknown option '{}'; did you mean '{}'?", key, nearest_word(key, known)));
  }
  for (const Option& option : options_) {
    const auto given = values.find(option.key);
    if (given == values.end() || (given->second.empty() && option.arity != Arity::many)) continue;
    try {
      option.set(given->second);
    } catch (const ConfigError& error) {
      const std::string name = "--" + option.key, text = error.what();
      throw ConfigError(text.starts_with(name) ? text : name + ": " + text);
    }
  }
}

}  // namespace pushcart::app
