#pragma once

#include <optional>
#include <vector>

#include "ingest/kept_file.hpp"
#include "ingest/rejects.hpp"

namespace pushcart::detail {

/// A file of parts that is about to be written: of which log files, and of those that are as they were when
/// they were read. All functions but is_kept are collective; StorageError.
class PartsFile {
 public:
  /// @param files  by chunk of this rank: its log file
  PartsFile(const Communicator& comm, const IngestConfig& config, const LogShare& share,
            const std::vector<std::size_t>& files);

  /// Whether chunks of this log file may be written. Local.
  bool is_kept(std::size_t file) const { return keys_[file].has_value(); }
  /// Writes the file, unless nothing is kept. @param content  of the chunks that are kept, without keys;
  /// @param num_rows, num_left_out  of this rank
  WrittenParts write(const KeptColumns& columns, KeptContent content, Count num_rows, Count num_left_out,
                     KeptEvents& kept);

 private:
  const Communicator& comm_;
  const LogShare& share_;
  std::vector<Count> num_chunks_;             // by file, of all ranks
  std::vector<std::optional<KeptKey>> keys_;  // by file
  WrittenParts written_;
};

}  // namespace pushcart::detail
