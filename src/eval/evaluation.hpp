#pragma once

#include "pushcart/eval/evaluate.hpp"

namespace pushcart::detail {

/// Items that the training does not know, by owned item.
std::vector<std::uint8_t> cold_items(const Dataset& train, const EvaluateConfig& config);

/// Measures a model beside its baselines on the held-out pairs as they are given. Collective; errors as
/// evaluate().
EvaluationReport measure(const Communicator& comm, const Model& model, const Model& baseline,
                         const Dataset& train, const HeldOut& held_out, const EvaluateConfig& config,
                         PhaseLog& phases);

}  // namespace pushcart::detail
