#pragma once

#include <vector>

#include "models/content/term_matrix.hpp"
#include "models/linear/subspace.hpp"
#include "pushcart/comm/memory_budget.hpp"

namespace pushcart::content {

/// T by term and by item. Collective.
TrainingRows rows_by_term(const Communicator& comm, const TermMatrix& terms, const Dataset& dataset);

/// U and S^2 of T = U S V' cut to its k largest singular values: the left singular vectors of T are the right
/// ones of its transpose. Collective.
linear::LeadingVectors leading_item_vectors(const Communicator& comm, const TrainingRows& by_term,
                                            const TermMatrix& terms, const Dataset& dataset,
                                            const linear::SubspaceSettings& settings, Count batch_bytes,
                                            PhaseLog& phases, StepCheckpoints* checkpoints = nullptr);

/// The sum of the squares of each row.
std::vector<double> squares_of_rows(const SparseRows& rows);
std::vector<double> squares_of_rows(const FactorTable& table);

/// What T takes here, both ways, and what finding its k vectors does beside the rows fetched.
void plan_terms(MemoryPlan& plan, const TermMatrix& terms);
void plan_item_vectors(MemoryPlan& plan, const Communicator& comm, const TermMatrix& terms,
                       const Dataset& dataset, Count k);
/// The latter for any matrix: tables of `width` columns, of the owned rows of the side whose vectors are
/// wanted and of the other.
void plan_blocks(MemoryPlan& plan, Count own_rows, Count own_rows_of_other_side, Count width);

}  // namespace pushcart::content
