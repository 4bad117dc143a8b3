#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pushcart {

/// Number of single-letter edits between two words (Levenshtein distance).
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The known word nearest to `word`, for "did you mean"; empty if `known` is empty.
std::string nearest_word(std::string_view word, std::span<const std::string> known);

}  // namespace pushcart
