#pragma once

#include <vector>

#include "ingest/spread_ids.hpp"
#include "ingest/stored_rows.hpp"
#include "ingest/unwritten_rows.hpp"

namespace pushcart::detail {

/// Ids of what was read so far, all settled.
struct ReadIds {
  const SpreadIds& users;
  const SpreadIds& items;
  const SpreadIds* queries;  ///< nullptr: there are none
};

/// Completes chunks for writing by the texts of their rows' ids and queries, which their owners give: users,
/// items and queries are numbered apart, each once a chunk, behind the labels. Collective.
void find_texts(const Communicator& comm, const ReadIds& ids, const std::vector<RowBatch>& batches,
                std::vector<UnwrittenChunk>& chunks);

}  // namespace pushcart::detail
