#include "pushcart/models/text_vectors.hpp"

#include <algorithm>
#include <cmath>

#include "models/als/dense.hpp"
#include "models/content/column_signs.hpp"
#include "models/content/low_rank.hpp"
#include "models/content/settings.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/exact_sum.hpp"

namespace pushcart {

namespace {

/// U S beside columns of zeros.
FactorTable scaled(const linear::LeadingVectors& found, Count num_columns) {
  const FactorTable& from = found.vectors;
  FactorTable to{from.rows, num_columns,
                 std::vector<float>(static_cast<std::size_t>(from.rows.size() * num_columns), 0.0F)};
  for (Count row = 0; row < from.rows.size(); ++row) {
    for (std::size_t c = 0; c < found.eigenvalues.size(); ++c) {
      to.row(row)[c] =
          static_cast<float>(std::sqrt(found.eigenvalues[c]) * static_cast<double>(from.row(row)[c]));
    }
  }
  return to;
}

std::vector<double> shares(const std::vector<double>& kept, const std::vector<double>& squares) {
  std::vector<double> result;
  for (std::size_t row = 0; row < squares.size(); ++row)
    result.push_back(squares[row] > 0 ? std::min(1.0, kept[row] / squares[row]) : NAN);
  return result;
}

void announce(const Communicator& comm, const Dataset& dataset, const content::TermMatrix& terms,
              const TrainingRows& by_term, const TextVectorsConfig& config, Count k) {
  MemoryPlan plan;
  content::plan_terms(plan, terms);
  content::plan_item_vectors(plan, comm, terms, dataset, k);
  plan.add("vectors", 2 * dataset.items.range(comm.rank()).size() * config.dimensions * Count{sizeof(float)});
  const Count width = linear::block_width(k, terms.rows.num_columns, dataset.num_items());
  plan.add("rows fetched", linear::NormalizedMatrix::planned_bytes(comm, by_term, terms.terms, dataset.items,
                                                                   width, config.svd.batch_bytes));
  announce_memory(comm, "text vectors", plan, config.svd.memory_budget_bytes);
}

}  // namespace

void check_config(const TextVectorsConfig& config) {
  content::check_terms(config.terms);
  if (!(content::weight_of_fields(config.terms) > 0))
    throw ConfigError("--words, --ngrams, --tags: all their weights are 0");
  if (config.dimensions < 1 || config.dimensions > 4096)
    throw ConfigError("--text-vectors: must be in [1, 4096]");
  content::check_iteration(config.svd.tolerance, config.svd.max_rounds);
}

TextVectors text_vectors(const Communicator& comm, const Dataset& dataset, const TextVectorsConfig& config,
                         PhaseLog& phases) {
  collectively(comm, "checking the settings", [&] { check_config(config); });
  const auto terms =
      content::term_matrix(comm, dataset, config.terms, content::weight_of_fields(config.terms));
  const std::vector<double> squares = content::squares_of_rows(terms.rows);
  TextVectors result;
  result.num_terms = terms.rows.num_columns;
  result.num_entries = comm.sum(terms.rows.num_entries());
  result.num_items_without = comm.sum(std::count(squares.begin(), squares.end(), 0.0));
  if (result.num_terms == 0) {
    const Range mine = dataset.items.range(comm.rank());
    result.vectors = {mine, config.dimensions,
                      std::vector<float>(static_cast<std::size_t>(mine.size() * config.dimensions), 0.0F)};
    result.kept_share.assign(squares.size(), NAN);
    return result;
  }
  als::use_one_blas_thread();
  const TrainingRows by_term = content::rows_by_term(comm, terms, dataset);
  const Count k = std::min({config.dimensions, dataset.num_items(), result.num_terms});
  announce(comm, dataset, terms, by_term, config, k);
  const auto found = content::leading_item_vectors(
      comm, by_term, terms, dataset, {k, config.svd.tolerance, config.svd.max_rounds, config.svd.seed},
      config.svd.batch_bytes, phases);
  if (found.worst_residual > config.svd.tolerance) {
    log_warning("text vectors: residual {:.3g} after {} rounds, not {}; take more --max-rounds",
                found.worst_residual, found.rounds, config.svd.tolerance);
  }
  result.rounds = found.rounds;
  result.vectors = scaled(found, config.dimensions);
  content::choose_signs(comm, result.vectors);
  const std::vector<double> kept = content::squares_of_rows(result.vectors);
  result.kept_share = shares(kept, squares);
  result.kept_share_of_all = exact_sum(comm, kept, 1).front() / exact_sum(comm, squares, 1).front();
  for (const double eigenvalue : found.eigenvalues) result.singular_values.push_back(std::sqrt(eigenvalue));
  log_info(
      "text vectors: {} terms of {} items, {} items without; singular values {:.6g} to {:.6g}: {} rounds, "
      "{:.1f} % of the squares of the texts",
      result.num_terms, dataset.num_items(), result.num_items_without, result.singular_values.front(),
      result.singular_values.back(), found.rounds, 100 * result.kept_share_of_all);
  return result;
}

}  // namespace pushcart
