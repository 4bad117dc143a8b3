#pragma once

#include <span>
#include <vector>

#include "pushcart/comm/communicator.hpp"

namespace pushcart {

/// Sums rows of numbers over all ranks with the same bits for any number of ranks, any order of rows.
/// `blocks` is row-major, any number of rows on each rank, `width` columns; what the rows are must not depend
/// on the ranks (one per user, or per fixed block of users). Each column is rounded to a grid on which its sum
/// is exact (design, section 4). Collective. Not finite in: not finite out.
/// @return `width` sums, equal on all ranks
std::vector<double> exact_sum(const Communicator& comm, std::span<const double> blocks, std::size_t width);

}  // namespace pushcart
