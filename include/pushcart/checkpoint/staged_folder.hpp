#pragma once

#include <string>

#include "pushcart/checkpoint/staged_output.hpp"

namespace pushcart {

/// Which files of a folder belong together.
struct FileSet {
  bool (*owns)(const std::string& name);  ///< by name, the manifest apart
  std::string manifest;                   ///< the file that names the others
};

/// A set of files that takes the place of an older one in a folder. The new files are made in a folder beside
/// it, `FOLDER.partial`; publish() exchanges the two folders in one step, so that a reader, or a run killed
/// at any moment, meets one whole set.
///
/// Files of others in the folder are never moved: where there are any, or where the folders cannot be
/// exchanged (the file system cannot, the folder is a mount point, the working directory lies in it, its
/// owner cannot be kept), the manifest is taken away first, the files change one by one, and the new manifest
/// comes last: without it the set is incomplete. Files of the older set that the new one lacks are removed
/// either way.
class StagedFolder : public StagedOutput {
 public:
  /// Makes the folder, and the one for new files. Collective. StorageError.
  StagedFolder(const Communicator& comm, const std::string& folder, FileSet set);
  ~StagedFolder() override;
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;

  /// Where a new file of the set is made; all are to be whole before publish(). Local.
  std::string path(const std::string& name) const { return staging_ + "/" + name; }
  void publish() override;
  /// For `run.json` in the folder: the record of the run that made the set belongs to it.
  std::optional<std::string> place_for(const std::string& path) const override;

 private:
  void open_staging();
  void switch_sets();
  bool may_exchange() const;
  void replace_one_by_one() const;

  const Communicator& comm_;
  FileSet set_;
  std::string given_;             ///< the folder as the caller calls it
  std::string folder_, staging_;  ///< links followed
  bool published_ = false;
};

}  // namespace pushcart
