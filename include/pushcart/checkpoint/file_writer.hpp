#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "pushcart/base/string_table.hpp"
#include "pushcart/checkpoint/file_header.hpp"
#include "pushcart/checkpoint/staged_output.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart {

/// A collective write failed half way. The HDF5 library cannot be left in order any more: main must end the
/// process without MPI_Finalize (Environment::leave). Thrown on all ranks alike.
struct BrokenFileError : StorageError {
  explicit BrokenFileError(const std::string& text) : StorageError(text) {}
};

/// A text as a part of a data set's name: what has a meaning in names ('/', '.', control characters ...) becomes
/// %XX. Different texts give different names.
std::string name_in_file(std::string_view text);

/// What puts the rows of a file on disk.
enum class WritesBy : int {
  hdf5,   ///< collective writes of the HDF5 library: BrokenFileError of a disk that fails ends the job
  system  ///< calls of the system: an ordinary error, after which the job can go on without the file
};

/// Writes one HDF5 file from all ranks: plain contiguous data sets in rank order, attributes at the root. The
/// file gets its name in publish(), after everything was flushed, read back, compared and given a checksum
/// (design, section 8); until then the older file of that name stays. The same content gives the same digests
/// for any number of ranks. All member functions are collective and throw the same error on all ranks.
class FileWriter : public StagedOutput {
 public:
  FileWriter(const Communicator& comm, std::string path, std::string kind, std::int64_t schema_version,
             WritesBy writes_by = WritesBy::hdf5);
  ~FileWriter() override;
  FileWriter(FileWriter&&) noexcept;
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  /// Rows of all ranks one after another. `local` holds whole rows of `num_columns` elements; a name may have
  /// folders ("users/ids"). T: float, double, int32/64, uint8/32/64.
  template <class T>
  void write(const std::string& name, std::span<const T> local, Count num_columns = 1);

  /// Row offsets of a distributed compressed table: each rank gives n+1 offsets counted from its own 0; stored
  /// as total+1 offsets counted from the first row of rank 0.
  void write_offsets(const std::string& name, std::span<const Count> local_offsets);

  /// `name`/bytes and `name`/offsets.
  void write_strings(const std::string& name, const StringTable& local);

  /// A text of any length, of rank 0, as bytes; names of any bytes, of rank 0, as a table of strings.
  void write_text(const std::string& name, const std::string& text);
  void write_names(const std::string& name, std::span<const std::string> names);

  /// At most 60,000 bytes (write_text has no limit). Must be the same on all ranks; nothing that depends on ranks, paths or the clock, or digests will differ.
  void attribute(const std::string& name, Attribute value);
  /// The same of a data set that is written already.
  void attribute_of(const std::string& data_set, const std::string& name, Attribute value);

  /// Flushes, verifies, seals: everything on disk, still under the temporary name. @return the content digest
  std::string finish();
  void publish() override;
  /// finish() and publish(). @return the content digest
  std::string commit();
  /// Size of the finished file in bytes, on rank 0. Local, StorageError.
  Count num_bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pushcart
