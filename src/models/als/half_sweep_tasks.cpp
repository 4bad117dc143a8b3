// HalfSweep: how the rows of a batch become tasks for the threads.
#include <algorithm>
#include <numeric>

#include "models/als/half_sweep.hpp"

namespace pushcart::als {

/// Those of a batch before the parts of heavy rows, which come last.
std::span<const RowPiece> HalfSweep::plain_pieces(Count batch) const {
  const auto pieces = exchange_.pieces(batch);
  const auto end = std::partition_point(pieces.begin(), pieces.end(), [&](const RowPiece& piece) {
    return piece.row < shares_.num_plain_rows();
  });
  return pieces.first(static_cast<std::size_t>(end - pieces.begin()));
}

HalfSweep::Schedule HalfSweep::schedule(std::span<const RowPiece> pieces,
                                        std::span<const char> is_shared) const {
  constexpr double task_cost = 4e6;  // multiply-adds: some tenths of a millisecond
  Schedule result;
  for (std::size_t n = 0; n < pieces.size(); ++n) {
    const Count row = pieces[n].row;
    const bool is_offered = !is_shared.empty() && shares_.rows.is_own(row);
    if (!is_offered || !is_shared[static_cast<std::size_t>(row)])
      result.order.push_back(static_cast<std::int32_t>(n));
  }
  std::stable_sort(result.order.begin(), result.order.end(), [&](std::int32_t a, std::int32_t b) {
    const RowPiece &left = pieces[static_cast<std::size_t>(a)], &right = pieces[static_cast<std::size_t>(b)];
    return left.end - left.begin > right.end - right.begin;
  });
  double room = 0;
  for (std::size_t n = 0; n < result.order.size(); ++n) {
    if (room <= 0) {
      result.task_begin.push_back(static_cast<std::int32_t>(n));
      room = task_cost;
    }
    const RowPiece& piece = pieces[static_cast<std::size_t>(result.order[n])];
    room -= cost_of(settings_, piece.end - piece.begin);
  }
  result.task_begin.push_back(static_cast<std::int32_t>(result.order.size()));
  return result;
}

Count HalfSweep::num_tasks(Count batch) const {
  return static_cast<Count>(schedules_[static_cast<std::size_t>(batch)].task_begin.size()) - 1;
}

Count HalfSweep::num_tasks() const {
  Count sum = 0;
  for (Count batch = 0; batch < exchange_.num_batches(); ++batch) sum += num_tasks(batch);
  return sum;
}

}  // namespace pushcart::als
