#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/file_state.hpp"
#include "ingest/kept_file.hpp"
#include "pushcart/events/input_file.hpp"
#include "pushcart/ingest/ingest_config.hpp"

namespace pushcart::detail {

/// The keys of all log files. Collective; StorageError, ConfigError.
std::vector<KeptKey> keys_of(const Communicator& comm, const IngestConfig& config,
                             const std::vector<InputFile>& files);

/// The keys of log files that are read meanwhile, made when they are asked for: that reads the files once
/// more.
class FileKeys {
 public:
  /// To be made before the files are read. Local.
  FileKeys(const Communicator& comm, std::vector<InputFile> files);

  /// They are known already, of all files.
  void know(const std::vector<KeptKey>& keys);
  /// Of the wanted files, those whose keys are yet to be made. Local; the same on all ranks.
  Count unknown_bytes(const std::vector<bool>& wanted) const;
  /// By file: its key; nothing if it is not wanted, or has changed since this was made, which is told in the
  /// log. Collective; StorageError.
  std::vector<std::optional<KeptKey>> unchanged(const Communicator& comm, const IngestConfig& config,
                                                const std::vector<bool>& wanted);

 private:
  std::vector<InputFile> files_;
  std::vector<FileState> states_;  // on rank 0
  std::vector<std::optional<KeptKey>> keys_;
  std::vector<bool> changed_;
};

}  // namespace pushcart::detail
