#pragma once

#include <optional>

#include "pushcart/base/memory.hpp"
#include "pushcart/ingest/ingest_config.hpp"

namespace pushcart {

/// The sizes that the memory of ingest on a rank depends on.
struct IngestSizes {
  Count read_rows = 0;   ///< by this rank: of its part of plain files, or of its whole compressed ones
  Count owned_rows = 0;  ///< of the users that it owns afterwards: about its share of all rows
  Count num_ids = 0;     ///< distinct users and items, of the whole log
  std::optional<Count>
      kept_rows;             ///< of those read: parsed now and kept (KeptEvents); nothing: none on any rank
  Count unwritten_rows = 0;  ///< of those read: parsed now and in no checkpoint before all is read; 0: there are none
  Count written_rows = 0;    ///< of the kept rows: most that a checkpoint of the reading writes at once
  Count num_types = 1;       ///< event types kept apart; of ratings none
  Count row_bytes = 32;      ///< text that makes a row
  Count unwritten_text_bytes = 8;  ///< of ids a row, each text once in some 100,000 rows
  Count num_ranks = 1;
};

/// What ingest holds on a rank. Local.
MemoryPlan plan_ingest(const IngestConfig& config, const IngestSizes& sizes);

}  // namespace pushcart
