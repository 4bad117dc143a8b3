#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "models/content/words.hpp"
#include "pushcart/models/term_config.hpp"

namespace pushcart::content {

/// Cuts texts into the n-grams of their words (Bojanowski et al., TACL 2017): of "<word>", runs of n code
/// points for every n from shortest to longest, hashed to one of the buckets. One a thread.
class NgramCutter {
 public:
  explicit NgramCutter(const NgramConfig& config) : config_(config) {}

  /// Calls visit with the number of the bucket of every n-gram, as text, by word, then n, then place.
  void cut(std::string_view text, const std::function<void(std::string_view)>& visit);

 private:
  const NgramConfig config_;
  WordCutter words_;
};

}  // namespace pushcart::content
