#include "models/content/low_rank.hpp"

#include <omp.h>

#include "models/als/dense.hpp"
#include "pushcart/matrix/assemble.hpp"

namespace pushcart::content {

TrainingRows rows_by_term(const Communicator& comm, const TermMatrix& terms, const Dataset& dataset) {
  return {transpose(comm, terms.rows, terms.terms, dataset.num_items()), terms.rows};
}

linear::LeadingVectors leading_item_vectors(const Communicator& comm, const TrainingRows& by_term,
                                            const TermMatrix& terms, const Dataset& dataset,
                                            const linear::SubspaceSettings& settings, Count batch_bytes,
                                            PhaseLog& phases, StepCheckpoints* checkpoints) {
  linear::NormalizedMatrix matrix(
      comm, by_term, terms.terms, dataset.items, {0, 0},
      linear::block_width(settings.k, terms.rows.num_columns, dataset.num_items()), batch_bytes);
  auto found = linear::leading_vectors(matrix, dataset.item_ids, settings, phases, checkpoints);
  found.received_bytes = matrix.received_bytes();
  return found;
}

std::vector<double> squares_of_rows(const SparseRows& rows) {
  std::vector<double> squares;
  for (Count row = 0; row < rows.num_rows(); ++row)
    squares.push_back(als::sum_of_squares(rows.row_values(row)));
  return squares;
}

std::vector<double> squares_of_rows(const FactorTable& table) {
  std::vector<double> squares;
  for (Count row = 0; row < table.rows.size(); ++row) squares.push_back(als::sum_of_squares(table.row(row)));
  return squares;
}

void plan_terms(MemoryPlan& plan, const TermMatrix& terms) {
  constexpr Count entry_bytes = sizeof(Count) + sizeof(float);
  plan.add("terms of items, both ways", 2 * terms.rows.num_entries() * entry_bytes);
}

void plan_item_vectors(MemoryPlan& plan, const Communicator& comm, const TermMatrix& terms,
                       const Dataset& dataset, Count k) {
  plan_blocks(plan, dataset.items.range(comm.rank()).size(), terms.terms.range(comm.rank()).size(),
              linear::block_width(k, terms.rows.num_columns, dataset.num_items()));
}

void plan_blocks(MemoryPlan& plan, Count own_rows, Count own_rows_of_other_side, Count width) {
  constexpr Count float_bytes = sizeof(float), double_bytes = sizeof(double);
  const Count threads = omp_get_max_threads();
  plan.add("blocks of vectors", (4 * own_rows + own_rows_of_other_side) * width * float_bytes);
  plan.add("Gram matrix", width * width * (threads * (double_bytes + float_bytes) + 4 * double_bytes));
}

}  // namespace pushcart::content
