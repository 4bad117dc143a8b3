#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pushcart/checkpoint/file_reader.hpp"
#include "pushcart/checkpoint/file_writer.hpp"

namespace pushcart {

/// All that decides the bits of a piece of work, as texts by name: "data set", "version", "k" ... A
/// checkpoint is only good for the same.
using WorkIdentity = std::map<std::string, std::string>;

/// Part of a checkpoint's file. Collective.
void write_identity(FileWriter& file, const WorkIdentity& identity);
/// The file gets its name. @return its bytes, on all ranks. Collective; StorageError.
Count commit_checkpoint(const Communicator& comm, FileWriter& file, const std::string& path);
/// What differs, for people: "k (32 in the checkpoint, 64 now)"; empty = nothing. Local.
std::string identity_differences(const FileReader& file, const WorkIdentity& now);

/// The checkpoints of one piece of work: a folder of files `step-000003.h5`, each written by all ranks under
/// a temporary name and switched in whole. The latest stays, and the one before it, for when the latest is
/// damaged. Knows nothing of what they hold. All member functions but path() are collective.
class CheckpointFolder {
 public:
  /// Looks what is there; makes nothing. @param kind  of the files
  CheckpointFolder(const Communicator& comm, std::string folder, std::string kind);

  /// The latest whole one of these, open; damaged ones are told in the log. Nothing if there is none.
  std::unique_ptr<FileReader> open_latest() const;
  std::string path(Count step) const;
  /// Makes the folder if it is not there. StorageError.
  void make() const;
  /// A new one has its name: it and the one before stay, all others go.
  /// @param before  the step that this work wrote or went on from before; nothing = none
  void keep(Count step, std::optional<Count> before);
  /// All go, and the folder if nothing else is in it. StorageError.
  void remove();

 private:
  void remove_but(const std::vector<Count>& kept);

  const Communicator& comm_;
  std::string folder_, kind_;
  std::vector<Count> steps_;  // latest first, the same on all ranks
};

}  // namespace pushcart
