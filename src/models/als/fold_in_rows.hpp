#pragma once

#include "models/als/observed_rows.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/models/factor_table.hpp"

namespace pushcart::als {

/// Rows of one side, and the other side as it stays.
struct RowsBeside {
  ObservedRows& observed;      ///< owned rows x rows of the other side; gets the shifts of `expected`
  Count num_rows = 0;          ///< of all ranks
  const Partition& partition;  ///< of the other side
  const FactorTable& factors;  ///< of the other side, owned, k columns
};

/// The exact solutions of the rows' own systems (design, section 3b), in the basis of the other side's
/// factors, which stay as they are. With m_r of a row in place of 0 where the objective expects 0, the system
/// is that of the difference, whose targets are lowered by m_r . z_j; without entries a row is m_r.
/// @param expected  m of the owned rows; nullptr = 0 for all
/// The same bits for any number of ranks. Collective. NumericError on all ranks: a system has no solution.
FactorTable fold_in_rows(const Communicator& comm, const RowsBeside& side, const AlsObjective& objective,
                         const FactorTable* expected);

}  // namespace pushcart::als
