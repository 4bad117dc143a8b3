#include "models/als/half_sweep_plan.hpp"

#include <algorithm>

#include "models/als/heavy_rows.hpp"
#include "models/als/stored_rows.hpp"

namespace pushcart::als {

HalfSweepSettings half_sweep_settings(const AlsConfig& config) {
  return {config.k, config.split_length, {config.solver, config.cg_tolerance, config.gather_precision}};
}

HalfSweepSettings training_settings(const AlsConfig& config) {
  HalfSweepSettings settings = half_sweep_settings(config);
  // What rows are pulled to, where a map is learned with them, is known to who owns or borrows them alone;
  // so no training with maps shares.
  const bool has_maps = !config.attributes.users.empty() || !config.attributes.items.empty();
  if (!has_maps) settings.sharing.part = usually_shared;
  return settings;
}

RowMethod heavy_method_of(const HalfSweepSettings& settings) {
  // One for all heavy rows, by the shortest of them.
  return method_of_row(settings.solver.solver, std::max(settings.heavy_length, settings.k), settings.k);
}

namespace {

RowMethod method_of(const HalfSweepSettings& settings, Count length) {
  return length < settings.heavy_length ? method_of_row(settings.solver.solver, length, settings.k)
                                        : heavy_method_of(settings);
}

}  // namespace

double cost_of(const HalfSweepSettings& settings, Count length) {
  if (length == 0) return 0;
  return work_of_row(method_of_row(settings.solver.solver, length, settings.k), length, settings.k);
}

double start_cost_of(const HalfSweepSettings& settings, Count length) {
  return length == 0 ? 0 : work_of_start(method_of(settings, length), settings.k);
}

WorkCosts costs_of(const HalfSweepSettings& settings) {
  const double k = static_cast<double>(settings.k);
  WorkCosts costs;
  costs.row = [settings](Count length) { return cost_of(settings, length); };
  costs.start = [settings](Count length) { return start_cost_of(settings, length); };
  costs.heavy_length = settings.heavy_length;
  costs.row_bytes = stored_width(settings.solver.precision, settings.k) * Count{sizeof(float)};
  // Sums in double, and roundings to the grid, at half the speed of floats.
  if (heavy_method_of(settings) == RowMethod::gradients) {
    costs.heavy_rounds = static_cast<double>(HeavyGradients::usual_rounds);
    costs.heavy_entry = 4 * k;
    costs.heavy_block = 4 * k;
    costs.heavy_row = 20 * k;
    costs.part_bytes = HeavyGradients::usual_rounds * 2 * settings.k * Count{sizeof(double)};
  } else {
    costs.heavy_entry = k * k;
    costs.heavy_block = k * k;
    costs.heavy_row = k * k * k / 3;
    costs.part_bytes = HeavyCholesky::part_bytes(settings.k);
  }
  return costs;
}

WorkShares share_half_sweep(const Communicator& comm, const ObservedRows& observed, const Partition& fixed,
                            const HalfSweepSettings& settings, HeavyBlocks heavy_blocks) {
  return share_work(comm, observed, fixed, costs_of(settings), heavy_blocks);
}

std::vector<WorkShares> share_half_sweep_of_all(std::span<const ObservedRows> observed,
                                                const Partition& fixed, const HalfSweepSettings& settings,
                                                HeavyBlocks heavy_blocks) {
  return share_work_of_all(observed, fixed, costs_of(settings), heavy_blocks);
}

Count longest_plain_row(const WorkShares& shares) {
  Count longest = 1;
  for (Count row = 0; row < shares.num_plain_rows(); ++row) {
    if (shares.rows.is_here(row)) longest = std::max(longest, shares.rows.row_length(row));
  }
  return longest;
}

SharedRows::Offer shared_offer(const WorkShares& shares, const HalfSweepSettings& settings) {
  return offer_rows(shares, settings.sharing, [&](Count length) { return cost_of(settings, length); });
}

std::vector<char> granules_with_gradients(const SparseRows& rows, Count num_rows,
                                          const HalfSweepSettings& settings) {
  const Count granule = Partition::granule(num_rows);
  std::vector<char> result(static_cast<std::size_t>((rows.num_rows() + granule - 1) / granule), 0);
  for (Count row = 0; row < rows.num_rows(); ++row) {
    const Count length = rows.row_length(row);
    if (length == 0) continue;
    if (method_of(settings, length) == RowMethod::gradients) {
      result[static_cast<std::size_t>(row / granule)] = 1;
    }
  }
  return result;
}

Count num_start_rows(const std::vector<char>& granules, Count num_rows, Count num_own) {
  const Count granule = Partition::granule(num_rows);
  Count rows = 0;
  for (std::size_t n = 0; n < granules.size(); ++n) {
    if (granules[n]) rows += std::min(granule, num_own - static_cast<Count>(n) * granule);
  }
  return rows;
}

HalfSweepWork half_sweep_work(Count num_own_fixed_rows, Count num_rotated, Count num_gathered,
                              const HalfSweepSettings& settings) {
  const Count k = settings.k;
  const Count gram = num_own_fixed_rows * k * (k + 1);  // half of the product
  return {
      static_cast<double>(gram + num_rotated * 2 * k * k),
      static_cast<double>(num_gathered * stored_width(settings.solver.precision, k) * Count{sizeof(float)})};
}

}  // namespace pushcart::als
