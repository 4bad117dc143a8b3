#include "models/similarity/row_costs.hpp"

#include <algorithm>

#include "models/similarity/bit_slices.hpp"

namespace pushcart::similarity {

namespace {

/// As measured, in visits: a row of its own, the candidates of a sliced one, each of the best.
constexpr Count of_a_row = 600, of_sliced_candidates = 2500, of_a_best = 16;

/// Whether rows may be searched by bit slices, which goes by how often both sides have each u.
bool may_be_sliced(const Product& product) {
  return product.is_count() && !product.has_window();
}

bool is_of_one_pattern(const Product& product) {
  return product.left.pattern == product.right.pattern;
}

/// How many rows, of all ranks, have each u. Collective.
std::vector<Count> inner_lengths(const Communicator& comm, const SparseRows& rows) {
  std::vector<Count> lengths(static_cast<std::size_t>(rows.num_columns), 0);
  for (const Count u : rows.columns) ++lengths[static_cast<std::size_t>(u)];
  comm.allreduce(std::span<Count>(lengths), Reduce::sum);
  return lengths;
}

std::vector<Count> visits_of_rows(const SparseRows& left, const std::vector<Count>& inner_lengths) {
  std::vector<Count> visits;
  visits.reserve(static_cast<std::size_t>(left.num_rows()));
  for (Count row = 0; row < left.num_rows(); ++row) {
    Count sum = 0;
    for (const Count u : left.row_columns(row)) sum += inner_lengths[static_cast<std::size_t>(u)];
    visits.push_back(sum);
  }
  return visits;
}

/// The same rows by bit slices over all columns.
std::vector<Count> sliced_visits(const SparseRows& left, Count num_groups) {
  std::vector<Count> visits;
  visits.reserve(static_cast<std::size_t>(left.num_rows()));
  for (Count row = 0; row < left.num_rows(); ++row) {
    const Count length = left.row_length(row);
    visits.push_back(length == 0 ? 0
                                 : num_groups * (visits_a_bitmap * length + visits_a_sliced_row) +
                                       of_sliced_candidates);
  }
  return visits;
}

}  // namespace

std::vector<Count> row_costs(const Communicator& comm, const Product& product, Count k) {
  const SparseRows &left = *product.left.pattern, &right = *product.right.pattern;
  const std::vector<Count> of_right = inner_lengths(comm, right);
  bool is_sliced = false;
  const Count num_groups = (comm.sum(right.num_rows()) + slice_columns - 1) / slice_columns;
  if (may_be_sliced(product)) {
    const std::vector<Count> other =
        is_of_one_pattern(product) ? std::vector<Count>{} : inner_lengths(comm, left);
    const std::vector<Count>& of_left = is_of_one_pattern(product) ? of_right : other;
    Count visits = 0, num_entries = 0;
    for (std::size_t u = 0; u < of_left.size(); ++u) {
      visits += of_left[u] * of_right[u];
      num_entries += of_left[u];
    }
    const Count a_row = num_groups * visits_a_sliced_row + of_sliced_candidates;
    is_sliced = num_groups * visits_a_bitmap * num_entries + comm.sum(left.num_rows()) * a_row < visits;
  }
  std::vector<Count> costs = is_sliced ? sliced_visits(left, num_groups) : visits_of_rows(left, of_right);
  for (Count& cost : costs) cost += of_a_row + of_a_best * std::min(k, cost);
  return costs;
}

Count row_cost_bytes(const Product& product, Count num_rows) {
  const Count num_counted = may_be_sliced(product) && !is_of_one_pattern(product) ? 2 : 1;
  return (num_counted * product.right.pattern->num_columns + num_rows) * Count{sizeof(Count)};
}

}  // namespace pushcart::similarity
