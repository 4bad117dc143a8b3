#pragma once

#include <span>
#include <vector>

#include "pushcart/ingest/ingest_config.hpp"
#include "pushcart/matrix/cut_dataset.hpp"

namespace pushcart {

/// What of a data set the bytes depend on that ranks send each other while it is built of cleaned events.
struct DatasetTraffic {
  double user_id_bytes = 0, item_id_bytes = 0;  ///< of one, on average
  std::vector<double> log_text_bytes;           ///< of an item, in each text that the log has of items
  std::vector<double> user_text_bytes, item_text_bytes;  ///< of one, in each text of attribute files
  std::vector<Count> vector_columns;                     ///< of each set of item vectors
  bool has_times = false;
  Count typed_columns = 0;                ///< event types that travel beside the sum; of ratings none
  double named_items = 0;                 ///< distinct ones in the pairs of a rank's share of the users
  double named_held_out_items = 0;        ///< and in what is held out of them
  Count held_out_users = 0;               ///< with something held out, on all ranks
  std::vector<double> entries_of_others;  ///< by rank: pairs of its items with other ranks' users
};

/// Bytes that each rank receives (received_bytes()) from its users' cleaned events to its part of the data
/// set with attributes and vectors: ids, lines of files and events lying on any rank as likely as on another.
/// Of searches only they themselves, without the numbering of queries. Local. @param parts  by rank
std::vector<double> building_received_bytes(const IngestConfig& config, const DatasetTraffic& data,
                                            std::span<const DatasetSizes> parts);

}  // namespace pushcart
