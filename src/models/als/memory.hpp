#pragma once

#include "models/als/work_shares.hpp"
#include "pushcart/base/memory.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/als.hpp"

namespace pushcart::als {

/// What a training holds on this rank beside the dataset and the exchange's rows of other ranks. Local.
MemoryPlan plan_memory(const Dataset& dataset, const AlsConfig& config, const AlsObjective& objective,
                       int rank, const WorkShares& users, const WorkShares& items);

}  // namespace pushcart::als
