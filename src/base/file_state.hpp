#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace pushcart::detail {

/// Size, and the times of the last change of the content and of anything: nobody can set the latter back.
using FileState = std::array<std::int64_t, 5>;

/// Nothing if there is no such file, or it cannot be looked at. Local.
std::optional<FileState> state_of_file(const std::string& path);

/// Whether between these times nobody says to have written to it: its owner, rights or links may be others.
bool are_of_one_content(const FileState& before, const FileState& after);

}  // namespace pushcart::detail
