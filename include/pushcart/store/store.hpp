#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pushcart/store/night.hpp"

namespace pushcart {

/// A night that ended when it was asked to, before its end.
struct StoppedNight {
  Count number = 0;
  std::int64_t now = 0;  ///< the time that it is for, unix seconds
};

/// A folder with the versions of a shop's model, of which one is in service:
///
///     versions/0007-20250107T021500Z/   data.h5, model.h5, lists/ ...: whole, never changed again
///     current -> versions/0007-...      switched by one rename: a reader sees the old version or the new one
///     history.jsonl                     a line a night
///     lock                              while a verb changes the store (StoreLock)
///     stopped.json                      after a night that was stopped, until one has ended
///     rollback.json                     while a version is put back into service
///
/// All members are local: with several ranks one of them calls, and tells the others. Errors are
/// StorageError, and InputError for a history that is damaged. Changes need the lock.
class Store {
 public:
  explicit Store(std::string folder) : folder_(std::move(folder)) {}

  const std::string& folder() const { return folder_; }
  std::string history_path() const { return folder_ + "/history.jsonl"; }
  std::string version_folder(const std::string& version) const { return folder_ + "/versions/" + version; }
  /// Where a version is made, until publish().
  std::string partial_folder(const std::string& version) const {
    return version_folder(version) + ".partial";
  }

  /// "0007-20250107T021500Z".
  static std::string version_name(Count night, std::int64_t unix_seconds);

  /// Makes the folders, removes what runs that died left half made, and writes down a version that went into
  /// service without a line in the history, or was put back into it.
  void open() const;
  /// The same for a rollback: unfinished_rollback() stays until it is forgotten.
  void open_for_rollback() const;

  std::optional<std::string> current() const;
  std::vector<std::string> versions() const;  ///< whole ones on disk, oldest first
  std::vector<Night> nights() const;
  Count next_night() const;  ///< after all nights and versions, also those that were removed

  /// Appends a line to the history, on disk when it returns; not there after an error.
  void record(const Night& night) const;
  /// The version's partial folder takes its name and goes into service, and the night into the history. The
  /// folder must hold everything but night.json, which is written here. After an error the version before is in
  /// service, if there was one, and the new one is gone.
  void publish(const Night& night) const;
  /// Puts the version of `night`, a rollback, back into service and the night into the history; after an error
  /// `before` is in service again, if it is not empty. A run that dies here has done nothing, or all but the
  /// line in the history, which the next open() adds. It is an unfinished rollback until it is forgotten.
  void put_back(const Night& night, const std::string& before) const;
  /// A rollback whose run died after it had put its version into service, before it came to its end. Before
  /// open().
  std::optional<Night> unfinished_rollback() const;
  /// It has come to its end: the same command may go back once more.
  void forget_rollback() const;
  /// Puts a version that is on disk into service.
  void switch_to(const std::string& version) const;
  /// A night that was stopped when asked to, and is to be gone on with.
  void record_stopped(const StoppedNight& night) const;
  std::optional<StoppedNight> stopped_night() const;  ///< nothing if none, or if it cannot be read
  void forget_stopped_night() const;

  /// Removes the oldest versions over `keep`, never the one in service. @return those removed
  std::vector<std::string> remove_oldest(Count keep) const;

 private:
  void put_into_service(const Night& night, const std::string& before) const;
  void record_rollback() const;

  std::string folder_;
};

/// The version to go back to: the last one before `current` that went into service and is on disk; nothing if
/// there is none. Local.
std::optional<std::string> version_before(const std::string& current, const std::vector<std::string>& on_disk,
                                          const std::vector<Night>& nights);

}  // namespace pushcart
