#pragma once

#include <span>
#include <vector>

#include "pushcart/ingest/ingest_config.hpp"

namespace pushcart {

/// What of a log the bytes depend on that ranks send each other while it is read and cleaned.
struct LogTraffic {
  double kept_share = 1;                                         ///< rows that no check drops, over rows read
  double search_share = 0;                                       ///< rows with a query, over rows read
  double user_id_bytes = 0, item_id_bytes = 0, query_bytes = 0;  ///< of one, on average
  double item_name_bytes = 0, item_category_bytes = 0;  ///< of one, on average, where the log has them
};

/// What a rank reads of it.
struct ReadShare {
  double rows = 0;
  double users = 0, items = 0,
         queries = 0;           ///< distinct ones among them, those met again in a later batch anew
  double items_of_batches = 0;  ///< the sum over batches of distinct items
};

/// Bytes that each rank receives (received_bytes()) until it has the cleaned events of its users, every id
/// and every line being as likely to be owned by one rank as by another. Rejected rows, which rank 0 writes,
/// are taken to be packed to 24 bytes (measured on online-retail). Local.
std::vector<double> cleaning_received_bytes(const IngestConfig& config, const LogTraffic& log,
                                            std::span<const ReadShare> by_rank);

}  // namespace pushcart
