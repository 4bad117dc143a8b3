#include "models/als/lent_rows.hpp"

#include <algorithm>
#include <numeric>

namespace pushcart::als {

LentRows::LentRows(const Communicator& comm, const WorkShares& shares, Count k)
    : comm_(comm),
      shares_(shares),
      k_(k),
      here_(static_cast<std::size_t>(shares.num_lent_here * k)),
      away_(shares.lent_rows.size() * static_cast<std::size_t>(k)),
      outcomes_(static_cast<std::size_t>(shares.num_lent_here)) {}

Count LentRows::memory_bytes(const WorkShares& shares, Count k) {
  const Count rows = shares.num_lent_here + static_cast<Count>(shares.lent_rows.size());
  return rows * (k * Count{sizeof(float)} + Count{sizeof(RowOutcome)});
}

template <class T>
void LentRows::send(std::span<const T> values, std::span<T> arriving, const std::vector<Count>& to,
                    const std::vector<Count>& from, Count width) {
  const auto times_width = [&](std::vector<Count> counts) {
    for (Count& count : counts) count *= width;
    return counts;
  };
  const std::vector<Count> send_counts = times_width(to), receive_counts = times_width(from);
  comm_.alltoallv_into(values, std::span<const Count>(send_counts), arriving,
                       std::span<const Count>(receive_counts));
  counted_.sent_bytes += std::accumulate(send_counts.begin(), send_counts.end(), Count{0}) * Count{sizeof(T)};
  counted_.received_bytes +=
      std::accumulate(receive_counts.begin(), receive_counts.end(), Count{0}) * Count{sizeof(T)};
}

void LentRows::take(const FactorTable& solved) {
  if (!any()) return;
  for (std::size_t n = 0; n < shares_.lent_rows.size(); ++n) {
    std::ranges::copy(solved.row(shares_.lent_rows[n]), away_.begin() + static_cast<Count>(n) * k_);
  }
  send(std::span<const float>(away_), std::span(here_), shares_.lent_away, shares_.lent_here, k_);
}

void LentRows::give_back(FactorTable& solved, std::span<RowOutcome> outcomes) {
  if (!any()) return;
  send(std::span<const float>(here_), std::span(away_), shares_.lent_here, shares_.lent_away, k_);
  std::vector<RowOutcome> arriving(shares_.lent_rows.size());
  send(std::span<const RowOutcome>(outcomes_), std::span(arriving), shares_.lent_here, shares_.lent_away, 1);
  for (std::size_t n = 0; n < shares_.lent_rows.size(); ++n) {
    const Count row = shares_.lent_rows[n];
    std::copy_n(away_.begin() + static_cast<Count>(n) * k_, k_, solved.row(row).begin());
    outcomes[static_cast<std::size_t>(row)] = arriving[n];
  }
}

Traffic LentRows::planned(const WorkShares& shares, Count k) {
  const Count row_bytes = k * Count{sizeof(float)}, outcome_bytes = sizeof(RowOutcome);
  const Count here = shares.num_lent_here, away = static_cast<Count>(shares.lent_rows.size());
  return {here * row_bytes + away * (row_bytes + outcome_bytes),
          away * row_bytes + here * (row_bytes + outcome_bytes)};
}

}  // namespace pushcart::als
