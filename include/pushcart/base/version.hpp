#pragma once

#include <string>

namespace pushcart {

/// "0.1.0".
std::string version();

/// Compiler and instruction sets that this build was made with, for run records.
std::string build_description();

}  // namespace pushcart
