#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pushcart/base/index.hpp"

namespace pushcart::app {

/// Texts given for options: by key, in the order given. Travels from rank 0 to the others.
using OptionValues = std::map<std::string, std::vector<std::string>>;

/// How many texts an option takes.
enum class Arity : int { flag, one, many };

/// One setting: its name on the command line and in TOML, what it means, and how text becomes a value.
struct Option {
  std::string key;
  std::string help;  ///< with the unit
  Arity arity = Arity::one;
  std::function<void(const std::vector<std::string>&)> set;  ///< ConfigError without the option's name
  std::function<std::vector<std::string>()> get;             ///< the present value as text
};

/// The settings of a command: the single place that knows each key, its default, its help and its field.
class OptionSet {
 public:
  void add(const std::string& key, std::string& field, const std::string& help);
  void add(const std::string& key, int& field, const std::string& help);
  void add(const std::string& key, Count& field, const std::string& help);
  void add(const std::string& key, std::uint64_t& field, const std::string& help);
  void add(const std::string& key, double& field, const std::string& help);
  void add(const std::string& key, std::optional<double>& field, const std::string& help);
  void add(const std::string& key, std::optional<Count>& field, const std::string& help);
  void add(const std::string& key, std::vector<std::string>& field, const std::string& help);
  void add(const std::string& key, std::vector<Count>& field, const std::string& help);
  void add(const std::string& key, std::vector<double>& field, const std::string& help);
  /// true or false; on the command line the bare option means true.
  void add_flag(const std::string& key, bool& field, const std::string& help);
  /// "512MiB", "2GiB", "1000000" (bytes).
  void add_bytes(const std::string& key, Count& field, const std::string& help);
  /// Any type by a pair of conversions.
  void add_custom(const std::string& key, Arity arity, const std::string& help,
                  std::function<void(const std::vector<std::string>&)> set,
                  std::function<std::vector<std::string>()> get);
  /// A type that has a name for each value.
  template <class T, class Parse, class Print>
  void add_named(const std::string& key, T& field, const std::string& help, Parse parse, Print print) {
    add_custom(
        key, Arity::one, help, [&field, parse](const auto& texts) { field = parse(texts.back()); },
        [&field, print] { return std::vector<std::string>{std::string(print(field))}; });
  }
  /// Options of another set behind "name.": used by `run` for the sections of its file.
  void add_section(const std::string& name, OptionSet section);

  const std::vector<Option>& options() const { return options_; }
  std::vector<std::string> keys() const;
  const Option* find(const std::string& key) const;
  /// Applies texts to the fields, in the order in which the options were added; ConfigError naming the option, and for an unknown key the nearest known one.
  void apply(const OptionValues& values) const;

 private:
  std::vector<Option> options_;
};

/// Bytes from "512MiB", "2GiB", "3k"; ConfigError.
Count parse_bytes(const std::string& text);

/// Seconds from "10m", "90s", "1.5h", above 0; nothing if it is no such text.
std::optional<double> seconds_of(const std::string& text);

}  // namespace pushcart::app
