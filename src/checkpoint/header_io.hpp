#pragma once

#include <string>

#include "checkpoint/hdf5.hpp"
#include "pushcart/checkpoint/file_header.hpp"

namespace pushcart::detail {

/// Reads kind, attributes, data sets and digest of a file on this rank alone. InputError if it is damaged or not
/// ours, StorageError if it cannot be opened. Local.
FileHeader load_header(const std::string& path);

/// Writes the checksums and attributes into an open file, to disk as far as HDF5 goes. StorageError. Local.
void put_header(hid_t file, const FileHeader& header, const std::string& path);

/// Writes the checksums and attributes into an already written file on this rank alone. StorageError. Local.
void store_header(const std::string& path, const FileHeader& header);

inline constexpr const char* attribute_kind = "pushcart_kind";
inline constexpr const char* attribute_schema = "pushcart_schema";
inline constexpr const char* attribute_content_digest = "pushcart_content_digest";
inline constexpr const char* attribute_digest = "digest";  ///< on each data set

}  // namespace pushcart::detail
