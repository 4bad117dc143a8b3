#pragma once

#include <functional>
#include <memory>
#include <string_view>

namespace pushcart::content {

/// Cuts texts of any script into words by Unicode's rules (UAX 29, with ICU's dictionaries for scripts that
/// do not part them), after NFKC and case folding. One a thread.
class WordCutter {
 public:
  WordCutter();  ///< InternalError if ICU lacks its data
  ~WordCutter();

  /// Calls visit for every word, in order: letters, digits or ideographs, never blanks or punctuation.
  /// Invalid UTF-8 counts as U+FFFD, which is no word.
  void cut(std::string_view text, const std::function<void(std::string_view)>& visit);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pushcart::content
