#pragma once

#include <vector>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/matrix/factor_exchange.hpp"

namespace pushcart::als {

/// prediction(u, i) = mean + user bias + item bias: the part of a rating that needs no factors.
struct Biases {
  double mean = 0;
  std::vector<float> users;  ///< owned
  std::vector<float> items;  ///< owned
};

/// What the fit sees of one side.
struct RatingSide {
  const SparseRows& rows;
  std::span<const float> values;  ///< aligned with the entries of rows
  FactorExchange& exchange;       ///< of rows by their columns' owners
  Count num_rows = 0;             ///< global
};

/// Alternating regularized means: b_u = sum over the user's ratings of (r - mean - b_i) / (count + strength),
/// and items likewise, items first, `passes` times (baseline predictors, Koren 2010, section 2.1).
/// Rows without ratings get 0. Collective; the same bits for any number of ranks.
Biases fit_biases(const Communicator& comm, const RatingSide& by_user, const RatingSide& by_item,
                  double strength, int passes);

/// Biases of the rows of one side where those of the other are given, as in the last step of fit_biases.
/// Collective.
std::vector<float> regularized_means(const RatingSide& side, double mean,
                                     const std::vector<float>& column_biases, double strength);

/// values - mean - bias of the row - bias of the column, for the entries of one side. Collective.
std::vector<float> rating_residuals(const RatingSide& side, double mean, const std::vector<float>& row_biases,
                                    const std::vector<float>& column_biases);

}  // namespace pushcart::als
