#include "models/als/work_moves.hpp"

#include <algorithm>
#include <numeric>

namespace pushcart::als {

std::vector<Move> plan_moves(const std::vector<double>& whole, const std::vector<double>& heavy,
                             HeavyBlocks heavy_blocks) {
  constexpr double tolerated = 1.02;
  const auto ranks = whole.size();
  const double mean =
      (std::accumulate(whole.begin(), whole.end(), 0.0) + std::accumulate(heavy.begin(), heavy.end(), 0.0)) /
      static_cast<double>(ranks);
  std::vector<Move> moves;
  std::size_t to = 0;
  double room = 0;
  const auto next_room = [&] {
    while (room <= 0 && to < ranks) {
      room = mean - whole[to] - heavy[to];
      if (room <= 0) ++to;
    }
    return room > 0;
  };
  for (std::size_t from = 0; from < ranks; ++from) {
    double excess = whole[from] + heavy[from] - mean;
    if (excess <= (tolerated - 1) * mean) continue;
    double heavy_left = heavy_blocks == HeavyBlocks::anywhere ? heavy[from] : 0;
    while (excess > 0 && next_room()) {
      const double amount = std::min(excess, room);
      const double of_heavy = std::min(amount, heavy_left);
      moves.push_back({static_cast<int>(from), static_cast<int>(to), of_heavy, amount - of_heavy});
      heavy_left -= of_heavy;
      excess -= amount;
      room -= amount;
      if (room <= 0) ++to;
    }
  }
  return moves;
}

}  // namespace pushcart::als
