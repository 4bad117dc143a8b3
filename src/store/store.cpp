#include "pushcart/store/store.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "pushcart/base/error.hpp"
#include "pushcart/checkpoint/output_file.hpp"

namespace pushcart {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view partial_ending = ".partial";
constexpr std::string_view removed_ending = ".removed";
constexpr const char *night_file = "night.json", *stopped_file = "stopped.json",
                     *rollback_file = "rollback.json";

/// Runs a step on the file system; StorageError saying what for.
template <class Work>
auto storing(const std::string& what, Work&& work) {
  try {
    return work();
  } catch (const fs::filesystem_error& error) {
    throw StorageError(fmt::format("{}: {}", what, error.code().message()));
  }
}

void write_whole(int file, const std::string& path, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw StorageError(fmt::format("{}: writing failed: {}", path, std::strerror(errno)));
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// Appends a line that is on disk when this returns, or is not there after an error. A line before it that a crash
/// cut short goes.
void append_line(const std::string& path, const std::string& line) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) throw StorageError(fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
  off_t size = -1;  // without the line
  try {
    size = ::lseek(file, 0, SEEK_END);
    char last = '\n';
    if (size > 0 && ::pread(file, &last, 1, size - 1) != 1) {
      throw StorageError(fmt::format("{}: reading failed: {}", path, std::strerror(errno)));
    }
    if (last != '\n') {  // the torn line is no night: away with it
      const std::string text = read_text_file(path);
      const std::size_t end = text.rfind('\n');
      size = end == std::string::npos ? 0 : static_cast<off_t>(end + 1);
      if (::ftruncate(file, size) != 0) {
        throw StorageError(fmt::format("{}: cutting a torn line failed: {}", path, std::strerror(errno)));
      }
    }
    write_whole(file, path, line + "\n");
    if (::fsync(file) != 0) {
      throw StorageError(fmt::format("{}: flushing to disk failed: {}", path, std::strerror(errno)));
    }
  } catch (...) {
    if (size >= 0) (void)!::ftruncate(file, size);
    ::close(file);
    throw;
  }
  ::close(file);
}

Count number_of(const std::string& version) {
  Count number = 0;
  std::from_chars(version.data(), version.data() + version.size(), number);
  return number;
}

bool is_version(const std::string& name) {
  return !name.empty() && name.front() >= '0' && name.front() <= '9' && !name.ends_with(partial_ending) &&
         !name.ends_with(removed_ending);
}

/// What the link leads to; empty if there is none.
std::string linked_version(const std::string& folder) {
  std::error_code failed;
  return fs::read_symlink(folder + "/current", failed).filename();
}

void write_file(const std::string& path, const std::string& text) {
  OutputFile file(path);
  file.write(text);
  file.finish_and_publish();
}

}  // namespace

std::string Store::version_name(Count night, std::int64_t unix_seconds) {
  const std::chrono::sys_seconds time{std::chrono::seconds(unix_seconds)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:04}{:02}{:02}T{:02}{:02}{:02}Z", night, static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

void Store::open() const {
  open_for_rollback();
  forget_rollback();
}

void Store::open_for_rollback() const {
  make_folder(folder_ + "/versions");
  storing(folder_, [&] {
    std::vector<fs::path> leftovers;
    for (const auto& entry : fs::directory_iterator(folder_ + "/versions")) {
      const std::string name = entry.path().filename().string();
      if (name.ends_with(partial_ending) || name.ends_with(removed_ending)) leftovers.push_back(entry.path());
    }
    for (const auto& path : leftovers) fs::remove_all(path);
    fs::remove(folder_ + "/current.partial");
  });
  record_rollback();
  const std::string version = linked_version(folder_);
  std::error_code failed;
  if (version.empty() || !fs::is_directory(version_folder(version), failed)) return;  // current() says so
  const auto all = nights();
  const bool known =
      std::any_of(all.begin(), all.end(), [&](const Night& n) { return n.version == version; });
  if (known) return;
  const std::string path = version_folder(version) + "/" + night_file;
  const auto found = nights_of(read_text_file(path), path);
  if (found.size() == 1) record(found.front());
}

std::optional<std::string> Store::current() const {
  const std::string link = folder_ + "/current";
  std::error_code failed;
  const fs::path target = fs::read_symlink(link, failed);
  if (failed == std::errc::no_such_file_or_directory) return std::nullopt;
  if (failed) {
    throw StorageError(fmt::format("{}: should be a link to a version: {}", link, failed.message()));
  }
  const std::string version = target.filename().string();
  if (!fs::is_directory(version_folder(version), failed)) {
    throw StorageError(
        fmt::format("{}: the version in service is not there; put another one into service with "
                    "rollback --to",
                    version_folder(version)));
  }
  return version;
}

std::vector<std::string> Store::versions() const {
  return storing(folder_, [&] {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_ + "/versions")) {
      const std::string name = entry.path().filename().string();
      if (entry.is_directory() && is_version(name)) names.push_back(name);
    }
    std::sort(names.begin(), names.end(), [](const std::string& a, const std::string& b) {
      return number_of(a) != number_of(b) ? number_of(a) < number_of(b) : a < b;
    });
    return names;
  });
}

