#include "models/als/lent_rows.hpp"

#include <algorithm>
#include <numeric>

namespace pushcart::als {
namespace {

/// Of what lies rank by rank, so many rows each: in pieces of at most this, which one message holds.
constexpr Count message_bytes = Count{1} << 26;

template <class T, class Use>
void for_each_message(std::span<T> values, const std::vector<Count>& rows, Count width, Use&& use) {
  constexpr auto most = static_cast<std::size_t>(message_bytes) / sizeof(T);
  for (std::size_t rank = 0; rank < rows.size(); ++rank) {
    std::span<T> rest = values.first(static_cast<std::size_t>(rows[rank] * width));
    values = values.subspan(rest.size());
    while (!rest.empty()) {
      const std::size_t size = std::min(most, rest.size());
      use(rest.first(size), static_cast<int>(rank));
      rest = rest.subspan(size);
    }
  }
}

}  // namespace

LentRows::LentRows(const Communicator& comm, const WorkShares& shares, Count k)
    : comm_(comm.duplicate()),
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
void LentRows::start_sends(std::span<const T> values, const std::vector<Count>& rows, Count width) {
  for_each_message(values, rows, width, [&](std::span<const T> message, int to) {
    sends_.push_back(comm_.start_send(message, to));
    counted_.sent_bytes += static_cast<Count>(message.size_bytes());
  });
}

template <class T>
void LentRows::receive(std::span<T> values, const std::vector<Count>& rows, Count width) {
  std::vector<Request> receives;
  for_each_message(values, rows, width, [&](std::span<T> message, int from) {
    receives.push_back(comm_.start_receive(message, from));
    counted_.received_bytes += static_cast<Count>(message.size_bytes());
  });
  for (Request& request : receives) request.wait();
}

void LentRows::await_sends() {
  for (Request& request : sends_) request.wait();
  sends_.clear();
}

void LentRows::progress() {
  for (Request& request : sends_) request.test();
}

void LentRows::take(const FactorTable& solved) {
  for (std::size_t n = 0; n < shares_.lent_rows.size(); ++n) {
    std::ranges::copy(solved.row(shares_.lent_rows[n]), away_.begin() + static_cast<Count>(n) * k_);
  }
  start_sends(std::span<const float>(away_), shares_.lent_away, k_);
  receive(std::span(here_), shares_.lent_here, k_);
}

void LentRows::give_back(FactorTable& solved, std::span<RowOutcome> outcomes) {
  await_sends();
  start_sends(std::span<const float>(here_), shares_.lent_here, k_);
  start_sends(std::span<const RowOutcome>(outcomes_), shares_.lent_here, 1);
  receive(std::span(away_), shares_.lent_away, k_);
  std::vector<RowOutcome> arriving(shares_.lent_rows.size());
  receive(std::span(arriving), shares_.lent_away, 1);
  await_sends();
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
