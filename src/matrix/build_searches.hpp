#pragma once

#include <cstdint>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/ids/numbering.hpp"
#include "pushcart/ingest/interaction_log.hpp"
#include "pushcart/matrix/dataset.hpp"

namespace pushcart::detail {

/// The log's searches until a time (unix seconds, inclusive) of the users that were numbered; the log gives
/// them up. Collective.
/// @param users, items  by slot of the log's ids on this rank
/// @param owners        of users by index
Searches build_searches(const Communicator& comm, InteractionLog& log, std::int64_t until,
                        const Numbering& users, const Numbering& items, const Partition& owners);

}  // namespace pushcart::detail
