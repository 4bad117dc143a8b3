#include "models/als/heavy_gradients.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "pushcart/base/parallel.hpp"

namespace pushcart::als {
namespace {

constexpr int max_steps = 100;
/// Directions and sums of a group take about this much on a rank.
constexpr Count group_bytes_at_most = Count{1} << 26;

Count gradient_rows_in_group(Count k) {
  return std::clamp<Count>(group_bytes_at_most / (12 * k * Count{sizeof(double)}), 1, Count{1} << 16);
}

double dot_in_order(std::span<const double> a, std::span<const double> b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

}  // namespace

/// One owned row's iteration: (D + Z'WZ) x = b.
struct HeavyGradients::Iteration {
  const WorkShares::HeavyRow* row = nullptr;
  std::vector<double> inverse;               // D^-1
  std::vector<double> x, direction;          // x_0 is the first direction
  std::vector<double> right_side, products;  // Z'Wt; Z'WZ x
  std::vector<double> pull;                  // b - Z'Wt; empty = 0
  std::vector<double> residual, scaled;      // b - (D + Z'WZ) x; D^-1 times it
  double squares = 0, goal = 0;              // residual . D^-1 residual, and where to stop
  int steps = 0;
  bool is_active = true, has_failed = false;

  /// From sums Z'Wt and Z'WZ x of the x given.
  void begin(std::span<const double> sums, double tolerance) {
    const std::size_t k = x.size();
    right_side.assign(sums.begin(), sums.begin() + static_cast<std::ptrdiff_t>(k));
    products.assign(sums.begin() + static_cast<std::ptrdiff_t>(k), sums.end());
    residual.resize(k);
    scaled.resize(k);
    double whole = 0;
    for (std::size_t c = 0; c < k; ++c) {
      const double b = pull.empty() ? right_side[c] : right_side[c] + pull[c];
      residual[c] = b - products[c] - x[c] / inverse[c];
      whole += b * inverse[c] * b;
    }
    goal = tolerance * tolerance * whole;
    precondition();
    direction = scaled;
    check();
  }

  /// From the sums Z'WZ p.
  void step(std::span<const double> sums) {
    const std::size_t k = x.size();
    double curvature = 0;
    for (std::size_t c = 0; c < k; ++c) curvature += direction[c] * (sums[c] + direction[c] / inverse[c]);
    const double length = squares / curvature, before = squares;
    for (std::size_t c = 0; c < k; ++c) {
      x[c] += length * direction[c];
      products[c] += length * sums[c];
      residual[c] -= length * (sums[c] + direction[c] / inverse[c]);
    }
    precondition();
    for (std::size_t c = 0; c < k; ++c) direction[c] = scaled[c] + squares / before * direction[c];
    ++steps;
    check();
  }

  /// sum of w (z.x - t)^2 at the x reached.
  double observed() const {
    return std::max(0.0, row->target_squares - 2 * dot_in_order(x, right_side) + dot_in_order(x, products));
  }

