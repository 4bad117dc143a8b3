#pragma once

#include <memory>
#include <string>

#include "checkpoint/file_skeleton.hpp"
#include "checkpoint/plain_file.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart::detail {

/// Writes an HDF5 file by calls of the system, the rows of each rank by itself, the rest by rank 0 from a
/// skeleton. An error of the disk is an ordinary error on all ranks. Collective; StorageError on all ranks.
class PlainRows {
 public:
  /// @param path  of a file that is there and empty
  PlainRows(const Communicator& comm, std::string path);

  /// @param data  rows [first, first + num_rows) of `shape`
  void write(const std::string& name, const DatasetShape& shape, Count first, Count num_rows,
             const void* data);
  /// The file can be read, but has no header yet.
  void close();
  void store_header(const FileHeader& header);

 private:
  /// Runs a step of rank 0.
  template <class Work>
  void at_root(const std::string& what, Work&& work);

  const Communicator& comm_;
  std::string path_;
  std::unique_ptr<PlainFile> file_;
  std::unique_ptr<FileSkeleton> skeleton_;  // of rank 0
};

}  // namespace pushcart::detail
