#pragma once

#include <string>

namespace pushcart::app {

/// "out/data.h5" -> "out/data.run.json": the run record of a command that writes one file.
std::string record_beside(const std::string& output);

/// A file of this name in the folder of `path`.
std::string sibling(const std::string& path, const std::string& name);

}  // namespace pushcart::app
