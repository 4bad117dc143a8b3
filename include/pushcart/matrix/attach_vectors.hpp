#pragma once

#include <string>

#include "pushcart/base/memory.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/matrix/dataset.hpp"

namespace pushcart {

/// Dense vectors of items made elsewhere, one set of them. By the ending of the path:
///  - .npy: a table of float32 or float64 in C order, and beside it FILE.npy.ids with an outside id a line;
///  - .h5, .hdf5: a data set "vectors" (rows x columns, numbers) and "ids" (rows, texts or whole numbers);
///    With a `feature`: that of the items in a features file of ours (docs/features.md), whose rows of NaN
///    are missing;
///  - anything else: delimited text, plain, gz or zst: the id, then the numbers; a first line whose second
///    field is no number is a header.
struct VectorFile {
  std::string name = {};  ///< of the set
  std::string path = {};
  std::string feature = {};  ///< empty = not a features file
};

/// What became of the rows of such a file; the same on all ranks.
struct VectorReport {
  Count rows = 0;         ///< read
  Count num_columns = 0;  ///< numbers of each
  Count matched = 0;      ///< attached to an item
  Count unknown = 0;      ///< their id is not in the data set; left out
  Count repeated = 0;     ///< their id came before: the first row stays
  Count zero = 0;         ///< of the matched: all 0, so without a direction
  Count missing = 0;      ///< items without a row: their vector is 0
};

/// Gives the data set another set of item vectors, each of length 1 (Euclidean), of zeros where an item has
/// none. Rows may come in any order; each rank reads a share and sends the vectors to the owners of the
/// items. Collective. Refuses the file as a whole, with the line or row and the reason, on all ranks.
/// @param memory_budget_bytes  a rank's budget; 0 = none
/// @throws StorageError; ConfigError: a set of that name is there, over budget; InputError: a damaged file, a
///         row of another length, a number that is not finite or does not fit a float32, a row without id, no
///         row that names an item. On an error the data set is as before.
VectorReport attach_vectors(const Communicator& comm, Dataset& dataset, const VectorFile& file,
                            Count memory_budget_bytes);

/// Adds what attach_vectors holds on a rank at once. Local.
/// @param read_bytes   of the file's rows that the rank reads
/// @param owned_bytes  of the vectors of the rank's items
void plan_vectors(MemoryPlan& plan, Count read_bytes, Count owned_bytes);

}  // namespace pushcart
