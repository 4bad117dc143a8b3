#include "pushcart/eval/evaluate.hpp"

#include <fmt/core.h>
#include <omp.h>

#include <algorithm>

#include "eval/bootstrap.hpp"
#include "eval/cold_items.hpp"
#include "eval/evaluation.hpp"
#include "eval/metric_table.hpp"
#include "eval/surprise.hpp"

namespace pushcart {

Candidates candidates_of(std::string_view name) {
  if (name == "all") return Candidates::all;
  if (name == "cold") return Candidates::cold;
  throw ConfigError(fmt::format("'{}' is neither all nor cold", name));
}

std::string_view candidates_name(Candidates candidates) {
  return candidates == Candidates::all ? "all" : "cold";
}

EvaluationReport evaluate(const Communicator& comm, const Model& model, const Model& baseline,
                          const Dataset& dataset, const HeldOut& held_out, const EvaluateConfig& config,
                          PhaseLog& phases) {
  if (config.among == Candidates::all) {
    return detail::measure(comm, model, baseline, dataset, held_out, config, phases);
  }
  Count num_warm = 0;
  const HeldOut cold =
      detail::of_cold_items(comm, dataset.items, detail::cold_items(dataset, config), held_out, num_warm);
  if (comm.sum(cold.by_user.num_entries()) == 0) {
    throw InputError(fmt::format(
        "--among cold: all {} held-out pairs are of items that the training data know; hold out whole items "
        "(train --hold-out items)",
        num_warm));
  }
  EvaluationReport report = detail::measure(comm, model, baseline, dataset, cold, config, phases);
  report.among = config.among;
  report.num_warm_items = num_warm;
  return report;
}

void plan_evaluation(MemoryPlan& plan, const EvaluateConfig& config, Count users, Count items,
                     Count all_items) {
  constexpr Count number = sizeof(double), entry_bytes = sizeof(Count) + sizeof(float) + 1;
  const Count batch = std::min(users, config.batch_users), threads = omp_get_max_threads();
  const Count n = config.at.empty() ? 0 : *std::max_element(config.at.begin(), config.at.end());
  const auto lengths = static_cast<Count>(config.at.size());
  const std::size_t num_sides = config.category_attribute.empty() ? 2 : 3;
  const auto width =
      static_cast<Count>(detail::Columns(config.at.size(), num_sides, detail::Overlaps::measured).width());
  plan.add("metrics by user, and as the bootstrap rounds them", 2 * users * width * number);
  plan.add("replicates of the bootstrap",
           config.replicates * (width * (threads + 1) + threads * detail::bootstrap_tile_users) * number);
  const auto sides = static_cast<Count>(num_sides);
  plan.add("lists of model and baselines", sides * batch * std::min(n, items) * entry_bytes);
  const auto segments = static_cast<Count>(config.segment_bounds.size()) + 1;
  plan.add("how often items are shown", sides * lengths * segments * items * Count{sizeof(Count)});
  plan.add("how many have the items listed",
           detail::Surprise::memory_bytes(items, std::min(all_items, batch * std::min(n, all_items))));
}

}  // namespace pushcart
