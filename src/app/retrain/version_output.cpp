#include "app/retrain/version_output.hpp"

#include <filesystem>

#include "pushcart/base/error.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::app {

void VersionOutput::publish() {
  collectively(comm_, "putting the version into service", [&] {
    if (!comm_.is_root()) return;
    store_.publish(night_);
    log_info("version {} is in service", night_.version);
    remove_oldest();
  });
}

void VersionOutput::remove_oldest() const {
  try {
    for (const auto& removed : store_.remove_oldest(keep_)) {
      log_info("version {} was removed: over --keep", removed);
    }
  } catch (const StorageError& error) {  // the night is published all the same
    log_warning("a version over --keep was not removed: {}", error.what());
  }
}

std::optional<std::string> VersionOutput::place_for(const std::string& path) const {
  const std::filesystem::path place(path);
  if (place.parent_path() != store_.version_folder(night_.version)) return std::nullopt;
  return store_.partial_folder(night_.version) + "/" + place.filename().string();
}

}  // namespace pushcart::app
