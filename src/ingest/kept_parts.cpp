#include "pushcart/ingest/kept_parts.hpp"

#include <filesystem>

#include "ingest/kept_sources.hpp"
#include "pushcart/base/log.hpp"

namespace pushcart {

bool is_named_as_kept(const std::string& folder, const std::string& path) {
  if (detail::number_of_kept(path) == 0) return false;
  const auto place = [](const std::filesystem::path& of) {
    return std::filesystem::weakly_canonical(std::filesystem::absolute(of) / "");
  };
  return place(folder) == place(std::filesystem::absolute(path).parent_path());
}

namespace {

/// "000007.h5.partial", with what the file library may keep beside it.
std::vector<std::string> leftovers_in(const std::string& folder) {
  std::vector<std::string> leftovers;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const std::size_t at = name.find(".partial");
    constexpr std::size_t least_name = 9;
    if (at == std::string::npos || at < least_name || detail::number_of_kept(name.substr(0, at)) == 0)
      continue;
    leftovers.push_back(entry->path().string());
  }
  return leftovers;
}

}  // namespace

void remove_parts(const std::string& folder, const std::vector<std::string>& parts) {
  std::error_code error;
  for (const auto& paths : {parts, leftovers_in(folder)}) {
    for (const std::string& path : paths) {
      std::filesystem::remove(path, error);
      if (error) log_warning("{}: not removed: {}", path, error.message());
    }
  }
  if (!std::filesystem::is_directory(folder, error)) return;
  std::filesystem::remove(folder, error);
  if (error) log_info("{}: stays, since it holds other files", folder);
}

}  // namespace pushcart
