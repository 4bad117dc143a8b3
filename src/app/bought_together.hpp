#pragma once

#include <string>

#include "app/session.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/similarity.hpp"

namespace pushcart::app {

/// Lists of `similar` as a shop reads them: together-00000.csv ..., a shard a rank, with columns
///
///     item,rank,other,name,score,support,share,lift
///
/// support: users who have both; share: of the users of `item`, those who have `other` too; lift: support over what
/// it would be if the two had nothing to do with each other. The folder must exist. Collective; StorageError.
void write_bought_together(const Communicator& comm, const Dataset& dataset, const Neighbours& neighbours,
                           const std::string& folder);

}  // namespace pushcart::app
