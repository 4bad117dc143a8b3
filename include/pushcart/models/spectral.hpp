#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pushcart/base/phases.hpp"
#include "pushcart/checkpoint/step_checkpoints.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart {

/// Named graph filters, as settings of SpectralConfig.
enum class SpectralPreset : int {
  reweighted,  ///< sparse part, ideal low pass, and less of the leading vectors: the best lists measured
  bspm,        ///< Choi et al. 2023: sparse part and ideal low pass, sharpened
  gf_cf,       ///< Shen et al. 2021: sparse part and ideal low pass
  pure_svd     ///< Cremonesi, Koren, Turrin 2010: the low-rank matrix alone, not normalized
};
SpectralPreset spectral_preset_of(std::string_view name);  ///< ConfigError with the nearest known name
std::string_view spectral_preset_name(SpectralPreset preset);

/// What the low pass keeps of a singular vector with eigenvalue lambda of P.
enum class LowPass : int {
  ideal,  ///< 1: all of the k alike
  linear  ///< lambda
};
LowPass low_pass_of(std::string_view name);  ///< ConfigError with the nearest known name
std::string_view low_pass_name(LowPass filter);

/// With R~ = Du^-a R Di^-b scaled to a largest singular value of 1, P = R~'R~, and V its k leading
/// eigenvectors with eigenvalues lambda, the score of all items for a user's row r of R is
///
///     r ( c P_K + V (lambda (q(lambda) - c) [T > 0] + p(lambda)) V' + w Di^-s V h(lambda) q(lambda) V' Di^s
///     )
///
/// P_K: the K largest entries a row of P, the diagonal left out; q: sharpening, one Runge-Kutta step of order
/// 4 of dS/dt = -S P over the time T, so q(x) = 1 - Tx + (Tx)^2/2 - (Tx)^3/6 + (Tx)^4/24; p: any polynomial
/// without constant term; h: the low pass.
struct SpectralConfig {
  SpectralPreset preset = SpectralPreset::reweighted;
  Count k = 256;                                  ///< singular vectors, 1 to min(users, items)
  std::optional<double> user_exponent;            ///< a, in [0, 2]; absent, here and below = the preset's
  std::optional<double> item_exponent;            ///< b, in [0, 2]
  std::optional<double> sparse_weight;            ///< c, >= 0; 0 = no item weights
  Count neighbours = 400;                         ///< K, >= 1
  std::optional<double> low_pass_weight;          ///< w, >= 0
  std::optional<double> low_pass_exponent;        ///< s, in [0, 2]
  LowPass low_pass = LowPass::ideal;              ///< h
  std::optional<double> sharpening_time;          ///< T, in [0, 3]
  std::optional<std::vector<double>> polynomial;  ///< p: factors of lambda, lambda^2 ...
  std::map<std::string, double> event_weights;    ///< as in AlsConfig

  double tolerance = 1e-3;  ///< of the singular vectors: |P v - lambda v| <= tolerance * lambda
  int max_rounds = 30;      ///< of the subspace iteration
  std::uint64_t seed = 1;

  Count batch_bytes = Count{1} << 28;  ///< rows of other ranks on a rank at once
  Count memory_budget_bytes = 0;       ///< a rank's budget (--memory-per-rank); 0 = none
};

/// The settings once preset and dataset are known.
struct SpectralFilter {
  double user_exponent = 0, item_exponent = 0, sparse_weight = 0, low_pass_weight = 0, low_pass_exponent = 0,
         sharpening_time = 0;
  std::vector<double> polynomial;
};
/// ConfigError, naming the option, for settings that make no sense. Local.
SpectralFilter resolve_filter(const SpectralConfig& config, Count num_users, Count num_items);

struct SpectralReport {
  std::vector<double> singular_values;  ///< of R~ before its scaling, k, descending
  double worst_residual = 0;            ///< |P v - lambda v| / lambda over the k
  int rounds = 0, products = 0;         ///< of the subspace iteration; products with P
  double kept_share = 1;                ///< of P's off-diagonal squares, by the cut to K
  Count planned_bytes = 0;              ///< memory planned on this rank
  Count received_bytes = 0;             ///< rows of other ranks that came here, by count
};

struct SpectralResult {
  Model model;
  SpectralReport report;
};

/// Truncated singular value decomposition and graph filters on it. Leaves factors and item weights. The same
/// bits for any number of ranks and threads. Collective. ConfigError: settings, memory budget; InputError:
/// values that are not finite.
/// @param checkpoints  of the subspace iteration, by rounds; nullptr = none
SpectralResult train_spectral(const Communicator& comm, const Dataset& train, const SpectralConfig& config,
                              PhaseLog& phases, StepCheckpoints* checkpoints = nullptr);

}  // namespace pushcart
