#include "models/als/training_data.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "pushcart/base/dump_json.hpp"
#include "pushcart/base/parallel.hpp"
#include "pushcart/base/random.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::als {

std::vector<float> transformed_values(const SparseRows& rows, ValueTransform transform) {
  if (transform == ValueTransform::identity) return {};
  std::vector<float> values(rows.values.size());
  std::transform(rows.values.begin(), rows.values.end(), values.begin(),
                 [](float value) { return static_cast<float>(std::log1p(static_cast<double>(value))); });
  return values;
}

void check_values(const Communicator& comm, const Dataset& dataset, const SparseRows& by_user,
                  std::span<const float> values, AlsTarget target) {
  collectively(comm, "checking the interactions", [&] {
    const auto bad = std::find_if_not(values.begin(), values.end(), [&](float value) {
      return std::isfinite(value) && (target != AlsTarget::confidence || value > 0);
    });
    if (bad == values.end()) return;
    const auto row = std::upper_bound(by_user.offsets.begin(), by_user.offsets.end(), bad - values.begin()) -
                     by_user.offsets.begin() - 1;
    throw InputError(
        fmt::format("user '{}' has an interaction of value {}, which ALS cannot use ({}); ingest again or "
                    "choose another --preset or --transform",
                    dataset.user_ids[row], *bad,
                    target == AlsTarget::confidence ? "strengths must be above 0" : "not finite"));
  });
}

void start_factors(FactorTable& table, const StringTable& ids, std::uint64_t seed, double stddev) {
  const double scale = stddev / std::sqrt(static_cast<double>(table.num_columns));
  constexpr Count rows_a_task = 64;
  const Count num_rows = table.rows.size();
  parallel_for((num_rows + rows_a_task - 1) / rows_a_task, [&](Count task) {
    for (Count row = task * rows_a_task; row < std::min((task + 1) * rows_a_task, num_rows); ++row) {
      const RandomStream random(seed, hash_text(ids[row]));
      std::uint64_t column = 0;
      for (float& value : table.row(row)) value = static_cast<float>(scale * random.normal(column++));
    }
  });
}

void start_from(const FactorTable& before, FactorTable& table) {
  PUSHCART_CHECK(before.rows == table.rows && before.num_columns == table.num_columns);
  for (Count row = 0; row < table.rows.size(); ++row) {
    const auto known = before.row(row);
    if (std::any_of(known.begin(), known.end(), [](float value) { return value != 0; })) {
      std::copy(known.begin(), known.end(), table.row(row).begin());
    }
  }
}

std::string settings_text(const AlsConfig& config, const AlsObjective& objective) {
  constexpr const char* targets[] = {"ones", "confidence", "ratings"};
  nlohmann::json settings = {{"family", "als"},
                             {"k", config.k},
                             {"preset", als_preset_name(config.preset)},
                             {"target", targets[static_cast<int>(objective.target)]},
                             {"alpha0", objective.alpha0},
                             {"lambda", objective.lambda},
                             {"nu", objective.nu},
                             {"transform", value_transform_name(config.transform)},
                             {"event_weights", config.event_weights},
                             {"init_stddev", config.init_stddev},
                             {"solver", als_solver_name(config.solver)},
                             {"cg_tolerance", config.cg_tolerance},
                             {"gather_precision", gather_precision_name(config.gather_precision)},
                             {"sweeps", config.sweeps},
                             {"seed", config.seed},
                             {"tolerance", config.tolerance},
                             {"patience", config.patience},
                             {"split_length", config.split_length}};
  if (!config.attributes.users.empty() || !config.attributes.items.empty()) {
    settings["user_attributes"] = config.attributes.users;
    settings["item_attributes"] = config.attributes.items;
    settings["tag_separator"] = config.attributes.separator;
    settings["attribute_ridge"] = config.attributes.ridge;
    settings["attribute_map"] = attribute_fit_name(config.attribute_map);
  }
  if (config.start != nullptr) settings["warm_start"] = config.start->digest;
  if (objective.target == AlsTarget::confidence) settings["alpha"] = objective.alpha;
  if (objective.target == AlsTarget::ratings) {
    settings["bias_regularization"] = config.bias_regularization;
    settings["bias_passes"] = config.bias_passes;
  }
  return dump_json(settings);
}

}  // namespace pushcart::als
