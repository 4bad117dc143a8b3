#pragma once

#include <cstdint>
#include <optional>

#include "pushcart/base/phases.hpp"
#include "pushcart/ingest/cleaning_report.hpp"
#include "pushcart/ingest/ingest_config.hpp"
#include "pushcart/ingest/interaction_log.hpp"
#include "pushcart/matrix/dataset.hpp"

namespace pushcart {

/// Turns events into pairs, drops what the k-core does not hold, numbers users and items (design, section 2)
/// and cuts the matrix over the ranks. Collective.
///
/// A pair's strength of one event type is the sum of its events' amounts times their decay, then the cap; 0
/// if the sum is not positive. The pair's strength is the sum over types; a pair with strength 0 is no
/// interaction. Sums run by ascending time, then amount, so that they depend on the events alone. Ratings:
/// the last of a pair by time (then input order), or the mean. Decay is anchored at the last event that is
/// used.
///
/// With `train_until` (unix seconds), events up to and including it make the training part: decay, k-core and
/// numbering know nothing later. Pairs with a positive strength (without decay) from later events become
/// held_out, unless they are in the training part or their user or item is unknown to it (counted in the
/// report).
///
/// The log's texts and events are given up on the way. Fills everything of Dataset but user_attributes,
/// provenance and digest; a mapped category becomes the item attribute "category".
/// @throws InputError if no pair is left; ConfigError if a time cut is asked of a log without times
Dataset build_dataset(const Communicator& comm, InteractionLog log, const IngestConfig& config,
                      std::optional<std::int64_t> train_until, CleaningReport& report, PhaseLog& phases);

}  // namespace pushcart
