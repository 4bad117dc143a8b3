#include "models/als/heavy_parts.hpp"

#include <algorithm>
#include <cmath>

namespace pushcart::als {

std::vector<HeavyTask> heavy_tasks(const WorkShares& shares, std::size_t first_part, std::size_t last_part,
                                   const std::function<bool(std::size_t part)>& wanted) {
  constexpr Count task_entries = 1024;
  std::vector<HeavyTask> tasks;
  for (std::size_t part = first_part; part < last_part; ++part) {
    if (!wanted(part)) continue;
    HeavyTask task{part, 0, 0};
    const HeavyTask all{part, 0, shares.rows.row_length(shares.parts[part].row)};
    for_each_block(shares, all, [&](Count, Count end) {
      task.end = end;
      if (task.end - task.begin < task_entries) return;
      tasks.push_back(task);
      task.begin = end;
    });
    if (task.end > task.begin) tasks.push_back(task);
  }
  return tasks;
}

SumGrid grid_within(double reach) {
  const double with_room = 1.01 * reach;
  return SumGrid(std::isfinite(with_room) ? with_room : 0.0, 1);
}

double largest_squared_norm(const Communicator& comm, const FactorTable& table) {
  double largest = 0;
  for (Count row = 0; row < table.rows.size(); ++row) {
    double sum = 0;
    for (const float value : table.row(row)) sum += static_cast<double>(value) * static_cast<double>(value);
    largest = std::max(largest, sum);
  }
  return comm.allreduce(largest, Reduce::max);
}

}  // namespace pushcart::als
