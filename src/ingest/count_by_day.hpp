#pragma once

#include "pushcart/comm/communicator.hpp"
#include "pushcart/ingest/cleaning_report.hpp"
#include "pushcart/ingest/interaction_log.hpp"

namespace pushcart::detail {

/// Fills events_by_day of the report from the kept events of all ranks. Collective.
void count_by_day(const Communicator& comm, const InteractionLog& log, CleaningReport& report);

}  // namespace pushcart::detail
