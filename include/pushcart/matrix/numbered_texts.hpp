#pragma once

#include <vector>

#include "pushcart/base/string_table.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/ids/partition.hpp"

namespace pushcart {

/// Texts that number_texts() numbered to the owners of their numbers, each told by the lowest rank that has
/// it. Takes a number on every rank for each text of the job. Collective.
/// @param index  by text of this rank: its number, or -1; each at most once
/// @return the texts of the owned numbers
StringTable numbered_texts(const Communicator& comm, const Partition& partition, const StringTable& texts,
                           std::vector<Count> index);

}  // namespace pushcart
