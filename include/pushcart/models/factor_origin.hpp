#pragma once

#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "pushcart/models/als_objective.hpp"

namespace pushcart {

/// x_u solves (alpha0 G + rho_u I + Z'WZ) x = Z'W t over the user's own items (design, section 3b).
struct LeastSquaresOrigin {
  AlsObjective objective;
  ValueTransform transform = ValueTransform::identity;
  std::map<std::string, double> event_weights;  ///< as in AlsConfig
  friend bool operator==(const LeastSquaresOrigin&, const LeastSquaresOrigin&) = default;
};

/// x_uc = sum over the user's own items j of r_uj gain_c D_j^(-2 exponent_c) y_jc, D_j the sum of |r| of item
/// j.
struct LinearOrigin {
  std::vector<double> gains, exponents;         ///< by column
  std::map<std::string, double> event_weights;  ///< as in SpectralConfig
  double half_life_days = 0;                    ///< of r, as in ContentConfig
  friend bool operator==(const LinearOrigin&, const LinearOrigin&) = default;
};

/// One column of a blend: y_i is an item's bias in one of the models, x_u what that model counts for the
/// user.
struct ItemBiasOrigin {
  friend bool operator==(const ItemBiasOrigin&, const ItemBiasOrigin&) = default;
};

/// How the user factors in some consecutive columns came from the users' own items: what an explanation of a
/// score needs beyond the factors.
struct FactorOrigin {
  Count num_columns = 0;
  std::variant<LeastSquaresOrigin, LinearOrigin, ItemBiasOrigin> kind;
  friend bool operator==(const FactorOrigin&, const FactorOrigin&) = default;
};

/// As JSON (docs/file-formats.md). Local.
std::string factor_origins_text(std::span<const FactorOrigin> origins);

/// The inverse. InputError, naming `path`, unless the text is sound and describes `num_columns` columns.
/// Local.
std::vector<FactorOrigin> factor_origins_of(const std::string& text, Count num_columns,
                                            const std::string& path);

}  // namespace pushcart
