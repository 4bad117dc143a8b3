#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart {

/// Files of all ranks in one folder that take their names together, described by a manifest.json that takes
/// its name last. Until publish() nothing in the folder has changed; without it nothing is left.
class StagedFiles {
 public:
  /// Makes the folder. Collective. StorageError.
  StagedFiles(const Communicator& comm, std::string folder);

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
  /// Complete on disk. Local, StorageError; finish_all() does it for files that are still open. Collective.
  void finish(std::size_t handle);
  void finish_all();

  /// Completes all files and the manifest, with the entry "shards" added, on disk.
  /// @param others  entries of files that somebody else publishes (rank 0's are used)
  /// Collective. StorageError.
  void prepare(nlohmann::ordered_json manifest, const nlohmann::ordered_json& others);
  /// After prepare(): all files take their names; files in the folder whose name `is_ours` and that the
  /// manifest does not name are removed; then the manifest replaces the older one. Collective. StorageError.
  void publish(bool (*is_ours)(const std::string& name));

  std::string path(const std::string& name) const { return folder_ + "/" + name; }

 private:
  struct Staged {
    Entry entry;
    OutputFile file;
    bool finished = false;
  };
  nlohmann::ordered_json entries() const;
  void remove_others(bool (*is_ours)(const std::string& name)) const;

  const Communicator& comm_;
  std::string folder_;
  std::vector<Staged> files_;
  std::set<std::string> names_;         // in the manifest; rank 0
  std::optional<OutputFile> manifest_;  // rank 0
};

/// `stem` + digits + one of `endings`: the form of a shard's name.
bool is_numbered_name(const std::string& name, std::string_view stem,
                      std::initializer_list<std::string_view> endings);

}  // namespace pushcart
