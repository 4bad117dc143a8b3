#pragma once

#include "pushcart/comm/communicator.hpp"
#include "pushcart/ids/partition.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/term_config.hpp"

namespace pushcart::content {

/// T of TermConfig: owned items x the terms of all fields, one field after the other.
struct TermMatrix {
  SparseRows rows;
  Partition terms;  ///< cut by the entries of the terms; empty if there are none
};

/// @param total_weight  of all fields and sets of vectors, > 0. Collective; ConfigError for an unknown
/// column.
TermMatrix term_matrix(const Communicator& comm, const Dataset& dataset, const TermConfig& config,
                       double total_weight);

}  // namespace pushcart::content
