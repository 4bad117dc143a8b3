#pragma once

#include <span>

#include "pushcart/base/string_table.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/ids/partition.hpp"

namespace pushcart {

/// Fetches text rows owned by other ranks: `table` holds this rank's range of `partition`.
/// Collective; `wanted` may be empty, repeat and be in any order. @return the texts in the order of `wanted`
StringTable fetch_strings(const Communicator& comm, const Partition& partition, const StringTable& table,
                          std::span<const Count> wanted);

/// The same where no range tells the owner: row `rows[i]` of the table of rank `owners[i]`. Collective.
StringTable fetch_strings(const Communicator& comm, const StringTable& table, std::span<const int> owners,
                          std::span<const Count> rows);

}  // namespace pushcart
