#include "app/changed_options.hpp"

#include <algorithm>
#include <utility>

namespace pushcart::app {

ChangedOptions::ChangedOptions(OptionSet options) : options_(std::move(options)) {
  for (const Option& option : options_.options()) defaults_.push_back(option.get());
}

std::string ChangedOptions::first_but(const std::vector<std::string>& meant) const {
  for (std::size_t n = 0; n < defaults_.size(); ++n) {
    const Option& option = options_.options()[n];
    const bool is_meant = std::find(meant.begin(), meant.end(), option.key) != meant.end();
    if (!is_meant && option.get() != defaults_[n]) return option.key;
  }
  return {};
}

}  // namespace pushcart::app
