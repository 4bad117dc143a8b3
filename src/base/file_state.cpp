#include "base/file_state.hpp"

#include <sys/stat.h>

#include <algorithm>

namespace pushcart::detail {

std::optional<FileState> state_of_file(const std::string& path) {
  struct stat about {};
  if (::stat(path.c_str(), &about) != 0) return std::nullopt;
  return FileState{about.st_size, about.st_mtim.tv_sec, about.st_mtim.tv_nsec, about.st_ctim.tv_sec,
                   about.st_ctim.tv_nsec};
}

bool are_of_one_content(const FileState& before, const FileState& after) {
  return std::equal(before.begin(), before.begin() + 3, after.begin());
}

}  // namespace pushcart::detail
