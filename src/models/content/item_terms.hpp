#pragma once

#include <vector>

#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/content.hpp"

namespace pushcart::content {

/// The terms of the owned items in one field: those of item i are [offsets[i], offsets[i + 1]), each once.
struct ItemTerms {
  StringTable terms;             ///< the different terms of this rank
  std::vector<Count> num_items;  ///< by term: how many owned items have it
  std::vector<Count> offsets{0};
  std::vector<Count> term;       ///< position in `terms`
  std::vector<float> frequency;  ///< how often the item has it, >= 1
};

/// ConfigError, with the nearest column there is, if there is none of that name. Local.
ItemTerms item_terms(const Dataset& dataset, const ContentField& field, const std::string& tag_separator);

}  // namespace pushcart::content
