#pragma once

#include <span>

#include "eval/metric_table.hpp"
#include "pushcart/eval/held_out.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart::detail {

/// Adds a side's squared and absolute errors of the held-out ratings, by user. Collective.
void add_rating_errors(const Communicator& comm, const Model& model, const Dataset& train,
                       const HeldOut& held_out, std::span<const Count> users, const Columns& columns,
                       std::size_t side, UserTable& table);

}  // namespace pushcart::detail
