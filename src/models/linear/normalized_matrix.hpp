#pragma once

#include <optional>
#include <vector>

#include "models/training_rows.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/matrix/factor_exchange.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart::linear {

/// Exponents of R~ = Du^-a R Di^-b; Du and Di hold the sums of |r| over a user's, an item's row.
struct Normalization {
  double user_exponent = 0.5;  ///< a
  double item_exponent = 0.5;  ///< b
};

/// The degrees: the sum of |r| of each row.
std::vector<double> absolute_row_sums(const SparseRows& rows);

/// degree^-exponent by row, 0 for rows without a degree.
std::vector<double> inverse_powers(const std::vector<double>& degrees, double exponent);

/// R~ by user and by item over the ranks, and its products with dense tables. A row of a product is summed by
/// its owner in the order of the sparse row, so that bits do not depend on ranks, threads or batches.
class NormalizedMatrix {
 public:
  /// Collective. `rows` must outlive this.
  /// @param max_width    of the tables multiplied
  /// @param batch_bytes  for rows fetched from other ranks at once
  NormalizedMatrix(const Communicator& comm, const TrainingRows& rows, const Partition& users,
                   const Partition& items, const Normalization& normalization, Count max_width,
                   Count batch_bytes);

  /// user_table = R~ item_table. Collective.
  void times(const FactorTable& item_table, FactorTable& user_table);
  /// item_table = R~' user_table. Collective.
  void transposed_times(const FactorTable& user_table, FactorTable& item_table);

  const Communicator& comm() const { return comm_; }
  const Partition& users() const { return users_; }
  const Partition& items() const { return items_; }
  const SparseRows& by_user() const { return rows_.by_user(); }
  const SparseRows& by_item() const { return rows_.by_item(); }
  /// R~'s entries in the order of by_user() and by_item().
  const std::vector<float>& user_values() const { return user_values_; }
  const std::vector<float>& item_values() const { return item_values_; }
  /// Sums of |r| of the owned users and items.
  const std::vector<double>& user_degrees() const { return user_degrees_; }
  const std::vector<double>& item_degrees() const { return item_degrees_; }
  /// Du^-a of the owned users.
  const std::vector<double>& user_scales() const { return user_scales_; }

  FactorTable make_user_table(Count num_columns) const;
  FactorTable make_item_table(Count num_columns) const;

  /// Rows of other ranks that came here so far, by count.
  Count received_bytes() const;

  /// What it holds on this rank, beside the rows.
  static Count planned_bytes(const Communicator& comm, const TrainingRows& rows, const Partition& users,
                             const Partition& items, Count max_width, Count batch_bytes);

 private:
  const Communicator& comm_;
  const TrainingRows& rows_;
  const Partition &users_, &items_;
  const WorkRows user_work_, item_work_;
  FactorExchange item_rows_;  // rows of an item table for the users
  FactorExchange user_rows_;
  std::vector<double> user_degrees_, item_degrees_, user_scales_;
  std::vector<float> user_values_, item_values_;
};

/// A NormalizedMatrix on one of the ranks of a job, from outside it.
struct NormalizedMatrixPlan {
  Count memory_bytes = 0;              ///< as NormalizedMatrix::planned_bytes()
  Count item_rows = 0, user_rows = 0;  ///< of tables, that a product R~ V, and R~'U, receives

  Count made_bytes() const { return (item_rows + user_rows) * Count{2 * sizeof(float)}; }
  Count times_bytes(Count width) const { return item_rows * width * Count{sizeof(float)}; }
  Count both_ways_bytes(Count width) const { return (item_rows + user_rows) * width * Count{sizeof(float)}; }
};

/// By rank, of the data set's own values. Local. @param parts  the data set of each rank
std::vector<NormalizedMatrixPlan> plan_normalized_matrix(std::span<const Dataset> parts, Count max_width,
                                                         Count batch_bytes);

}  // namespace pushcart::linear
