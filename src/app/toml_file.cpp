#include "app/toml_file.hpp"

#include <fmt/core.h>

#include <toml++/toml.h>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>

#include "pushcart/base/error.hpp"
#include "pushcart/base/suggest.hpp"
#include "pushcart/checkpoint/output_file.hpp"

namespace pushcart::app {

namespace {

std::string where(const std::string& path, const toml::node& node) {
  return fmt::format("{}:{}", path, node.source().begin.line);
}

std::string scalar_text(const std::string& path, const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
  if (const auto* real = node.as_floating_point()) return fmt::format("{}", real->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (node.is_date() || node.is_time() || node.is_date_time()) {
    std::ostringstream out;
    node.visit([&](const auto& value) {
      if constexpr (toml::is_date<decltype(value)> || toml::is_time<decltype(value)> ||
                    toml::is_date_time<decltype(value)>) {
        out << value.get();
      }
    });
    return out.str();
  }
  throw ConfigError(where(path, node) + ": a text, number, true or false is needed here");
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) result += c == '"' ? std::string("\"\"") : std::string(1, c);
  return result + '"';
}

std::string table_text(const std::string& path, const toml::table& table) {
  std::string result;
  for (const auto& [key, node] : table) {
    result += fmt::format("{}{}={}", result.empty() ? "" : ",", key.str(), quoted(scalar_text(path, node)));
  }
  return result;
}

std::vector<std::string> value_texts(const std::string& path, const toml::node& node) {
  if (const auto* table = node.as_table()) return {table_text(path, *table)};
  if (const auto* array = node.as_array()) {
    std::vector<std::string> texts;
    for (const auto& element : *array) {
      texts.push_back(element.is_table() ? table_text(path, *element.as_table())
                                         : scalar_text(path, element));
    }
    return texts;
  }
  return {scalar_text(path, node)};
}

std::string key_text(std::string_view key) {
  std::string text(key);
  std::replace(text.begin(), text.end(), '_', '-');
  return text;
}

/// Whether the verb takes that table too: `run` and `retrain` do.
bool has_section(const OptionSet& options, const std::string& name) {
  const auto& all = options.options();
  return std::any_of(all.begin(), all.end(),
                     [&](const Option& option) { return option.key.starts_with(name + "."); });
}

}  // namespace

OptionValues read_toml(const std::string& path, const std::string& verb, const OptionSet& options,
                       const std::vector<std::string>& all_verbs) {
  toml::table file;
  try {
    file = toml::parse(read_text_file(path), path);
  } catch (const toml::parse_error& error) {
    throw ConfigError(fmt::format("{}:{}: {}", path, error.source().begin.line, error.description()));
  }
  const auto is_verb = [&](std::string_view name) {
    return std::find(all_verbs.begin(), all_verbs.end(), name) != all_verbs.end();
  };
  OptionValues values;
  const auto take = [&](const std::string& key, const toml::node& node) {
    const Option* option = options.find(key);
    if (!option) {
      const auto known = options.keys();
      throw ConfigError(fmt::format("{}: unknown setting '{}'; did you mean '{}'?", where(path, node), key,
                                    nearest_word(key, known)));
    }
    values[key] = value_texts(path, node);
    if (option->arity != Arity::many && values[key].size() != 1) {
      throw ConfigError(fmt::format("{}: '{}' takes one value, not {}", where(path, node), key, values[key].size()));
    }
  };
  for (const auto& [key, node] : file) {
    const std::string name = key_text(key.str());
    const auto* table = node.as_table();
    if (!table || table->is_inline()) {
      take(name, node);
      continue;
    }
    if (!is_verb(name)) {
      throw ConfigError(fmt::format("{}: unknown section [{}]; did you mean [{}]?", where(path, node),
                                    key.str(), nearest_word(name, all_verbs)));
    }
    if (name != verb && !has_section(options, name)) continue;
    const std::string prefix = name == verb ? "" : name + ".";
    for (const auto& [inner_key, inner] : *table) {
      take(prefix + key_text(inner_key.str()), inner);
    }
  }
  return values;
}

namespace {

/// Whether a text comes back with the same letters if TOML reads it as a number ("007" and "1e5" do not).
bool is_number_in_toml(const std::string& text) {
  const char* const end = text.data() + text.size();
  std::int64_t whole = 0;
  double real = 0;
  if (std::from_chars(text.data(), end, whole).ptr == end) return fmt::format("{}", whole) == text;
  const bool has_point_or_exponent = text.find_first_of(".e") != std::string::npos;
  return has_point_or_exponent && std::from_chars(text.data(), end, real).ptr == end && std::isfinite(real) &&
         fmt::format("{}", real) == text;
}

/// Text as TOML: numbers and truth values bare, all else quoted.
std::string toml_scalar(const std::string& text) {
  if (text == "true" || text == "false" || is_number_in_toml(text)) return text;
  std::ostringstream out;
  out << toml::value<std::string>(text);
  return out.str();
}

void append_option(std::string& out, const std::string& key, const Option& option) {
  const auto texts = option.get();
  const std::string help = option.help;
  out += fmt::format("# {}\n", help);
  if (option.arity == Arity::many) {
    out += texts.empty() ? fmt::format("# {} = []\n", key) : fmt::format("{} = [", key);
    for (std::size_t i = 0; i < texts.size(); ++i) out += (i ? ", " : "") + toml_scalar(texts[i]);
    if (!texts.empty()) out += "]\n";
  } else if (texts.empty()) {
    out += fmt::format("# {} = \"\"\n", key);
  } else {
    out += fmt::format("{} = {}\n", key, toml_scalar(texts.front()));
  }
}

}  // namespace

std::string to_toml(const OptionSet& options, const std::string& verb) {
  std::string out, section;
  out += fmt::format("[{}]\n", verb);
  for (const Option& option : options.options()) {
    if (option.key == "config" || option.key == "dump-config") continue;  // about the file, not in it
    const std::size_t dot = option.key.find('.');
    const std::string own = dot == std::string::npos ? "" : option.key.substr(0, dot);
    if (own != section) {
      out += fmt::format("\n[{}]\n", own);
      section = own;
    }
    append_option(out, dot == std::string::npos ? option.key : option.key.substr(dot + 1), option);
  }
  return out;
}

}  // namespace pushcart::app
