#include "models/content/ngrams.hpp"

#include <vector>

#include "pushcart/base/digest.hpp"

namespace pushcart::content {

namespace {

/// Where the code points of valid UTF-8 begin, and its end.
std::vector<std::size_t> code_point_bounds(std::string_view text) {
  std::vector<std::size_t> bounds;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if ((static_cast<unsigned char>(text[at]) & 0xc0U) != 0x80U) bounds.push_back(at);
  }
  bounds.push_back(text.size());
  return bounds;
}

}  // namespace

void NgramCutter::cut(std::string_view text, const std::function<void(std::string_view)>& visit) {
  words_.cut(text, [&](std::string_view word) {
    const std::string marked = "<" + std::string(word) + ">";
    const auto bounds = code_point_bounds(marked);
    for (Count n = config_.shortest; n <= config_.longest; ++n) {
      const auto length = static_cast<std::size_t>(n);
      for (std::size_t first = 0; first + length < bounds.size(); ++first) {
        const auto ngram =
            std::string_view(marked).substr(bounds[first], bounds[first + length] - bounds[first]);
        visit(std::to_string(hash_text(ngram) % static_cast<std::uint64_t>(config_.buckets)));
      }
    }
  });
}

}  // namespace pushcart::content
