#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/term_config.hpp"

namespace pushcart::content {

/// The terms of some texts: those of text i are [offsets[i], offsets[i + 1]), each once.
struct TextTerms {
  StringTable terms;             ///< the different terms of this rank
  std::vector<Count> num_texts;  ///< by term: how many of the texts have it
  std::vector<Count> offsets{0};
  std::vector<Count> term;       ///< position in `terms`
  std::vector<float> frequency;  ///< how often the text has it, >= 1
};

/// Calls visit for every term of a text, in order.
using CutText =
    std::function<void(std::string_view text, const std::function<void(std::string_view)>& visit)>;

/// Local.
TextTerms text_terms(const StringTable& texts, const CutText& cut);

/// The terms of the owned items in one field. ConfigError, with the nearest column there is, if there is none
/// of that name. Local.
TextTerms item_terms(const Dataset& dataset, const ContentField& field, const std::string& tag_separator,
                     const NgramConfig& ngrams = {});

}  // namespace pushcart::content
