#pragma once

#include <string>

#include "pushcart/checkpoint/file_reader.hpp"
#include "pushcart/checkpoint/file_writer.hpp"
#include "pushcart/matrix/sparse_rows.hpp"

namespace pushcart {

/// A sparse matrix in a file (docs/file-formats.md): `group`/offsets, /indices and /values. Collective;
/// StorageError.
void write_matrix(FileWriter& writer, const std::string& group, const SparseRows& rows);

/// Rows `mine` of one, every entry checked: order, range, finite. Local; InputError.
SparseRows read_matrix(const FileReader& reader, const std::string& group, Range mine, Count num_columns);

}  // namespace pushcart
