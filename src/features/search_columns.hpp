#pragma once

#include <vector>

#include "features/log_scope.hpp"
#include "pushcart/features/build_features.hpp"

namespace pushcart::detail {

/// Adds what the data set's searches say of its users: how many, of how many queries, a session, and the most
/// frequent words. Says in `absent` what cannot be given. Collective.
void add_searches(const Communicator& comm, const Dataset& dataset, const LogScope& scope,
                  FeatureTable& users, std::vector<AbsentFeature>& absent);

}  // namespace pushcart::detail
