#pragma once

#include "pushcart/base/memory.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/als.hpp"

namespace pushcart::als {

/// What a training holds on this rank beside the dataset. Local.
MemoryPlan plan_memory(const Dataset& dataset, const AlsConfig& config, const AlsObjective& objective,
                       int rank);

}  // namespace pushcart::als
