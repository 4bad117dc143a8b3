#pragma once

#include <string>

#include "app/evaluate.hpp"
#include "app/session.hpp"

namespace pushcart::app {

/// What evaluate --learn-min-evidence found, from its record or what --json printed. Collective; InputError
/// for another file, StorageError.
LearnedEvidence read_learned_evidence(Session& session, const std::string& path);

/// Learns it on what is held out for lists that are filled as `chooser` says, by an evaluation of its own,
/// and adds it to the run's text. Collective; errors as assess().
/// @param evaluate  how the model was measured
LearnedEvidence learn_evidence_of_lists(Session& session, const Dataset& dataset, const Model& model,
                                        EvaluateOptions evaluate, const ChooserOptions& chooser);

}  // namespace pushcart::app
