#include "app/paths.hpp"

#include <filesystem>

namespace pushcart::app {

std::string record_beside(const std::string& output) {
  return std::filesystem::path(output).replace_extension(".run.json").string();
}

std::string sibling(const std::string& path, const std::string& name) {
  return (std::filesystem::path(path).parent_path() / name).string();
}

}  // namespace pushcart::app
