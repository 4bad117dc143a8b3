#pragma once

#include <functional>

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

/// A method's figures over the job; equal on all ranks but for the memory on this one.
struct ExchangeFigures {
  ExchangeSettings settings;
  Count received_bytes = 0;  ///< by all ranks in a sweep
  Count memory_bytes = 0;    ///< on this rank; both sides use the same room, one after the other
  Count worst_bytes = 0;     ///< on the fullest rank
  bool is_possible = true;   ///< there is shared memory for it
};

/// Takes the figures of a method with these settings.
using TakeFigures = std::function<ExchangeFigures(const ExchangeSettings& settings)>;

/// What the choice goes by beside the figures of each method.
struct ExchangeTask {
  Count row_bytes = 0;     ///< of a row of factors, as it travels
  Count num_gathered = 0;  ///< rows gathered by all ranks in a sweep
  Count other_bytes = 0;   ///< planned beside the exchange on the fullest rank
  bool shares_rows = false;  ///< with replicate, ranks of a node take rows from each other
};

/// The method asked for; or, asked for none, that of which all ranks together receive the fewest bytes among
/// those that fit in the budget, else `stream` in batches that fit. To what is received `replicate` adds what
/// reading shared memory takes longer, but where ranks share rows, which saves more than that. Logs the figures of all. ConfigError if the method asked for is not
/// possible. Collective if `take_figures` is.
ExchangeFigures choose_method(const AlsConfig& config, const ExchangeTask& task,
                              const TakeFigures& take_figures);

/// The choice of a job's ranks together. Collective.
/// @param other_bytes  of memory that this rank plans beside the exchange
ExchangeChoice choose_exchange(const Communicator& comm, const ExchangeSide& users, const ExchangeSide& items,
                               const AlsConfig& config, Count row_bytes, Count other_bytes);

}  // namespace pushcart::als
