#pragma once

#include "pushcart/models/als.hpp"

namespace pushcart::als {

/// How a row's system is solved.
enum class RowMethod : int {
  dual_group,  ///< I + BB' by Cholesky, side by side with rows of like length
  dual,        ///< I + BB' by Cholesky, alone
  primal,      ///< I + B'B by Cholesky
  gradients    ///< conjugate gradients on I + B'B, from the row's last solution
};

/// Chooses by d, the row's entries, and k alone: from operations and bytes, never from timings, so that bits
/// do not depend on the day or the machine.
RowMethod method_of_row(AlsSolver solver, Count d, Count k);

/// Multiply-adds at the speed of matrix products that solving a row takes, without rotating what iterations
/// start from.
double cost_of_row(RowMethod method, Count d, Count k);

/// The same as measured (Gowalla and synth, k = 128, AVX-512): with what reading the gathered rows takes,
/// which short rows feel most, and what each step takes more where they outgrow a core's cache. For handing
/// out work, not for the choice of a method, on which bits depend.
double work_of_row(RowMethod method, Count d, Count k);

/// Multiply-adds of rotating what a row's iterations start from, which is its owner's to do; 0 if it needs no
/// start.
double work_of_start(RowMethod method, Count k);

/// Room for the gathered rows of a group of systems (or of as many as fit), bytes.
inline constexpr Count group_bytes = Count{1} << 20;
/// Longest rows that are solved in groups.
inline constexpr Count longest_in_group = 128;

}  // namespace pushcart::als
