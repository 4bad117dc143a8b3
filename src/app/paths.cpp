#include "app/paths.hpp"

#include <filesystem>

#include "pushcart/base/error.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::app {

std::string record_beside(const std::string& output) {
  return std::filesystem::path(output).replace_extension(".run.json").string();
}

std::string checkpoints_beside(const std::string& output) {
  return std::filesystem::path(output).replace_extension(".checkpoint").string();
}

std::string sibling(const std::string& path, const std::string& name) {
  return (std::filesystem::path(path).parent_path() / name).string();
}

void make_parent_folder(const Communicator& comm, const std::string& path) {
  collectively(comm, "making the output folder", [&] {
    if (path.empty()) throw ConfigError("--output: no name is given");
    const std::string folder = std::filesystem::path(path).parent_path().string();
    if (comm.is_root() && !folder.empty()) make_folder(folder);
  });
}

}  // namespace pushcart::app
