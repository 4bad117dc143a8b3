#pragma once

#include "pushcart/models/similarity.hpp"

namespace pushcart::similarity {

/// The lists as rows of a matrix: columns ascending. Local.
SparseRows matrix_of(const Neighbours& neighbours);

}  // namespace pushcart::similarity