std::vector<Night> Store::nights() const {
  std::error_code failed;
  if (!fs::exists(history_path(), failed) && !failed) return {};
  return nights_of(read_text_file(history_path()), history_path());
}

Count Store::next_night() const {
  Count last = 0;
  for (const Night& night : nights()) last = std::max(last, night.number);
  for (const std::string& version : versions()) last = std::max(last, number_of(version));
  return last + 1;
}

void Store::record(const Night& night) const {
  append_line(history_path(), night_text(night));
  sync_folder_of(history_path());
}

void Store::publish(const Night& night) const {
  const std::string partial = partial_folder(night.version), whole = version_folder(night.version);
  write_file(partial + "/" + night_file, night_text(night) + "\n");
  storing(whole, [&] { fs::rename(partial, whole); });
  sync_folder_of(whole);
  try {
    put_into_service(night, current().value_or(""));
  } catch (const StorageError&) {
    std::error_code ignored;
    if (current() != night.version) fs::remove_all(whole, ignored);  // a failed night leaves no version
    throw;
  }
}

void Store::put_into_service(const Night& night, const std::string& before) const {
  try {
    switch_to(night.version);  // may fail after the switch, when that is to be made durable
    record(night);
  } catch (const StorageError&) {
    if (!before.empty()) switch_to(before);
    throw;
  }
}

void Store::put_back(const Night& night, const std::string& before) const {
  const std::string path = folder_ + "/" + rollback_file;
  write_file(path, night_text(night) + "\n");
  try {
    put_into_service(night, before);
  } catch (const StorageError&) {
    std::error_code ignored;
    if (linked_version(folder_) != night.version) fs::remove(path, ignored);
    throw;
  }
}

std::optional<Night> Store::unfinished_rollback() const {
  const std::string path = folder_ + "/" + rollback_file;
  std::error_code failed;
  if (!fs::exists(path, failed)) return std::nullopt;
  const auto found = nights_of(read_text_file(path), path);
  if (found.size() != 1 || found.front().version != linked_version(folder_)) return std::nullopt;
  return found.front();
}

void Store::record_rollback() const {
  const auto night = unfinished_rollback();
  if (!night) return;
  const auto all = nights();
  const bool known =
      std::any_of(all.begin(), all.end(), [&](const Night& n) { return n.number == night->number; });
  if (!known) record(*night);
}

void Store::forget_rollback() const {
  storing(folder_, [&] { fs::remove(folder_ + "/" + rollback_file); });
}

void Store::switch_to(const std::string& version) const {
  const std::string link = folder_ + "/current", fresh = link + std::string(partial_ending);
  storing(link, [&] {
    fs::remove(fresh);
    fs::create_directory_symlink("versions/" + version, fresh);
    std::error_code failed;
    fs::rename(fresh, link, failed);
    if (!failed) return;
    fs::remove(fresh);
    throw fs::filesystem_error("naming the link", failed);
  });
  sync_folder_of(link);
}

void Store::record_stopped(const StoppedNight& night) const {
  write_file(folder_ + "/" + stopped_file,
             fmt::format("{{\"night\": {}, \"now\": {}}}\n", night.number, night.now));
}

std::optional<StoppedNight> Store::stopped_night() const {
  const std::string path = folder_ + "/" + stopped_file;
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  const auto json = nlohmann::json::parse(read_text_file(path), nullptr, false);
  if (!json.is_object() || !json.contains("night") || !json["night"].is_number_integer() ||
      !json.contains("now") || !json["now"].is_number_integer()) {
    return std::nullopt;
  }
  return StoppedNight{json["night"].get<Count>(), json["now"].get<std::int64_t>()};
}

void Store::forget_stopped_night() const {
  storing(folder_, [&] { fs::remove(folder_ + "/" + stopped_file); });
}

std::vector<std::string> Store::remove_oldest(Count keep) const {
  const auto in_service = current();
  std::vector<std::string> all = versions(), removed;
  auto too_many = static_cast<Count>(all.size()) - std::max<Count>(keep, 1);
  for (const std::string& version : all) {
    if (too_many <= 0) break;
    if (in_service && version == *in_service) continue;
    const std::string path = version_folder(version), doomed = path + std::string(removed_ending);
    storing(path, [&] {
      fs::rename(path, doomed);  // so that nobody finds half a version
      fs::remove_all(doomed);
    });
    removed.push_back(version);
    --too_many;
  }
  return removed;
}

std::optional<std::string> version_before(const std::string& current, const std::vector<std::string>& on_disk,
                                          const std::vector<Night>& nights) {
  std::optional<std::string> before;
  for (const std::string& version : on_disk) {
    const bool served = std::any_of(nights.begin(), nights.end(), [&](const Night& night) {
      return night.outcome == Outcome::published && night.version == version;
    });
    if (served && number_of(version) < number_of(current)) before = version;
  }
  return before;
}

}  // namespace pushcart
