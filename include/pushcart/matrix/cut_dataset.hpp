#pragma once

#include <vector>

#include "pushcart/matrix/dataset.hpp"

namespace pushcart {

/// The parts of a data set that read_dataset gives to the ranks of a job of so many. Local.
/// @param whole  as one rank holds it
std::vector<Dataset> cut_dataset(const Dataset& whole, int num_ranks);

/// The sizes on a rank that the memory of a data set depends on.
struct DatasetSizes {
  Count users = 0, items = 0;                ///< owned
  Count user_entries = 0, item_entries = 0;  ///< of the matrix by user and by item
  Count event_types = 1;
  Count held_out_entries = 0;  ///< -1: there is no held-out part
  Count texts = 0;             ///< strings: ids, names, attributes, queries
  Count text_bytes = 0;
  Count searches = 0;
  Count vector_columns = 0;  ///< numbers of an item in all sets of item vectors
};
DatasetSizes sizes_of(const Dataset& part);  ///< Local.

/// Bytes that a data set of these sizes holds on its rank. Local.
Count memory_bytes(const DatasetSizes& sizes);

}  // namespace pushcart
