#pragma once

#include <string>

#include "pushcart/base/index.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart::detail {

/// The last bytes of a file, behind the end of the HDF5 file proper, where the HDF5 library does not look: a
/// checksum of every byte before them. Checked before that library sees the file, which crashes on some
/// damaged files.
struct Seal {
  Count num_bytes = 0;  ///< of the file before the seal
  std::string digest;   ///< XXH3 over the XXH3 sums of blocks of 4 MiB of these bytes
};

/// Appends the seal. Collective; StorageError on all ranks.
void append_seal(const Communicator& comm, const std::string& path);

/// Collective; on all ranks StorageError if the file cannot be read, InputError if it is not HDF5, has no
/// seal or its bytes do not fit the seal.
Seal check_seal(const Communicator& comm, const std::string& path);

/// Whether all bytes before the seal are those that it was made of. One rank reads them all. Local; StorageError,
/// InputError if the file is shorter.
bool fits_seal(const std::string& path, const Seal& seal);

}  // namespace pushcart::detail
