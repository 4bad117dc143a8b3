#include "models/als/heavy_cholesky.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>

#include "pushcart/base/parallel.hpp"

namespace pushcart::als {
namespace {

/// Sums of the parts of two groups take about this much on a rank.
constexpr Count sums_bytes = Count{1} << 26;
Count cholesky_rows_in_group(Count k) {
  return std::clamp<Count>(sums_bytes / (2 * HeavyCholesky::part_bytes(k)), 1, 256);
}

}  // namespace

/// One thread's memory.
struct HeavyCholesky::Scratchpad {
  Scratch<double> block;           // W^1/2 Z of the block at hand
  Scratch<double> products, sums;  // k x k, upper triangle: of the block, and of the task
  std::vector<double> right_side, right_sums;
  std::vector<float> weights, targets, row;
  double work = 0;
};

HeavyCholesky::HeavyCholesky(const Communicator& comm, const WorkShares& shares, const WorkCosts& costs,
                             Count k)
    : comm_(comm.duplicate()),
      shares_(shares),
      costs_(costs),
      k_(k),
      part_size_(part_bytes(k) / Count{sizeof(double)}),
      group_rows_(cholesky_rows_in_group(k)),
      locks_(static_cast<std::size_t>(group_rows_)) {}

Count HeavyCholesky::memory_bytes(const WorkShares& shares, Count k) {
  if (shares.num_heavy == 0) return 0;
  const auto in_groups = std::min(2 * cholesky_rows_in_group(k), static_cast<Count>(shares.parts.size()));
  const Count granule = Partition::granule(shares.rows.num_columns());
  return (in_groups + 2) * part_bytes(k) +
         omp_get_max_threads() * (granule * k + 2 * k * k) * Count{sizeof(double)};
}

Count HeavyCholesky::expected_bytes(const WorkShares& shares, Count k) {
  Count parts = 0;
  for (const WorkShares::HeavyRow& row : shares.heavy_rows)
    parts += static_cast<Count>(row.contributors.size());
  return parts * part_bytes(k);
}

void HeavyCholesky::run(const FixedSide& fixed, const HeavyCallbacks& callbacks, FactorTable& solved,
                        std::span<const char> wanted) {
  const auto is_wanted = [&](Count heavy) {
    return wanted.empty() || wanted[static_cast<std::size_t>(heavy)] != 0;
  };
  const auto part_is_wanted = [&](std::size_t part) { return is_wanted(shares_.parts[part].heavy); };
  std::vector<Scratchpad> threads(static_cast<std::size_t>(omp_get_max_threads()));
  std::size_t next_part = 0, next_row = 0;
  for (Count first = 0; first < shares_.num_heavy; first += group_rows_) {
    Group& group = groups_[first / group_rows_ % 2];
    for (Request& send : group.sends) send.wait();
    group.sends.clear();
    group.first_part = next_part;
    while (next_part < shares_.parts.size() && shares_.parts[next_part].heavy < first + group_rows_)
      ++next_part;
    group.last_part = next_part;
    group.sums.assign((group.last_part - group.first_part) * static_cast<std::size_t>(part_size_), 0.0);
    const auto tasks = heavy_tasks(shares_, group.first_part, group.last_part, part_is_wanted);
    parallel_for(static_cast<Count>(tasks.size()), [&](Count n) {
      const int thread = omp_get_thread_num();
      sum_task(tasks[static_cast<std::size_t>(n)], fixed, callbacks, group,
               threads[static_cast<std::size_t>(thread)]);
      if (thread == 0) callbacks.progress();
    });
    send_parts(group, part_is_wanted);
    for (; next_row < shares_.heavy_rows.size() && shares_.heavy_rows[next_row].heavy < first + group_rows_;
         ++next_row) {
      const WorkShares::HeavyRow& row = shares_.heavy_rows[next_row];
      if (!is_wanted(row.heavy)) continue;
      Solved outcome = Solved::no;
      const double rho = callbacks.regularization(row.row);
      const std::vector<double> pull = callbacks.pull ? callbacks.pull(row.row) : std::vector<double>{};
      const double observed = solve(row, collect(row, group), fixed, rho, pull, solved.row(row.row), outcome);
      callbacks.finish(row.row, outcome, observed);
      counted_work_ += costs_.heavy_row;
      callbacks.progress();
    }
  }
  for (const Scratchpad& thread : threads) counted_work_ += thread.work;
  for (Group& group : groups_) {
    for (Request& send : group.sends) send.wait();
    group.sends.clear();
  }
}

void HeavyCholesky::sum_task(const HeavyTask& task, const FixedSide& fixed, const HeavyCallbacks& callbacks,
                             Group& group, Scratchpad& mine) {
  const WorkShares::Part& part = shares_.parts[task.part];
  const auto size = static_cast<std::size_t>(k_ * k_), k = static_cast<std::size_t>(k_);
  const auto granule = static_cast<std::size_t>(Partition::granule(shares_.rows.num_columns()));
  mine.block.resize(granule * k);
  mine.products.resize(size);
  mine.sums.assign(size, 0);
  mine.right_sums.assign(k, 0);
  mine.row.resize(k);
  mine.weights.resize(granule);
  mine.targets.resize(granule);
  // |sum of w z_a z_b| <= sum of w |z|^2.
  const double shift = grid_within(part.bounds.weights * fixed.largest_norm).shift();
  const SumGrid right_grid = grid_within(part.bounds.targets * std::sqrt(fixed.largest_norm));
  const Count first = shares_.rows.begin(part.row);
  for_each_block(shares_, task, [&](Count begin, Count end) {
    callbacks.observe(first + begin, end - begin, mine.weights.data(), mine.targets.data());
    mine.right_side.assign(k, 0);
    for (Count n = 0; n < end - begin; ++n) {
      const float* const z =
          floats_of(fixed.rows[fixed.positions[static_cast<std::size_t>(first + begin + n)]], fixed.precision,
                    mine.row);
      const double weight = static_cast<double>(mine.weights[static_cast<std::size_t>(n)]);
      const double root = std::sqrt(weight);
      double* const row = mine.block.data() + n * k_;
      for (Count c = 0; c < k_; ++c) row[c] = root * static_cast<double>(z[c]);
      add_scaled(weight * static_cast<double>(mine.targets[static_cast<std::size_t>(n)]), z,
                 mine.right_side.data(), k_);
    }
    mine.work += costs_.heavy_block + costs_.heavy_entry * static_cast<double>(end - begin);
    column_products(mine.block.data(), end - begin, k_, k_, mine.products.data(), k_, Update::overwrite);
    for (Count a = 0; a < k_; ++a) {
      const double* const from = mine.products.data() + a * k_;
      double* const to = mine.sums.data() + a * k_;
      for (Count b = a; b < k_; ++b) to[b] += (from[b] + shift) - shift;
    }
    for (std::size_t c = 0; c < k; ++c) mine.right_sums[c] += right_grid.round(mine.right_side[c]);
  });
  const std::size_t slot = task.part - group.first_part;
  double* to = group.sums.data() + static_cast<Count>(slot) * part_size_;
  const std::lock_guard lock(locks_[slot]);
  for (Count a = 0; a < k_; ++a) {
    for (Count b = a; b < k_; ++b) *to++ += mine.sums[static_cast<std::size_t>(a * k_ + b)];
  }
  for (const double value : mine.right_sums) *to++ += value;
}

void HeavyCholesky::send_parts(Group& group, const std::function<bool(std::size_t part)>& wanted) {
  for (std::size_t part = group.first_part; part < group.last_part; ++part) {
    const int owner = shares_.parts[part].owner;
    if (owner == comm_.rank() || !wanted(part)) continue;
    planned_.sent_bytes += part_bytes(k_);
    const auto sums = std::span<const double>(group.sums)
                          .subspan((part - group.first_part) * static_cast<std::size_t>(part_size_),
                                   static_cast<std::size_t>(part_size_));
    group.sends.push_back(comm_.start_send(sums, owner));
    counted_.sent_bytes += static_cast<Count>(sums.size_bytes());
  }
}

std::vector<double> HeavyCholesky::collect(const WorkShares::HeavyRow& row, const Group& group) {
  std::vector<double> sums(static_cast<std::size_t>(part_size_), 0.0),
      arriving(row.contributors.empty() ? 0 : sums.size());
  for (std::size_t part = group.first_part; part < group.last_part; ++part) {
    if (shares_.parts[part].heavy != row.heavy) continue;
    const auto own = group.sums.begin() + static_cast<std::ptrdiff_t>(part - group.first_part) * part_size_;
    std::copy_n(own, part_size_, sums.begin());
  }
  planned_.received_bytes += static_cast<Count>(row.contributors.size()) * part_bytes(k_);
  for (const int contributor : row.contributors) {
    Request receive = comm_.start_receive(std::span(arriving), contributor);
    receive.wait();
    counted_.received_bytes += receive.num_bytes();
    for (std::size_t n = 0; n < sums.size(); ++n) sums[n] += arriving[n];
  }
  return sums;
}

double HeavyCholesky::solve(const WorkShares::HeavyRow& row, const std::vector<double>& sums,
                            const FixedSide& fixed, double rho, std::span<const double> pull,
                            std::span<float> x, Solved& solved) const {
  Scratch<double> products(static_cast<std::size_t>(k_ * k_), 0.0);
  const double* from = sums.data();
  for (Count a = 0; a < k_; ++a) {
    for (Count b = a; b < k_; ++b) products[static_cast<std::size_t>(a * k_ + b)] = *from++;
  }
  const std::span<const double> right_side(from, static_cast<std::size_t>(k_));
  Scratch<double> factor = products, solution(right_side.begin(), right_side.end());
  for (Count c = 0; c < k_; ++c) {
    factor[static_cast<std::size_t>(c * k_ + c)] +=
        fixed.alpha0 * fixed.eigenvalues[static_cast<std::size_t>(c)] + rho;
  }
  for (std::size_t c = 0; c < pull.size(); ++c) solution[c] += pull[c];
  solved = Solved::no;
  if (!std::isfinite(row.target_squares) || !factorize(factor.data(), k_, k_)) return 0;
  solve_factorized(factor.data(), k_, k_, solution.data());
  std::transform(solution.begin(), solution.end(), x.begin(), [](double v) { return static_cast<float>(v); });
  if (!std::all_of(x.begin(), x.end(), [](float v) { return std::isfinite(v); })) return 0;
  solved = Solved::yes;
  double loss = row.target_squares;
  for (Count a = 0; a < k_; ++a) {
    const double left = static_cast<double>(x[static_cast<std::size_t>(a)]);
    double sum = products[static_cast<std::size_t>(a * k_ + a)] * left;
    for (Count b = a + 1; b < k_; ++b) {
      sum += 2 * products[static_cast<std::size_t>(a * k_ + b)] *
             static_cast<double>(x[static_cast<std::size_t>(b)]);
    }
    loss += left * (sum - 2 * right_side[static_cast<std::size_t>(a)]);
  }
  return std::max(loss, 0.0);
}

}  // namespace pushcart::als
