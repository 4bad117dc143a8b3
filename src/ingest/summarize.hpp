#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ingest/rejects.hpp"
#include "pushcart/ingest/interaction_log.hpp"

namespace pushcart::detail {

/// Counts rows by check, sums over the ranks and names the first rejected row of each cause. Collective.
void summarize_checks(const Communicator& comm, const ReadLog& log, FaultMask enabled,
                      CleaningReport& report);

/// Why a log cannot be used: nothing was read, nothing is left, ids are missing where they may not, or more
/// rows are bad than config.max_rejects. Local; the report is the same on all ranks.
std::optional<std::string> reason_to_refuse(const IngestConfig& config, const CleaningReport& report);

/// Agrees on the event types of the kept rows and on the cut-off time; counts kept rows by type. Collective.
/// @return position in result.types of each of `local_types`
std::vector<std::uint16_t> number_types(const Communicator& comm, const ReadLog& log,
                                        const std::vector<std::string>& local_types, FaultMask enabled,
                                        InteractionLog& result, CleaningReport& report);

}  // namespace pushcart::detail
