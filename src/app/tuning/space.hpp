#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "pushcart/base/index.hpp"

namespace pushcart::app {

/// Texts for the options of a family, by key.
using Assignment = std::map<std::string, std::string>;

/// What a parameter may be: one of some texts, or a number in a range.
struct Parameter {
  enum class Scale : int { linear, log };
  std::string key;
  std::vector<std::string> choices;  ///< empty for a range
  double low = 0, high = 0;
  bool whole = false;  ///< integers only
  Scale scale = Scale::linear;
  Count steps = 0;  ///< of a range in a grid

  /// The value at a place in [0, 1) of the range or among the choices.
  std::string at(double place) const;
  /// All choices, or the steps of the range from low to high. ConfigError if a range has no steps.
  std::vector<std::string> grid() const;
};

/// The settings that a search may choose from.
class SearchSpace {
 public:
  /// From a TOML file: a key a parameter. A plain value is fixed, an array is a choice, and
  /// { low = 0.001, high = 0.1, scale = "log", steps = 5 } a range. ConfigError with file and line. Local.
  static SearchSpace read(const std::string& path);

  const std::vector<Parameter>& parameters() const { return parameters_; }
  /// Every combination, the last key changing fastest.
  std::vector<Assignment> grid() const;
  /// Random values: a function of seed, number of the trial and key.
  Assignment draw(std::uint64_t seed, Count trial) const;

 private:
  std::vector<Parameter> parameters_;  // by key
};

}  // namespace pushcart::app
