#pragma once

#include "pushcart/comm/communicator.hpp"
#include "pushcart/models/factor_table.hpp"

namespace pushcart::content {

/// Singular vectors are known but for their signs: turns columns so that the entry of the largest magnitude,
/// that of the first row of equals, is above 0. Collective.
void choose_signs(const Communicator& comm, FactorTable& table);

}  // namespace pushcart::content
