#pragma once

#include "models/als/biases.hpp"
#include "models/als/observed_rows.hpp"
#include "models/training_rows.hpp"

namespace pushcart::als {

/// Applies the transform to the values of one side. @return empty if the values stay as they are
std::vector<float> transformed_values(const SparseRows& rows, ValueTransform transform);

/// InputError on all ranks, naming the user, if a value is not finite, or not above 0 where the target
/// divides by it. Collective.
void check_values(const Communicator& comm, const Dataset& dataset, const SparseRows& by_user,
                  std::span<const float> values, AlsTarget target);

/// Start values: normal, a function of the seed, the item's external id and the column. Local.
void start_factors(FactorTable& table, const StringTable& ids, std::uint64_t seed, double stddev);

/// Rows that have a number other than 0 in `before` become these. Local.
void start_from(const FactorTable& before, FactorTable& table);

/// All settings that shape the model, as JSON; nothing of ranks, memory or time.
std::string settings_text(const AlsConfig& config, const AlsObjective& objective);

}  // namespace pushcart::als
