#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pushcart/base/string_table.hpp"
#include "pushcart/checkpoint/file_header.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart {

/// Reads what FileWriter wrote. Opening checks that the file is ours, whole to the last byte (in parallel,
/// before HDF5 sees it), and of the expected kind and version. Constructor collective; reads are local. A
/// damaged, foreign or newer file is InputError, a missing one StorageError, the same on all ranks.
class FileReader {
 public:
  /// @param kind  expected kind, or empty for any
  FileReader(const Communicator& comm, std::string path, const std::string& kind);
  ~FileReader();
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  /// Gives the open file back to the system. The next read opens it again: InputError if it has changed since
  /// it was checked, by its size and times (if only rights, owner or links, by its bytes); StorageError. Local.
  void close();
  /// Whether it has been written to since it was checked, by its size and time, or is gone. Local.
  bool has_changed() const;

  const std::string& path() const;
  const FileHeader& header() const;
  bool has(const std::string& name) const { return header().datasets.contains(name); }
  const DatasetShape& shape(const std::string& name) const;   ///< InputError if absent
  const Attribute& attribute(const std::string& name) const;  ///< InputError if absent

  /// Rows [first, first + num_rows), row-major. InputError if absent, of another type or width, or out of
  /// range. Local.
  template <class T>
  std::vector<T> read(const std::string& name, Count first_row, Count num_rows, Count num_columns = 1) const;
  template <class T>
  std::vector<T> read_all(const std::string& name) const {
    return read<T>(name, 0, shape(name).num_rows, shape(name).num_columns);
  }
  /// Offsets of rows [first, first + num_rows), num_rows + 1 of them, counted from the first row of the file;
  /// checked to ascend. Local.
  std::vector<Count> read_offsets(const std::string& name, Count first_row, Count num_rows) const;
  /// Strings [first, first + num_rows) of a table written by write_strings. Local.
  StringTable read_strings(const std::string& name, Count first_row, Count num_rows) const;
  /// What write_text and write_names wrote. Local.
  std::string read_text(const std::string& name) const;
  std::vector<std::string> read_names(const std::string& name) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pushcart
