#pragma once

#include <string>
#include <vector>

#include "app/option_set.hpp"

namespace pushcart::app {

/// Which options of a set have got other values than their defaults, to refuse those that would mean nothing.
class ChangedOptions {
 public:
  ChangedOptions() = default;
  /// The fields' values now are the defaults.
  explicit ChangedOptions(OptionSet options);
  /// The first, in their order, that is not among `meant`; empty = none.
  std::string first_but(const std::vector<std::string>& meant) const;

 private:
  OptionSet options_;
  std::vector<std::vector<std::string>> defaults_;
};

}  // namespace pushcart::app
