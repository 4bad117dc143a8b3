#pragma once

#include <string>
#include <vector>

#include "pushcart/matrix/dataset.hpp"
#include "pushcart/plan/job_plan.hpp"

namespace pushcart::app {

/// What each of so many ranks would hold and receive in `features` with its default settings: they read the
/// log and make them as threads of this process. Nothing is written. Local; what `features` throws,
/// StorageError if so many threads cannot be started. @param dataset  of the log, as one rank holds it
std::vector<CountedFeatures> count_features(const std::vector<std::string>& inputs, const Dataset& dataset,
                                            int num_ranks);

}  // namespace pushcart::app
