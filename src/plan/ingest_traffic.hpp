#pragma once

#include <functional>
#include <span>
#include <vector>

#include "pushcart/ingest/cleaning_traffic.hpp"
#include "pushcart/matrix/building_traffic.hpp"
#include "pushcart/plan/job_plan.hpp"

namespace pushcart {

/// How many distinct ids a share (0..1) of a log's lines names.
using IdsInShare = std::function<double(double share)>;

/// What the bytes depend on that ranks send each other in ingest.
struct IngestTraffic {
  LogTraffic log;
  Count row_bytes = 0;  ///< text of a line, or of an item in one of users' items
  IdsInShare users, items, queries;
  DatasetTraffic data;
};

/// A log with times is taken to be in order of time, where any line is as likely to be of one user as of
/// another; one without in order of users. Local.
IngestTraffic ingest_traffic(const Dataset& whole, std::span<const Dataset> parts, const PlannedJob& job);
IngestTraffic ingest_traffic(const AssumedData& data, std::span<const DatasetSizes> parts,
                             const PlannedJob& job);

/// About what each rank receives. Local. @param lines  that each rank reads
std::vector<Count> ingest_received_bytes(const IngestTraffic& traffic, const IngestConfig& config,
                                         std::span<const Count> lines, std::span<const DatasetSizes> parts);

}  // namespace pushcart
