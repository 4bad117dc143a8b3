#pragma once

#include "models/content/item_terms.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/matrix/sparse_rows.hpp"

namespace pushcart::search {

/// Texts, and others that are looked for among them, as rows of length 1 (or empty) over the terms of the
/// former, but for the terms of the others that no text has: those count in the length alone. Entries are
/// tf^(1/2) ln((1 + N) / (1 + n_t)): tf how often a text has the term, n_t how many of the N texts have it.
struct TextRows {
  SparseRows texts;
  SparseRows wanted;  ///< rows counted from 0 on each rank
};

/// Collective.
/// @param texts, owned  those of this rank, and which rows they are
/// @param wanted        of this rank
TextRows text_rows(const Communicator& comm, const StringTable& texts, Range owned, const StringTable& wanted,
                   const content::CutText& cut);

}  // namespace pushcart::search
