#include "pushcart/checkpoint/staged_folder.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>
#include <vector>

#include "pushcart/base/error.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart {

namespace {

namespace fs = std::filesystem;

constexpr const char* record_name = "run.json";  // of the run that made the set
constexpr const char* probe_name = "probe.partial";

[[noreturn]] void fail(const std::string& path, const char* doing, const std::string& why) {
  throw StorageError(fmt::format("{}: {} failed: {}", path, doing, why));
}

template <class Work>
void telling_storage_errors(const std::string& folder, Work&& work) {
  try {
    work();
  } catch (const fs::filesystem_error& error) {
    fail(folder, "replacing its files", error.code().message());
  }
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  return names;
}

/// What a run of ours may have left in the folder, under a temporary name too.
bool is_ours(const FileSet& set, const std::string& name) {
  const std::string meant = name.substr(0, name.find(".partial"));
  return set.owns(meant) || meant == set.manifest || meant == record_name || name == probe_name;
}

/// Removes what is ours in the folder, and the folder if that was all. @return whether it is gone
bool remove_set(const FileSet& set, const std::string& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) return !fs::exists(folder, error);
  for (const auto& name : names_in(folder)) {
    if (is_ours(set, name)) fs::remove(fs::path(folder) / name, error);
  }
  return ::rmdir(folder.c_str()) == 0;
}

/// Whether files made in `staging` can be renamed into `folder`: not so across mounts.
bool can_rename_into(const std::string& staging, const std::string& folder) {
  const std::string from = staging + "/" + probe_name, to = folder + "/" + probe_name;
  const int descriptor = ::open(from.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return false;
  ::close(descriptor);
  const bool renamed = std::rename(from.c_str(), to.c_str()) == 0;
  ::unlink(renamed ? to.c_str() : from.c_str());
  return renamed;
}

/// The folder itself where a link leads to it or the text has no name in it ("lists/", ".").
std::string name_of_folder(const std::string& text) {
  const fs::path path(text);
  const bool is_named = path.has_filename() && path.filename() != "." && path.filename() != "..";
  return is_named && !fs::is_symlink(path) ? text : fs::canonical(path).string();
}

bool is_within(const fs::path& inner, const fs::path& outer) {
  return std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end()).first == outer.end();
}

/// Gives a folder the owner and mode of another. @return whether it has them
bool take_owner_and_mode(const std::string& folder, const std::string& of) {
  struct stat wanted {
  }, own{};
  if (::stat(of.c_str(), &wanted) != 0 || ::stat(folder.c_str(), &own) != 0) return false;
  const bool same_owner = wanted.st_uid == own.st_uid && wanted.st_gid == own.st_gid;
  if (!same_owner && ::chown(folder.c_str(), wanted.st_uid, wanted.st_gid) != 0) return false;
  return ::chmod(folder.c_str(), wanted.st_mode & 07777) == 0;
}

void rename_file(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) fail(to, "renaming", std::strerror(errno));
}

}  // namespace

StagedFolder::StagedFolder(const Communicator& comm, const std::string& folder, FileSet set)
    : comm_(comm), set_(std::move(set)), given_(folder) {
  collectively(comm_, "make the output folder", [&] {
    if (!comm_.is_root()) return;
    make_folder(folder);
    telling_storage_errors(folder, [&] {
      folder_ = name_of_folder(folder);
      open_staging();
    });
  });
  folder_ = comm_.broadcast_text(folder_, 0);
  staging_ = comm_.broadcast_text(staging_, 0);
}

StagedFolder::~StagedFolder() {
  if (published_ || !comm_.is_root()) return;
  try {
    remove_set(set_, staging_);
  } catch (const fs::filesystem_error&) {
    // A leftover of a failed run: the next run removes it.
  }
}

/// Beside the folder if files can be renamed from there, else within it.
void StagedFolder::open_staging() {
  const std::array<std::string, 2> places{folder_ + ".partial", folder_ + "/new.partial"};
  for (const auto& place : places) remove_set(set_, place);
  for (const auto& place : places) {
    if (::mkdir(place.c_str(), 0777) != 0) continue;
    staging_ = place;
    if (can_rename_into(place, folder_)) return;
    ::rmdir(place.c_str());
  }
  fail(folder_, "making files in it", std::strerror(errno));
}

void StagedFolder::publish() {
  collectively(comm_, "naming the output files", [&] {
    if (comm_.is_root()) telling_storage_errors(folder_, [&] { switch_sets(); });
  });
  published_ = true;
}

std::optional<std::string> StagedFolder::place_for(const std::string& file) const {
  if (fs::path(file).lexically_normal() != (fs::path(given_) / record_name).lexically_normal())
    return std::nullopt;
  return path(record_name);
}

void StagedFolder::switch_sets() {
  const bool exchanged =
      may_exchange() && take_owner_and_mode(staging_, folder_) &&
      ::renameat2(AT_FDCWD, staging_.c_str(), AT_FDCWD, folder_.c_str(), RENAME_EXCHANGE) == 0;
  if (!exchanged) replace_one_by_one();
  sync_folder_of(folder_);
  if (!remove_set(set_, staging_)) log_warning("{}: cannot be removed; it holds older files", staging_);
}

/// Only where the folder holds nothing but our set, and nobody works in it.
bool StagedFolder::may_exchange() const {
  if (is_within(staging_, folder_) || is_within(fs::current_path(), fs::canonical(folder_))) return false;
  const auto names = names_in(folder_);
  return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    return is_ours(set_, name) && !fs::is_directory(fs::path(folder_) / name);
  });
}

void StagedFolder::replace_one_by_one() const {
  const auto all = names_in(staging_);
  std::set<std::string> names(all.begin(), all.end());
  for (const auto& name : names) {
    if (fs::is_directory(fs::path(folder_) / name))
      fail(folder_ + "/" + name, "replacing it", "it is a folder");
  }
  fs::remove(fs::path(folder_) / set_.manifest);
  sync_folder_of(staging_ + "/" + set_.manifest);
  sync_folder_of(folder_ + "/" + set_.manifest);
  for (const auto& name : names) {
    if (name != set_.manifest) rename_file(path(name), folder_ + "/" + name);
  }
  for (const auto& name : names_in(folder_)) {
    const std::string meant = name.substr(0, name.find(".partial"));
    if (set_.owns(meant) && !names.contains(name)) fs::remove(fs::path(folder_) / name);
  }
  sync_folder_of(folder_ + "/" + set_.manifest);
  rename_file(path(set_.manifest), folder_ + "/" + set_.manifest);
  sync_folder_of(folder_ + "/" + set_.manifest);
}

}  // namespace pushcart
