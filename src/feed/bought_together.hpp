#pragma once

#include "feed/staged_files.hpp"
#include "pushcart/feed/list_files.hpp"

namespace pushcart {

/// The shard together-*.csv of each rank (see write_lists). Collective; StorageError.
void write_bought_together(const Communicator& comm, const Dataset& dataset, const Neighbours& neighbours,
                           const ListOptions& options, StagedFiles& files);

}  // namespace pushcart
