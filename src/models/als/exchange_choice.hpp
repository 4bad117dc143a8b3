#pragma once

#include "models/als/work_shares.hpp"
#include "pushcart/matrix/factor_exchange.hpp"
#include "pushcart/models/als.hpp"

namespace pushcart::als {

/// One side's rows and who owns what they touch.
struct ExchangeSide {
  const WorkRows& rows;
  const Partition& fixed;
};

/// What was chosen for both sides: settings, and what it takes on this rank.
struct ExchangeChoice {
  ExchangeSettings settings;
  Count memory_bytes = 0;
};

/// The method asked for; or, asked for none, that of which all ranks together receive the fewest bytes among
/// those that fit in the budget, else `stream` in batches that fit. Logs the figures of all. Collective.
/// @param other_bytes  of memory that this rank plans beside the exchange
ExchangeChoice choose_exchange(const Communicator& comm, const ExchangeSide& users, const ExchangeSide& items,
                               const AlsConfig& config, Count row_bytes, Count other_bytes);

}  // namespace pushcart::als
