#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "pushcart/models/als.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::als_settings_test {
namespace {

using test::world;
using testing::HasSubstr;

template <class Failure>
std::string failure_text(const Dataset& dataset, const AlsConfig& config) {
  PhaseLog phases;
  try {
    train_als(world(), dataset, config, {}, phases);
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "nothing was thrown";
}

TEST(AlsSettings, RefusedByTheNameOfTheOption) {
  const Dataset dataset = test::small_dataset(world(), {});
  const std::vector<std::pair<std::string, std::function<void(AlsConfig&)>>> bad{
      {"--k", [](AlsConfig& c) { c.k = 0; }},
      {"--sweeps", [](AlsConfig& c) { c.sweeps = 0; }},
      {"--lambda", [](AlsConfig& c) { c.lambda = -1; }},
      {"--lambda", [](AlsConfig& c) { c.lambda = std::numeric_limits<double>::quiet_NaN(); }},
      {"--lambda", [](AlsConfig& c) { c.lambda = 0, c.alpha0 = 0; }},
      {"--alpha0", [](AlsConfig& c) { c.alpha0 = -0.1; }},
      {"--nu", [](AlsConfig& c) { c.nu = -1; }},
      {"--alpha", [](AlsConfig& c) { c.alpha = 0; }},
      {"--cg-tolerance", [](AlsConfig& c) { c.cg_tolerance = 1e-7; }},
      {"--cg-tolerance", [](AlsConfig& c) { c.cg_tolerance = 1; }},
      {"--tolerance", [](AlsConfig& c) { c.tolerance = -1; }},
      {"--patience", [](AlsConfig& c) { c.patience = -1; }},
      {"--attribute-map", [](AlsConfig& c) { c.attribute_map = AttributeFit::joint; }},
      {"--lambda",
       [](AlsConfig& c) {
         c.attribute_map = AttributeFit::joint;
         c.attributes.items = {"genres"};
         c.lambda = 0;
       }},
      {"--event-weight",
       [](AlsConfig& c) {
         c.event_weights = {{"vent", 1.0}};
       }},
      {"--event-weight", [](AlsConfig& c) {
         c.event_weights = {{"event", -1.0}};
       }}};
  for (const auto& [option, spoil] : bad) {
    AlsConfig config;
    config.k = 4;
    config.sweeps = 1;
    spoil(config);
    EXPECT_THAT(failure_text<ConfigError>(dataset, config),
                testing::AnyOf(HasSubstr(option + " "), HasSubstr(option + ":")));
  }
}

TEST(AlsSettings, NamesAreKnownBothWays) {
  for (AlsPreset preset :
       {AlsPreset::automatic, AlsPreset::rendle, AlsPreset::hkv, AlsPreset::alswr, AlsPreset::none}) {
    EXPECT_EQ(als_preset_of(als_preset_name(preset)), preset);
  }
  for (ValueTransform transform : {ValueTransform::identity, ValueTransform::log1p}) {
    EXPECT_EQ(value_transform_of(value_transform_name(transform)), transform);
  }
  for (AlsSolver solver : {AlsSolver::automatic, AlsSolver::exact, AlsSolver::cg})
    EXPECT_EQ(als_solver_of(als_solver_name(solver)), solver);
  for (GatherPrecision precision : {GatherPrecision::float32, GatherPrecision::bfloat16})
    EXPECT_EQ(gather_precision_of(gather_precision_name(precision)), precision);
  for (AttributeFit fit : {AttributeFit::after, AttributeFit::joint})
    EXPECT_EQ(attribute_fit_of(attribute_fit_name(fit)), fit);
  EXPECT_THROW(attribute_fit_of("jointly"), ConfigError);
  EXPECT_THROW(als_solver_of("cgs"), ConfigError);
  EXPECT_THROW(gather_precision_of("fp16"), ConfigError);
  EXPECT_THROW(als_preset_of("rendel"), ConfigError);
  EXPECT_THROW(value_transform_of("log"), ConfigError);
}

TEST(AlsSettings, PresetsFillWhatIsNotGiven) {
  AlsConfig config;
  EXPECT_EQ(resolve_objective(config, ValueKind::strength).target, AlsTarget::ones);
  EXPECT_EQ(resolve_objective(config, ValueKind::rating).target, AlsTarget::ratings);
  config.preset = AlsPreset::hkv;
  config.lambda = 7;
  const AlsObjective hkv = resolve_objective(config, ValueKind::strength);
  EXPECT_EQ(hkv.target, AlsTarget::confidence);
  EXPECT_EQ(hkv.alpha, 40);
  EXPECT_EQ(hkv.alpha0, 1);
  EXPECT_EQ(hkv.nu, 0);
  EXPECT_EQ(hkv.lambda, 7);
}

TEST(AlsSettings, ValuesThatTheTargetCannotUseNameTheUser) {
  AlsConfig config;
  config.preset = AlsPreset::hkv;
  config.k = 2;
  const std::vector<Interaction> pairs{{0, 0, 0, 1}, {1, 1, 0, 2}, {2, 1, 0, -3}};
  EXPECT_THAT(failure_text<Error>(test::dataset_of(world(), 3, 2, pairs), config), HasSubstr("'u2'"));
}

}  // namespace
}  // namespace pushcart::als_settings_test
