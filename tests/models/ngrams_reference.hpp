#pragma once

#include <string>
#include <vector>

namespace pushcart::test {

/// By code points, from the texts' words as they are: the names of the dataset fold to ASCII but for one
/// letter.
inline std::vector<std::string> ngrams_by_hand(const std::vector<std::string>& words, std::size_t shortest,
                                               std::size_t longest) {
  std::vector<std::string> result;
  for (const auto& word : words) {
    std::vector<std::string> letters{"<"};
    for (std::size_t at = 0; at < word.size();) {
      const std::size_t bytes = word[at] == '\xc3' ? 2 : 1;
      letters.push_back(word.substr(at, bytes));
      at += bytes;
    }
    letters.emplace_back(">");
    for (std::size_t n = shortest; n <= longest; ++n) {
      for (std::size_t first = 0; first + n <= letters.size(); ++first) {
        std::string ngram;
        for (std::size_t l = first; l < first + n; ++l) ngram += letters[l];
        result.push_back(ngram);
      }
    }
  }
  return result;
}

}  // namespace pushcart::test
