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

void remove_kept(const std::string& path) {
  std::error_code error;
  std::filesystem::remove(path, error);
  if (error) log_warning("{}: not removed: {}", path, error.message());
}

}  // namespace

void remove_leftovers(const std::vector<KeptLeftover>& leftovers) {
  std::error_code error;
  for (const KeptLeftover& leftover : leftovers) {
    if (std::filesystem::last_write_time(leftover.path, error) == leftover.changed && !error)
      remove_kept(leftover.path);
  }
}

void remove_parts(const std::string& folder, const std::vector<std::string>& parts,
                  const std::vector<KeptLeftover>& leftovers) {
  for (const std::string& path : parts) remove_kept(path);
  remove_leftovers(leftovers);
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) return;
  std::filesystem::remove(folder, error);
  if (error) log_info("{}: stays, since it holds other files", folder);
}

}  // namespace pushcart