 private:
  void precondition() {
    for (std::size_t c = 0; c < x.size(); ++c) scaled[c] = inverse[c] * residual[c];
    squares = dot_in_order(residual, scaled);
  }
  void check() {
    const bool is_finite = std::isfinite(squares) && std::isfinite(row->target_squares);
    has_failed = !is_finite || (squares > goal && steps == max_steps);
    is_active = !has_failed && squares > goal;
  }
};

HeavyGradients::HeavyGradients(const Communicator& comm, const WorkShares& shares, const WorkCosts& costs,
                               double tolerance, Count k)
    : comm_(comm),
      shares_(shares),
      costs_(costs),
      tolerance_(tolerance),
      k_(k),
      locks_(static_cast<std::size_t>(shares.num_heavy > 0 ? gradient_rows_in_group(k) : 0)) {}

Count HeavyGradients::memory_bytes(const WorkShares& shares, Count k) {
  const auto parts = std::min(gradient_rows_in_group(k), static_cast<Count>(shares.parts.size()));
  const auto rows = std::min(gradient_rows_in_group(k), static_cast<Count>(shares.heavy_rows.size()));
  return (6 * parts + 11 * rows) * k * Count{sizeof(double)};
}

Count HeavyGradients::expected_bytes(const WorkShares& shares, int rank, Count k) {
  Count vectors = 0;
  for (const WorkShares::Part& part : shares.parts) vectors += part.owner == rank ? 0 : usual_rounds;
  for (const WorkShares::HeavyRow& row : shares.heavy_rows) {
    vectors += static_cast<Count>(row.contributors.size()) * (usual_rounds + 1);  // the first sends two
  }
  return vectors * k * Count{sizeof(double)};
}

std::vector<char> HeavyGradients::run(const FixedSide& fixed, const HeavyCallbacks& callbacks,
                                      FactorTable& solved) {
  threads_.resize(static_cast<std::size_t>(omp_get_max_threads()));
  std::vector<char> left(static_cast<std::size_t>(shares_.num_heavy), 0);
  Group group;
  while (group.last < shares_.num_heavy) {
    group = group_from(group.last, group);
    solve_group(group, fixed, callbacks, solved, left);
  }
  for (Scratchpad& thread : threads_) {
    counted_work_ += thread.work;
    thread.work = 0;
  }
  comm_.allreduce(std::span(reinterpret_cast<std::uint8_t*>(left.data()), left.size()), Reduce::max);
  if (std::ranges::none_of(left, [](char is_left) { return is_left != 0; })) left.clear();
  return left;
}

HeavyGradients::Group HeavyGradients::group_from(Count first, const Group& before) const {
  Group group;
  group.first = first;
  group.last = std::min(first + gradient_rows_in_group(k_), shares_.num_heavy);
  group.first_part = group.last_part = before.last_part;
  group.first_row = group.last_row = before.last_row;
  while (group.last_part < shares_.parts.size() && shares_.parts[group.last_part].heavy < group.last)
    ++group.last_part;
  while (group.last_row < shares_.heavy_rows.size() && shares_.heavy_rows[group.last_row].heavy < group.last)
    ++group.last_row;
  group.directions.resize((group.last_part - group.first_part) * static_cast<std::size_t>(k_));
  return group;
}

void HeavyGradients::solve_group(Group& group, const FixedSide& fixed, const HeavyCallbacks& callbacks,
                                 FactorTable& solved, std::vector<char>& left) {
  std::vector<Iteration> rows(group.last_row - group.first_row);
  for (std::size_t n = 0; n < rows.size(); ++n) {
    Iteration& row = rows[n];
    row.row = &shares_.heavy_rows[group.first_row + n];
    const auto start = solved.row(row.row->row);
    const double rho = callbacks.regularization(row.row->row);
    for (const double value : fixed.eigenvalues) row.inverse.push_back(1.0 / (fixed.alpha0 * value + rho));
    if (callbacks.pull) row.pull = callbacks.pull(row.row->row);
    row.x.assign(start.begin(), start.end());
    row.direction = row.x;
  }
  for (Round round = Round::first; any_active(group, rows); round = Round::step) {
    send_directions(group, rows);
    sum_parts(group, round, fixed, callbacks);
    collect_sums(group, round, rows);
  }
  for (Iteration& row : rows) {
    if (row.has_failed) {
      left[static_cast<std::size_t>(row.row->heavy)] = 1;
      continue;
    }
    std::ranges::transform(row.x, solved.row(row.row->row).begin(),
                           [](double v) { return static_cast<float>(v); });
    callbacks.finish(row.row->row, Solved::yes, row.observed());
  }
}

bool HeavyGradients::any_active(Group& group, const std::vector<Iteration>& rows) const {
  group.active.assign(static_cast<std::size_t>(group.last - group.first), 0);
  for (const Iteration& row : rows) {
    group.active[static_cast<std::size_t>(row.row->heavy - group.first)] = row.is_active ? 1 : 0;
  }
  comm_.allreduce(std::span(group.active), Reduce::max);
  return std::ranges::any_of(group.active, [](std::uint8_t active) { return active != 0; });
}

void HeavyGradients::exchange(std::span<const double> send, std::span<const Count> send_counts,
                              std::span<double> receive, std::span<const Count> receive_counts) {
  comm_.alltoallv_into(send, send_counts, receive, receive_counts);
  const auto own = static_cast<std::size_t>(comm_.rank());
  counted_.sent_bytes += static_cast<Count>(send.size_bytes()) - send_counts[own] * Count{sizeof(double)};
  counted_.received_bytes +=
      static_cast<Count>(receive.size_bytes()) - receive_counts[own] * Count{sizeof(double)};
}

/// To each rank the directions of the active rows that it has parts of, by ascending row.
void HeavyGradients::send_directions(Group& group, const std::vector<Iteration>& rows) {
  const auto ranks = static_cast<std::size_t>(comm_.size());
  std::vector<double> send;
  std::vector<Count> send_counts(ranks, 0), receive_counts(ranks, 0);
  for (int to = 0; to < comm_.size(); ++to) {
    for (const Iteration& row : rows) {
      if (!row.is_active || !row.row->has_part(to, comm_.rank())) continue;
      send.insert(send.end(), row.direction.begin(), row.direction.end());
      send_counts[static_cast<std::size_t>(to)] += k_;
    }
  }
  std::vector<double> receive;
  std::vector<std::size_t> parts;  // active ones, by owner, then row: owners own ascending rows
  for (std::size_t part = group.first_part; part < group.last_part; ++part) {
    if (!group.is_active(shares_.parts[part].heavy)) continue;
    parts.push_back(part);
    receive_counts[static_cast<std::size_t>(shares_.parts[part].owner)] += k_;
  }
  receive.resize(parts.size() * static_cast<std::size_t>(k_));
  exchange(send, send_counts, receive, receive_counts);
  for (std::size_t n = 0; n < parts.size(); ++n) {
    std::copy_n(receive.begin() + static_cast<Count>(n) * k_, k_,
                group.directions.begin() + static_cast<Count>(parts[n] - group.first_part) * k_);
  }
}

void HeavyGradients::sum_parts(Group& group, Round round, const FixedSide& fixed,
                               const HeavyCallbacks& callbacks) {
  const Count width = round == Round::first ? 2 * k_ : k_;
  group.sums.assign((group.last_part - group.first_part) * static_cast<std::size_t>(width), 0.0);
  const auto tasks = heavy_tasks(shares_, group.first_part, group.last_part, [&](std::size_t part) {
    return group.is_active(shares_.parts[part].heavy);
  });
  parallel_for(static_cast<Count>(tasks.size()), [&](Count n) {
    const int thread = omp_get_thread_num();
    sum_task(tasks[static_cast<std::size_t>(n)], round, fixed, callbacks, group,
             threads_[static_cast<std::size_t>(thread)]);
    if (thread == 0) callbacks.progress();
  });
}

void HeavyGradients::sum_task(const HeavyTask& task, Round round, const FixedSide& fixed,
                              const HeavyCallbacks& callbacks, Group& group, Scratchpad& mine) {
  const WorkShares::Part& part = shares_.parts[task.part];
  const auto k = static_cast<std::size_t>(k_), slot = task.part - group.first_part;
  const auto granule = static_cast<std::size_t>(Partition::granule(shares_.rows.num_columns()));
  const double* const direction = group.directions.data() + static_cast<Count>(slot) * k_;
  const bool is_first = round == Round::first;
  mine.row.resize(k);
  mine.weights.resize(granule);
  mine.targets.resize(granule);
  mine.sums.assign(is_first ? 2 * k : k, 0.0);
  // |sum of w (z.p) z_c| <= sum of w |z|^2 |p|.
  const double norm = std::sqrt(dot_in_order({direction, k}, {direction, k}));
  const SumGrid grid = grid_within(part.bounds.weights * fixed.largest_norm * norm);
  const SumGrid right_grid = grid_within(part.bounds.targets * std::sqrt(fixed.largest_norm));
  const Count first = shares_.rows.begin(part.row);
  for_each_block(shares_, task, [&](Count begin, Count end) {
    callbacks.observe(first + begin, end - begin, mine.weights.data(), mine.targets.data());
    mine.products.assign(k, 0);
    mine.right_side.assign(k, 0);
    for (Count n = 0; n < end - begin; ++n) {
      const float* const z =
          floats_of(fixed.rows[fixed.positions[static_cast<std::size_t>(first + begin + n)]], fixed.precision,
                    mine.row);
      const double weight = static_cast<double>(mine.weights[static_cast<std::size_t>(n)]);
      add_scaled(weight * dot_wide(z, direction, k_), z, mine.products.data(), k_);
      if (is_first) {
        add_scaled(weight * static_cast<double>(mine.targets[static_cast<std::size_t>(n)]), z,
                   mine.right_side.data(), k_);
      }
    }
    mine.work += costs_.heavy_block + costs_.heavy_entry * static_cast<double>(end - begin);
    double* to = mine.sums.data();
    if (is_first) {
      for (const double value : mine.right_side) *to++ += right_grid.round(value);
    }
    for (const double value : mine.products) *to++ += grid.round(value);
  });
  const std::lock_guard lock(locks_[slot]);
  double* to = group.sums.data() + slot * mine.sums.size();
  for (const double value : mine.sums) *to++ += value;
}

void HeavyGradients::collect_sums(Group& group, Round round, std::vector<Iteration>& rows) {
  const auto ranks = static_cast<std::size_t>(comm_.size());
  const Count width = round == Round::first ? 2 * k_ : k_;
  const Count direction_bytes = k_ * Count{sizeof(double)}, sum_bytes = width * Count{sizeof(double)};
  std::vector<Count> send_counts(ranks, 0), receive_counts(ranks, 0);
  std::vector<double> send;
  for (std::size_t part = group.first_part; part < group.last_part; ++part) {
    const WorkShares::Part& here = shares_.parts[part];
    if (!group.is_active(here.heavy)) continue;
    send_counts[static_cast<std::size_t>(here.owner)] += width;
    const auto sums = group.sums.begin() + static_cast<Count>(part - group.first_part) * width;
    send.insert(send.end(), sums, sums + width);
    if (here.owner == comm_.rank()) continue;
    planned_.received_bytes += direction_bytes;
    planned_.sent_bytes += sum_bytes;
  }
  Count total = 0;
  for (int from = 0; from < comm_.size(); ++from) {
    for (const Iteration& row : rows) {
      if (!row.is_active || !row.row->has_part(from, comm_.rank())) continue;
      receive_counts[static_cast<std::size_t>(from)] += width;
      total += width;
      if (from == comm_.rank()) continue;
      planned_.received_bytes += sum_bytes;
      planned_.sent_bytes += direction_bytes;
    }
  }
  std::vector<double> receive(static_cast<std::size_t>(total));
  exchange(send, send_counts, receive, receive_counts);
  // Exact in any order.
  std::vector<std::vector<double>> sums(rows.size());
  auto next = receive.cbegin();
  for (int from = 0; from < comm_.size(); ++from) {
    for (std::size_t n = 0; n < rows.size(); ++n) {
      if (!rows[n].is_active || !rows[n].row->has_part(from, comm_.rank())) continue;
      sums[n].resize(static_cast<std::size_t>(width));
      for (double& sum : sums[n]) sum += *next++;
    }
  }
  for (std::size_t n = 0; n < rows.size(); ++n) {
    if (!rows[n].is_active) continue;
    counted_work_ += costs_.heavy_row;
    if (round == Round::first) {
      rows[n].begin(sums[n], tolerance_);
    } else {
      rows[n].step(sums[n]);
    }
  }
}

}  // namespace pushcart::als
