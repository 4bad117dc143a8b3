#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checkpoint/hdf5.hpp"
#include "checkpoint/plain_file.hpp"
#include "pushcart/checkpoint/file_header.hpp"

namespace pushcart::detail {

/// The structure of an HDF5 file, made in memory (a file without a name in /dev/shm), and where the rows of
/// its data sets lie in the file: whoever writes these by calls of the system meets an error of the disk
/// outside the HDF5 library, which cannot be left in order after one. Local; errors are StorageError.
class FileSkeleton {
 public:
  FileSkeleton();
  FileSkeleton(const FileSkeleton&) = delete;
  FileSkeleton& operator=(const FileSkeleton&) = delete;

  /// A further data set. @return the byte of the file at which its first row begins
  Count add(const std::string& name, const std::string& type, Count num_rows, Count num_columns);
  /// What is not of a data set; nothing is added any more.
  void complete(const FileHeader& header);
  /// Writes all but the rows into the file that holds these, and flushes it.
  void copy_to(const std::string& path);

 private:
  struct Stretch {
    Count begin, end;  ///< bytes of the file
  };

  std::optional<PlainFile> memory_;
  hdf5::Handle file_;  // in it; closed once it is complete
  std::vector<Stretch> rows_;
};

}  // namespace pushcart::detail
