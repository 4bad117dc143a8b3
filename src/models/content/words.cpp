#include "models/content/words.hpp"

#include <fmt/core.h>
#include <unicode/brkiter.h>
#include <unicode/normalizer2.h>
#include <unicode/unistr.h>

#include <string>

#include "pushcart/base/error.hpp"

namespace pushcart::content {

struct WordCutter::State {
  const icu::Normalizer2* normalizer = nullptr;  // ICU's own
  std::unique_ptr<icu::BreakIterator> breaks;
};

namespace {

void check_icu(UErrorCode code, const char* what) {
  if (U_FAILURE(code)) throw InternalError(fmt::format("ICU: {}: {}", what, u_errorName(code)));
}

}  // namespace

WordCutter::WordCutter() : state_(std::make_unique<State>()) {
  UErrorCode code = U_ZERO_ERROR;
  state_->normalizer = icu::Normalizer2::getNFKCCasefoldInstance(code);
  check_icu(code, "normalization");
  state_->breaks.reset(icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), code));
  check_icu(code, "word breaks");
}

WordCutter::~WordCutter() = default;

void WordCutter::cut(std::string_view text, const std::function<void(std::string_view)>& visit) {
  UErrorCode code = U_ZERO_ERROR;
  const icu::UnicodeString folded = state_->normalizer->normalize(
      icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int32_t>(text.size()))), code);
  check_icu(code, "normalization");
  state_->breaks->setText(folded);
  std::string word;
  for (int32_t begin = state_->breaks->first(), end = state_->breaks->next(); end != icu::BreakIterator::DONE;
       begin = end, end = state_->breaks->next()) {
    if (state_->breaks->getRuleStatus() < UBRK_WORD_NONE_LIMIT) continue;
    word.clear();
    folded.tempSubStringBetween(begin, end).toUTF8String(word);
    visit(word);
  }
}

}  // namespace pushcart::content
