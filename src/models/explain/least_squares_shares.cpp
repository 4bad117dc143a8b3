// The columns of ALS: Hu, Koren and Volinsky (2008), section 5, in the eigenbasis of the Gram matrix (design,
// section 4). With D = alpha0 L + rho and B = W^1/2 Z D^-1/2, x_u . y_i is the sum over the user's items j of
//
//     s_ij w_j^1/2 t_j,   s_i = (I + BB')^-1 B D^-1/2 y_i  =  B (I + B'B)^-1 D^-1/2 y_i
//
// so one factorization, of the smaller of the two systems, serves all listed items.
#include <algorithm>
#include <cmath>

#include "models/als/biases.hpp"
#include "models/als/eigenbasis.hpp"
#include "models/als/gram.hpp"
#include "models/als/observed_rows.hpp"
#include "models/als/training_data.hpp"
#include "models/explain/origin_shares.hpp"
#include "pushcart/matrix/factor_exchange.hpp"

namespace pushcart::detail {

namespace {

std::size_t at(Count n) {
  return static_cast<std::size_t>(n);
}

/// Values that the targets of ratings are made of.
std::vector<float> residuals(const Communicator& comm, const Model& model, const Dataset& dataset,
                             const als::ObservedRows& observed) {
  const WorkRows rows(observed.rows());
  FactorExchange exchange(comm, rows, dataset.items, {});
  return als::rating_residuals({observed.rows(), observed.values(), exchange, dataset.num_users()},
                               model.mean, model.user_bias, model.item_bias);
}

class LeastSquaresShares : public OriginShares {
 public:
  LeastSquaresShares(const Communicator& comm, const Model& model, const Dataset& trained_on,
                     const LeastSquaresOrigin& origin, Count num_columns, Count first_column,
                     FactorTable& table)
      : k_(num_columns),
        first_(first_column),
        num_items_(trained_on.num_items()),
        objective_(origin.objective),
        rows_(select_rows(comm, trained_on, origin.event_weights, 0, PairValue::strength)),
        observed_(rows_.by_user(), objective_, als::transformed_values(rows_.by_user(), origin.transform)) {
    if (objective_.target == AlsTarget::ratings) {
      observed_.set_values(residuals(comm, model, trained_on, observed_));
    }
    rotate_columns(comm, table);
  }

  void divide(const ShareTask& task, double scale, FactorDivision& division) const override {
    const SparseRows& rows = rows_.by_user();
    const Count d = rows.row_length(task.local_user);
    if (d == 0 || scale == 0) return;
    auto& scratch = *division.scratch;
    find_places(rows.row_columns(task.local_user), task.items, scratch.places);
    scratch.weights.resize(at(d));
    scratch.targets.resize(at(d));
    observed_.observe(rows.offsets[at(task.local_user)], d, scratch.weights.data(), scratch.targets.data());
    for (Count j = 0; j < d; ++j) scratch.weights[at(j)] = std::sqrt(scratch.weights[at(j)]);
    const std::vector<double> roots = inverse_roots(d);
    fill(task.listed_rows, roots, scratch.listed);
    if (d < k_) {
      divide_dual(task, roots, scale, division);
    } else {
      divide_primal(task, roots, scale, division);
    }
  }

 private:
  /// Rotates the columns of the items' table into the eigenbasis of their Gram matrix, each row by itself.
  void rotate_columns(const Communicator& comm, FactorTable& table) {
    FactorTable part{table.rows, k_, std::vector<float>(at(table.rows.size() * k_))};
    for (Count row = 0; row < table.rows.size(); ++row) {
      std::copy_n(table.row(row).begin() + first_, k_, part.row(row).begin());
    }
    const als::Eigenbasis basis = als::eigenbasis(comm, als::gram_matrix(comm, part, num_items_), k_);
    eigenvalues_ = basis.eigenvalues;
    als::rotate(part, basis, num_items_);
    for (Count row = 0; row < table.rows.size(); ++row) {
      std::copy_n(part.row(row).begin(), k_, table.row(row).begin() + first_);
    }
  }

  /// D^-1/2, with 0 where neither the items nor the regularization say anything.
  std::vector<double> inverse_roots(Count row_length) const {
    const double rho = row_regularization(objective_, row_length, num_items_);
    const double largest = objective_.alpha0 * eigenvalues_.back() + rho;
    constexpr double nothing = 1e-14;
    std::vector<double> roots(at(k_), 0.0);
    for (std::size_t c = 0; c < roots.size(); ++c) {
      const double d = objective_.alpha0 * eigenvalues_[c] + rho;
      if (d > nothing * largest) roots[c] = 1 / std::sqrt(d);
    }
    return roots;
  }

  /// D^-1/2 z of some rows.
  void fill(std::span<const float* const> rows, std::span<const double> roots,
            als::Scratch<double>& out) const {
    out.resize(rows.size() * at(k_));
    for (std::size_t row = 0; row < rows.size(); ++row) {
      for (std::size_t c = 0; c < at(k_); ++c) {
        out[row * at(k_) + c] = static_cast<double>(rows[row][at(first_) + c]) * roots[c];
      }
    }
  }

