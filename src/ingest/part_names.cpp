#include "ingest/part_names.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

#include "ingest/kept_sources.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/checkpoint/output_file.hpp"

namespace pushcart::detail {

namespace {

std::string temporary_path(const std::string& folder, Count number) {
  return kept_path(folder, number) + ".partial";
}

bool is_there(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(std::filesystem::symlink_status(path, error));
}

/// False: another has it.
bool claim(const std::string& folder, Count number) {
  const std::string path = kept_path(folder, number), temporary = temporary_path(folder, number);
  if (is_there(path)) return false;
  const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (descriptor < 0 && errno == EEXIST) return false;
  if (descriptor < 0)
    throw StorageError(fmt::format("{}: cannot be created: {}", path, std::strerror(errno)));
  ::close(descriptor);
  if (!is_there(path)) return true;
  ::unlink(temporary.c_str());  // its writer has named it since
  return false;
}

}  // namespace

std::string kept_path(const std::string& folder, Count number) {
  return fmt::format("{}/{:06}.h5", folder, number);
}

Count claim_kept(const std::string& folder, Count number) {
  make_folder(folder);
  do {
    ++number;
  } while (!claim(folder, number));
  return number;
}

std::vector<KeptLeftover> leftovers_from(const std::string& folder, Count first_number, Count last_number) {
  std::map<Count, KeptLeftover> there;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const Count number = number_of_kept(entry->path().stem());
    const std::string path = temporary_path(folder, number);
    if (number == 0 || entry->path().filename() != std::filesystem::path(path).filename()) continue;
    std::error_code gone;
    const auto changed = std::filesystem::last_write_time(path, gone);
    if (!gone) there[number] = {path, changed};
  }
  Count next = last_number + 1;
  while (there.contains(next)) ++next;
  std::vector<KeptLeftover> leftovers;
  for (const auto& [number, leftover] : there) {
    if (first_number <= number && number < next) leftovers.push_back(leftover);
  }
  return leftovers;
}

}  // namespace pushcart::detail
