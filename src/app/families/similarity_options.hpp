#pragma once

#include "app/option_set.hpp"
#include "app/session.hpp"
#include "pushcart/models/similarity.hpp"

namespace pushcart::app {

/// Options that choose a similarity, but for its metric: shared by `similar` and the families made of it.
void declare_similarity(OptionSet& options, SimilarityConfig& config);
void declare_metric(OptionSet& options, SimilarityConfig& config);

/// What the engine did, summed over ranks, for the log and the run record. Collective.
nlohmann::ordered_json similarity_results(const Communicator& comm, const SimilarityReport& report);

}  // namespace pushcart::app
