#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pushcart/base/string_table.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart::detail {

/// This rank's rows of a file of vectors: they continue those of the rank before.
struct VectorRows {
  StringTable ids;
  Count num_columns = 0;      ///< the same on all ranks, at least 1
  std::vector<float> values;  ///< row-major, finite
};

/// Called on all ranks before rows are read.
using AnnounceColumns = std::function<void(Count num_columns)>;

/// One reader a form of file; each is collective and throws as attach_vectors.
VectorRows read_delimited_vectors(const Communicator& comm, const std::string& path,
                                  const AnnounceColumns& announce);
VectorRows read_npy_vectors(const Communicator& comm, const std::string& path,
                            const AnnounceColumns& announce);
VectorRows read_hdf5_vectors(const Communicator& comm, const std::string& path,
                             const AnnounceColumns& announce);

/// A feature of the items in a features file; rows without it are not there.
VectorRows read_feature_vectors(const Communicator& comm, const std::string& path, const std::string& feature,
                                const AnnounceColumns& announce);

/// InputError, naming the row and its id, unless all numbers are finite and no id is empty. Local.
/// @param first_row  of the file that is the first here, from 0
void check_vectors(const std::string& path, const VectorRows& rows, Count first_row);

}  // namespace pushcart::detail
