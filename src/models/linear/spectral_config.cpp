#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "pushcart/base/suggest.hpp"
#include "pushcart/models/spectral.hpp"

namespace pushcart {
namespace {

constexpr std::array<std::string_view, 4> preset_names{"reweighted", "bspm", "gf-cf", "puresvd"};
constexpr std::array<std::string_view, 2> low_pass_names{"ideal", "linear"};

template <std::size_t Size>
int number_of(const std::array<std::string_view, Size>& names, std::string_view name,
              std::string_view option) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<int>(found - names.begin());
  const std::vector<std::string> known(names.begin(), names.end());
  throw ConfigError(fmt::format("{} '{}' is not known; did you mean '{}'? (known: {})", option, name,
                                nearest_word(name, known), fmt::join(names, ", ")));
}

SpectralFilter preset_filter(SpectralPreset preset) {
  switch (preset) {
    case SpectralPreset::reweighted:
      return {0.4, 0.4, 1, 0.2, 0.4, 0, {-0.7}};
    case SpectralPreset::bspm:
      return {0.5, 0.4, 0.8, 0.3, 0.4, 1, {}};
    case SpectralPreset::gf_cf:
      return {0.5, 0.5, 1, 0.3, 0.5, 0, {}};
    default:
      return {0, 0, 0, 1, 0, 0, {}};
  }
}

void check_range(double value, double least, double most, const char* option) {
  if (value >= least && value <= most) return;
  throw ConfigError(fmt::format("{} {} must be a number from {} to {}", option, value, least, most));
}

}  // namespace

SpectralPreset spectral_preset_of(std::string_view name) {
  return static_cast<SpectralPreset>(number_of(preset_names, name, "--preset"));
}
std::string_view spectral_preset_name(SpectralPreset preset) {
  return preset_names[static_cast<std::size_t>(preset)];
}
LowPass low_pass_of(std::string_view name) {
  return static_cast<LowPass>(number_of(low_pass_names, name, "--low-pass"));
}
std::string_view low_pass_name(LowPass filter) {
  return low_pass_names[static_cast<std::size_t>(filter)];
}

SpectralFilter resolve_filter(const SpectralConfig& config, Count num_users, Count num_items) {
  SpectralFilter filter = preset_filter(config.preset);
  filter.user_exponent = config.user_exponent.value_or(filter.user_exponent);
  filter.item_exponent = config.item_exponent.value_or(filter.item_exponent);
  filter.sparse_weight = config.sparse_weight.value_or(filter.sparse_weight);
  filter.low_pass_weight = config.low_pass_weight.value_or(filter.low_pass_weight);
  filter.low_pass_exponent = config.low_pass_exponent.value_or(filter.low_pass_exponent);
  filter.sharpening_time = config.sharpening_time.value_or(filter.sharpening_time);
  if (config.polynomial) filter.polynomial = *config.polynomial;

  constexpr double largest = 1e6;
  check_range(filter.user_exponent, 0, 2, "--user-exponent");
  check_range(filter.item_exponent, 0, 2, "--item-exponent");
  check_range(filter.sparse_weight, 0, largest, "--sparse-weight");
  check_range(filter.low_pass_weight, 0, largest, "--low-pass-weight");
  check_range(filter.low_pass_exponent, 0, 2, "--low-pass-exponent");
  check_range(filter.sharpening_time, 0, 3, "--sharpening-time");
  for (const double factor : filter.polynomial) check_range(factor, -largest, largest, "--polynomial");
  check_range(config.tolerance, 1e-5, 0.5, "--tolerance");
  if (config.max_rounds < 1) throw ConfigError("--max-rounds must be at least 1");
  const Count smaller = std::min(num_users, num_items);
  if (config.k < 1 || config.k > smaller) {
    throw ConfigError(fmt::format("--k {} must be from 1 to {}, the smaller of {} users and {} items",
                                  config.k, smaller, num_users, num_items));
  }
  if (filter.sparse_weight > 0 && (config.neighbours < 1 || config.neighbours > num_items)) {
    throw ConfigError(fmt::format("--neighbours {} must be from 1 to {}, the number of items",
                                  config.neighbours, num_items));
  }
  if (filter.sparse_weight == 0 && filter.low_pass_weight == 0 && filter.sharpening_time == 0 &&
      filter.polynomial.empty()) {
    throw ConfigError(
        "--sparse-weight, --low-pass-weight, --sharpening-time and --polynomial are all 0: nothing is left "
        "of "
        "the filter");
  }
  return filter;
}

}  // namespace pushcart
