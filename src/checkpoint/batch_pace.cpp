#include "pushcart/checkpoint/batch_pace.hpp"

#include <algorithm>

namespace pushcart {

BatchPace::BatchPace(Count fixed_rows, Count first_rows)
    : is_fixed_(fixed_rows > 0), rows_(std::max<Count>(1, is_fixed_ ? fixed_rows : first_rows)) {}

void BatchPace::end(const Communicator& comm) {
  if (is_fixed_) return;
  constexpr double wanted_seconds = 20, most_growth = 64;
  const double mine = std::chrono::duration<double>(Clock::now() - start_).count();
  const double seconds = std::max(1e-3, comm.allreduce(mine, Reduce::max));
  const double factor = std::clamp(wanted_seconds / seconds, 1 / most_growth, most_growth);
  constexpr double most_rows = 1e15;
  rows_ = static_cast<Count>(std::clamp(factor * static_cast<double>(rows_), 1.0, most_rows));
}

}  // namespace pushcart