  /// Rows [first, first + count) of B.
  void fill_own(const ShareTask& task, std::span<const double> roots, Count first, Count count,
                FactorDivision::Scratch& scratch) const {
    scratch.own.resize(at(count * k_));
    for (Count j = 0; j < count; ++j) {
      const float* const row = task.own_rows[scratch.places[at(first + j)]] + first_;
      const auto root = static_cast<double>(scratch.weights[at(first + j)]);
      double* const to = scratch.own.data() + j * k_;
      for (Count c = 0; c < k_; ++c) to[c] = root * (static_cast<double>(row[c]) * roots[at(c)]);
    }
  }

  static double right_side(const FactorDivision::Scratch& scratch, Count j) {
    return static_cast<double>(scratch.weights[at(j)]) * static_cast<double>(scratch.targets[at(j)]);
  }

  static void factorize(als::Scratch<double>& system, Count n) {
    for (Count i = 0; i < n; ++i) system[at(i * n + i)] += 1;
    if (als::factorize(system.data(), n, n)) return;
    throw NumericError(
        "the equations of the user's factors cannot be solved, so that there is no explanation; train with a "
        "larger --lambda, or leave --explain out");
  }

  void divide_dual(const ShareTask& task, std::span<const double> roots, double scale,
                   FactorDivision& division) const {
    auto& scratch = *division.scratch;
    const auto d = static_cast<Count>(scratch.places.size()), n = static_cast<Count>(task.listed_rows.size());
    fill_own(task, roots, 0, d, scratch);
    scratch.system.resize(at(d * d));
    als::row_products(scratch.own.data(), d, k_, scratch.system.data(), d);
    factorize(scratch.system, d);
    scratch.right_side.resize(at(d));
    for (Count j = 0; j < d; ++j) scratch.right_side[at(j)] = right_side(scratch, j);
    als::solve_factorized(scratch.system.data(), d, d, scratch.right_side.data());
    scratch.products.resize(at(n * d));
    als::cross_products(scratch.listed.data(), n, scratch.own.data(), d, k_, scratch.products.data());
    for (Count i = 0; i < n; ++i) {
      const auto row = std::span(scratch.products).subspan(at(i * d), at(d));
      division.explained[at(i)] += scale * dot(row, scratch.right_side);
      als::solve_factorized(scratch.system.data(), d, d, row.data());
      add_shares(i, 0, row, scale, task, division);
    }
  }

  void divide_primal(const ShareTask& task, std::span<const double> roots, double scale,
                     FactorDivision& division) const {
    auto& scratch = *division.scratch;
    const auto d = static_cast<Count>(scratch.places.size()), n = static_cast<Count>(task.listed_rows.size());
    scratch.system.assign(at(k_ * k_), 0.0);
    scratch.user_factors.assign(at(k_), 0.0);
    for (Count first = 0; first < d; first += block_rows) {
      const Count count = std::min(block_rows, d - first);
      fill_own(task, roots, first, count, scratch);
      als::column_products(scratch.own.data(), count, k_, k_, scratch.system.data(), k_,
                           als::Update::accumulate);
      for (Count j = 0; j < count; ++j) {
        const double value = right_side(scratch, first + j);
        for (Count c = 0; c < k_; ++c) scratch.user_factors[at(c)] += value * scratch.own[at(j * k_ + c)];
      }
    }
    factorize(scratch.system, k_);
    als::solve_factorized(scratch.system.data(), k_, k_, scratch.user_factors.data());
    for (Count i = 0; i < n; ++i) {
      const auto listed = std::span(scratch.listed).subspan(at(i * k_), at(k_));
      division.explained[at(i)] += scale * dot(listed, scratch.user_factors);
      als::solve_factorized(scratch.system.data(), k_, k_, listed.data());
    }
    for (Count first = 0; first < d; first += block_rows) {
      const Count count = std::min(block_rows, d - first);
      if (d > block_rows) fill_own(task, roots, first, count, scratch);
      scratch.products.resize(at(n * count));
      als::cross_products(scratch.listed.data(), n, scratch.own.data(), count, k_, scratch.products.data());
      for (Count i = 0; i < n; ++i) {
        add_shares(i, first, std::span(scratch.products).subspan(at(i * count), at(count)), scale, task,
                   division);
      }
    }
  }

  /// s_ij w_j^1/2 t_j for the entries from `first` on.
  static void add_shares(Count listed, Count first, std::span<const double> s, double scale,
                         const ShareTask& task, FactorDivision& division) {
    const auto& scratch = *division.scratch;
    double* const shares = division.shares.data() + at(listed) * task.items.size();
    for (std::size_t j = 0; j < s.size(); ++j) {
      const auto entry = at(first) + j;
      shares[scratch.places[entry]] += scale * s[j] * right_side(scratch, static_cast<Count>(entry));
    }
  }

  const Count k_, first_, num_items_;
  const AlsObjective objective_;
  const TrainingRows rows_;
  als::ObservedRows observed_;
  std::vector<double> eigenvalues_;
};

}  // namespace

std::unique_ptr<OriginShares> least_squares_shares(const Communicator& comm, const Model& model,
                                                   const Dataset& trained_on,
                                                   const LeastSquaresOrigin& origin, Count num_columns,
                                                   Count first_column, FactorTable& table) {
  return std::make_unique<LeastSquaresShares>(comm, model, trained_on, origin, num_columns, first_column,
                                              table);
}

}  // namespace pushcart::detail
