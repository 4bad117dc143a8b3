#include <fmt/format.h>

#include <array>
#include <cmath>

#include "pushcart/base/suggest.hpp"
#include "pushcart/models/als.hpp"

namespace pushcart {
namespace {

template <class Value>
using Named = std::pair<std::string_view, Value>;

constexpr std::array<Named<AlsPreset>, 5> presets{{{"automatic", AlsPreset::automatic},
                                                   {"rendle", AlsPreset::rendle},
                                                   {"hkv", AlsPreset::hkv},
                                                   {"alswr", AlsPreset::alswr},
                                                   {"none", AlsPreset::none}}};
constexpr std::array<Named<ValueTransform>, 2> transforms{
    {{"identity", ValueTransform::identity}, {"log1p", ValueTransform::log1p}}};

constexpr std::array<Named<AlsSolver>, 3> solvers{
    {{"auto", AlsSolver::automatic}, {"exact", AlsSolver::exact}, {"cg", AlsSolver::cg}}};
constexpr std::array<Named<AttributeFit>, 2> attribute_fits{
    {{"after", AttributeFit::after}, {"joint", AttributeFit::joint}}};
constexpr std::array<Named<GatherPrecision>, 2> precisions{
    {{"float32", GatherPrecision::float32}, {"bf16", GatherPrecision::bfloat16}}};

template <class Table>
auto value_of(const Table& table, std::string_view name, std::string_view option) {
  std::vector<std::string> known;
  for (const auto& [known_name, value] : table) {
    if (known_name == name) return value;
    known.emplace_back(known_name);
  }
  throw ConfigError(fmt::format("{} '{}' is not known; did you mean '{}'? (known: {})", option, name,
                                nearest_word(name, known), fmt::join(known, ", ")));
}

template <class Table, class Value>
std::string_view name_of(const Table& table, Value value) {
  for (const auto& [name, known] : table) {
    if (known == value) return name;
  }
  return "?";
}

void expect(bool holds, std::string_view option, std::string_view demand) {
  if (!holds) throw ConfigError(fmt::format("{} must be {}", option, demand));
}

bool at_least_zero(double value) {
  return std::isfinite(value) && value >= 0;
}

AlsObjective preset_objective(AlsPreset preset, AlsTarget target) {
  switch (preset) {
    case AlsPreset::rendle:
      return {AlsTarget::ones, 0.005, 0.008, 1, 1};
    case AlsPreset::hkv:
      return {AlsTarget::confidence, 1, 150, 0, 1};
    case AlsPreset::alswr:
      return {AlsTarget::ratings, 0, 0.08, 1, 1};
    default:
      return {target, target == AlsTarget::ratings ? 0 : 0.005, 0.01, 0, 1};
  }
}

}  // namespace

AlsPreset als_preset_of(std::string_view name) {
  return value_of(presets, name, "--preset");
}
std::string_view als_preset_name(AlsPreset preset) {
  return name_of(presets, preset);
}
ValueTransform value_transform_of(std::string_view name) {
  return value_of(transforms, name, "--transform");
}
std::string_view value_transform_name(ValueTransform transform) {
  return name_of(transforms, transform);
}

AlsSolver als_solver_of(std::string_view name) {
  return value_of(solvers, name, "--solver");
}
std::string_view als_solver_name(AlsSolver solver) {
  return name_of(solvers, solver);
}
GatherPrecision gather_precision_of(std::string_view name) {
  return value_of(precisions, name, "--gather-precision");
}
std::string_view gather_precision_name(GatherPrecision precision) {
  return name_of(precisions, precision);
}
AttributeFit attribute_fit_of(std::string_view name) {
  return value_of(attribute_fits, name, "--attribute-map");
}
std::string_view attribute_fit_name(AttributeFit fit) {
  return name_of(attribute_fits, fit);
}

double row_regularization(const AlsObjective& objective, Count row_length, Count num_others) {
  const double size = static_cast<double>(row_length) + objective.alpha0 * static_cast<double>(num_others);
  if (objective.nu == 1) return objective.lambda * size;
  return objective.lambda * std::pow(size, objective.nu);
}

AlsObjective resolve_objective(const AlsConfig& config, ValueKind value_kind) {
  AlsPreset preset = config.preset;
  if (preset == AlsPreset::automatic) {
    preset = value_kind == ValueKind::rating ? AlsPreset::alswr : AlsPreset::rendle;
  }
  AlsObjective objective = preset_objective(preset, config.target);
  objective.alpha0 = config.alpha0.value_or(objective.alpha0);
  objective.lambda = config.lambda.value_or(objective.lambda);
  objective.nu = config.nu.value_or(objective.nu);
  objective.alpha = config.alpha;

  expect(config.k >= 1 && config.k <= 16384, "--k", "between 1 and 16384");
  expect(config.sweeps >= 1, "--sweeps", "at least 1");
  expect(at_least_zero(objective.alpha0), "--alpha0", "a number >= 0");
  expect(at_least_zero(objective.lambda), "--lambda", "a number >= 0");
  expect(at_least_zero(objective.nu), "--nu", "a number >= 0");
  expect(std::isfinite(config.alpha) && config.alpha > 0, "--alpha", "a number > 0");
  expect(config.cg_tolerance >= 1e-6 && config.cg_tolerance <= 0.5, "--cg-tolerance",
         "between 1e-6 (what float can hold) and 0.5");
  expect(at_least_zero(config.tolerance), "--tolerance", "a number >= 0");
  expect(config.patience >= 0, "--patience", ">= 0");
  expect(std::isfinite(config.init_stddev) && config.init_stddev > 0, "--init-stddev", "a number > 0");
  expect(at_least_zero(config.bias_regularization), "--bias-regularization", "a number >= 0");
  expect(config.bias_passes >= 0, "--bias-passes", ">= 0");
  expect(config.batch_bytes > 0, "--batch-memory", "> 0");
  expect(config.split_length >= 1, "--split-length", "at least 1");
  expect(
      objective.lambda > 0 || objective.alpha0 > 0, "--lambda",
      "above 0 when --alpha0 is 0: users with fewer interactions than --k have no unique solution otherwise");
  if (config.attribute_map == AttributeFit::joint) {
    expect(!config.attributes.users.empty() || !config.attributes.items.empty(), "--attribute-map",
           "after, or joint with --user-attributes or --item-attributes");
    expect(objective.lambda > 0, "--lambda",
           "above 0 with --attribute-map joint: it is what pulls rows to the map");
  }
  return objective;
}

}  // namespace pushcart
