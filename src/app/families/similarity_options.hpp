#pragma once

#include <string>

#include "app/option_set.hpp"
#include "app/session.hpp"
#include "pushcart/models/similarity.hpp"

namespace pushcart::app {

/// The metrics, for the help of an option that takes one.
std::string metric_help();
std::string shrinkage_help();
/// What single metrics want to know, but for rp3beta.
void declare_metric_parameters(OptionSet& options, SimilarityConfig& config);
/// All other options of a similarity: shared by `similar` and the families made of it.
void declare_similarity(OptionSet& options, SimilarityConfig& config);

/// What the engine did, summed over ranks, for the log and the run record. Collective.
nlohmann::ordered_json similarity_results(const Communicator& comm, const SimilarityReport& report);

}  // namespace pushcart::app
