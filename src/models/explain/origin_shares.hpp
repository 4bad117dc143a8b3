#pragma once

#include "models/als/dense.hpp"
#include "pushcart/models/factor_shares.hpp"

namespace pushcart {

struct FactorDivision::Scratch {
  als::Scratch<double> listed, own, system, products, right_side, user_factors;
  std::vector<float> weights, targets;
  std::vector<std::size_t> places;  // of the entries learned from, among the user's items
};

class OriginShares {
 public:
  /// Own items that are taken at a time, where the system does not need them all at once.
  static constexpr Count block_rows = 512;

  virtual ~OriginShares() = default;
  /// Adds to shares, bias and explained. @param scale  what the user's columns were multiplied with
  virtual void divide(const ShareTask& task, double scale, FactorDivision& division) const = 0;
};

namespace detail {

/// Places of the columns of a row among `items`, both ascending; InternalError if one is not there.
void find_places(std::span<const Count> columns, std::span<const Count> items,
                 std::vector<std::size_t>& places);

/// x . y in double.
double dot(std::span<const double> x, std::span<const double> y);

/// @param first_column  of the origin in the item table, whose columns may be rewritten
/// @param model         of whose factors columns [first_column, first_column + num_columns) are meant
std::unique_ptr<OriginShares> least_squares_shares(const Communicator& comm, const Model& model,
                                                   const Dataset& trained_on,
                                                   const LeastSquaresOrigin& origin, Count num_columns,
                                                   Count first_column, FactorTable& table);

/// Scales that a linear origin wants beside its columns: one for each exponent but 0.
Count num_scales(const LinearOrigin& origin);
/// @param first_scale  column of the table that the scales begin in
std::unique_ptr<OriginShares> linear_shares(const Communicator& comm, const Dataset& trained_on,
                                            const LinearOrigin& origin, Count first_column, Count first_scale,
                                            FactorTable& table);

std::unique_ptr<OriginShares> item_bias_shares(const Model& model, Count column);

}  // namespace detail
}  // namespace pushcart
