#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pushcart/checkpoint/staged_folder.hpp"

namespace pushcart {

/// Files of all ranks that take the place of an older set in a folder together, described by a manifest.json.
class StagedFiles : public StagedOutput {
 public:
  /// Makes the folder. Collective. StorageError.
  StagedFiles(const Communicator& comm, const std::string& folder, bool (*owns)(const std::string& name));

  /// What the manifest says of a file.
  struct Entry {
    std::string name;
    std::string format;
    Count num_rows = 0;
  };

  /// A new file of this rank; the handle stays valid. Local, StorageError: run it inside collectively().
  std::size_t open(Entry entry, Compression compression);
  OutputFile& file(std::size_t handle) { return files_[handle].file; }
  Count& num_rows(std::size_t handle) { return files_[handle].entry.num_rows; }
  /// Complete on disk. Local, StorageError; complete() does it for files that are still open.
  void finish(std::size_t handle);

  /// Completes all files and the manifest, with the entry "shards" added.
  /// @param others  entries of files that somebody else has made at path() (rank 0's are used)
  /// Collective. StorageError.
  void complete(nlohmann::ordered_json manifest, const nlohmann::ordered_json& others);
  /// After complete().
  void publish() override { folder_.publish(); }
  std::optional<std::string> place_for(const std::string& path) const override {
    return folder_.place_for(path);
  }

  std::string path(const std::string& name) const { return folder_.path(name); }

 private:
  struct Staged {
    Entry entry;
    OutputFile file;
    bool finished = false;
  };
  nlohmann::ordered_json entries() const;

  const Communicator& comm_;
  StagedFolder folder_;
  std::vector<Staged> files_;
};

/// `stem` + digits + one of `endings`: the form of a shard's name.
bool is_numbered_name(const std::string& name, std::string_view stem,
                      std::initializer_list<std::string_view> endings);

}  // namespace pushcart
