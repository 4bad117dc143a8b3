#include "models/als/row_solver.hpp"

#include <algorithm>
#include <cmath>

namespace pushcart::als {
namespace {

constexpr int max_gradient_steps = 100;
/// Of the gathered rows of those that take turns: the first cache.
constexpr Count pair_bytes = Count{32} << 10;

double trace_of_tiles(const float* tiles, Count d) {
  double trace = 0;
  const Count t = d / tile_rows;
  for (Count i = 0; i < t; ++i) {
    for (Count r = 0; r < tile_rows; ++r) trace += static_cast<double>(tiles[r * tile_rows + r]);
    tiles += (t - i) * tile_rows * tile_rows;
  }
  return trace;
}

std::size_t size_of(Count count) {
  return static_cast<std::size_t>(count);
}

/// Of the rows that may be in a group.
Count longest_member(Count num_entries) {
  return tiled(std::min(num_entries, longest_in_group));
}

}  // namespace

RowSolver::RowSolver(Count k, Count num_entries, const SolverSettings& settings)
    : k_(k),
      stride_(padded(k)),
      settings_(settings),
      kernels_(&row_kernels()),
      eigenvalues_(size_of(k)),
      diagonal_(size_of(stride_), 1.0F),
      scale_(size_of(stride_)),
      b_(size_of(std::max(
          {tiled(num_entries) * stride_, pair_bytes / Count{sizeof(float)},
           std::min(std::max(group_bytes / Count{sizeof(float)}, longest_member(num_entries) * stride_),
                    kernels_->group * longest_member(num_entries) * stride_)}))),
      tiles_(size_of(std::max(kernels_->group * tile_floats(longest_member(num_entries)),
                              tile_floats(tiled(std::min(num_entries, k)))))),
      group_right_side_(size_of(kernels_->group * longest_member(num_entries))),
      group_scale_(size_of(kernels_->group * stride_)),
      group_work_(size_of(kernels_->group *
                          (tile_floats(longest_member(num_entries)) + longest_member(num_entries)))),
      system_(size_of(stride_ * stride_)),
      y_(size_of(most_gradient_rows * stride_)),
      work_(size_of(most_gradient_rows * (3 * stride_ + padded(num_entries)))),
      step_(size_of(stride_)),
      dual_(size_of(std::max(num_entries, stride_))),
      primal_(size_of(stride_)),
      residual_(size_of(std::max(num_entries, stride_))) {
  for (Turn& turn : turns_) {
    for (Slot& slot : turn.slots) {
      for (auto* values : {&slot.weights, &slot.targets, &slot.roots, &slot.right_side})
        values->resize(size_of(padded(num_entries)));
    }
    turn.rows.resize(size_of(most_gradient_rows * num_entries));
  }
}

Count RowSolver::scratch_bytes(Count k, Count num_entries) {
  constexpr Count float_bytes = sizeof(float), widest_group = 16;
  const Count stride = padded(k), member = longest_member(num_entries), length = tiled(num_entries);
  const Count group = 2 * widest_group * (tile_floats(member) + member) + widest_group * stride +
                      tile_floats(tiled(std::min(num_entries, k)));
  return float_bytes * (std::max(length * stride, std::max(group_bytes / float_bytes, member * stride)) +
                        group + stride * stride) +
         120 * length + 64 * stride;
}

void RowSolver::set_basis(double alpha0, std::span<const double> eigenvalues) {
  alpha0_ = alpha0;
  rho_ = -1;
  std::copy(eigenvalues.begin(), eigenvalues.end(), eigenvalues_.begin());
  std::transform(eigenvalues.begin(), eigenvalues.end(), diagonal_.begin(),
                 [&](double value) { return static_cast<float>(alpha0 * value); });
}

void RowSolver::set_rho(double rho) {
  if (rho == rho_) return;
  rho_ = rho;
  kernels_->inverse_roots(diagonal_.data(), static_cast<float>(rho), stride_, scale_.data());
}

void RowSolver::fill(Slot& slot, const GatheredRows& rows, std::span<const std::int32_t> positions) const {
  slot.gathered = rows;
  slot.positions = positions;
  const auto d = static_cast<Count>(positions.size());
  slot.num_entries = d;
  for (std::size_t j = 0; j < positions.size(); ++j) slot.rows[j] = rows[positions[j]];
  kernels_->weigh(slot.weights.data(), slot.targets.data(), d, slot.roots.data(), slot.right_side.data());
  for (Count j = d; j < tiled(d); ++j) slot.roots[size_of(j)] = slot.right_side[size_of(j)] = 0;
}

Ahead RowSolver::ahead_of(const Turn& turn) const {
  Ahead ahead;
  ahead.rows = turn.rows.data();
  ahead.num_rows = turn.num_entries;
  ahead.row_bytes = stored_width(settings_.precision, k_) * Count{sizeof(float)};
  return ahead;
}

void RowSolver::add(Count row, const GatheredRows& rows, std::span<const std::int32_t> positions, double rho,
                    std::span<float> x, const Finish& finish) {
  Turn& turn = turns_[filling_];
  Slot& slot = next_slot();
  slot.rows = turn.rows.data() + turn.num_entries;
  fill(slot, rows, positions);
  slot.row = row;
  slot.rho = rho;
  slot.x = x;
  turn.num_entries += slot.num_entries;
  ++turn.count;
  constexpr std::size_t floats_a_line = 16;
  for (std::size_t c = 0; c < x.size(); c += floats_a_line) __builtin_prefetch(x.data() + c, 1, 2);
  if (turn.count < most_gradient_rows) return;
  filling_ = 1 - filling_;
  Ahead ahead = ahead_of(turn);
  process(turns_[filling_], ahead, finish);
}

void RowSolver::flush(const Finish& finish) {
  Ahead ahead = ahead_of(turns_[filling_]);
  process(turns_[1 - filling_], ahead, finish);
  Ahead none;
  process(turns_[filling_], none, finish);
  solve_group(finish);
}

Solved RowSolver::solve(const RowEntries& row, double rho, std::span<float> x, double* observed) {
  std::copy(row.weights.begin(), row.weights.end(), weights().begin());
  std::copy(row.targets.begin(), row.targets.end(), targets().begin());
  Solved result = Solved::no;
  const Finish finish = [&](Count, std::span<float>, Solved solved, double loss) {
    result = solved;
    if (observed) *observed = loss;
  };
  add(0, row.rows, row.positions, rho, x, finish);
  flush(finish);
  return result;
}

Solved RowSolver::solve(const NormalSums& sums, double rho, std::span<float> x) {
  std::vector<double> d(eigenvalues_);
  for (double& value : d) value = alpha0_ * value + rho;
  return sums.solve(d, x) ? Solved::yes : Solved::no;
}

void RowSolver::process(Turn& turn, Ahead& ahead, const Finish& finish) {
  const std::span<Slot> slots(turn.slots, static_cast<std::size_t>(turn.count));
  if (take_turns(turn)) {
    solve_group(finish);
    solve_by_gradients(slots, ahead, finish);
  } else {
    for (Slot& slot : slots) process(slot, ahead, finish);
  }
  turn.count = 0;
  turn.num_entries = 0;
}

/// Whether its rows are of like length, so short that they feel what their sums wait for, and iterate.
bool RowSolver::take_turns(const Turn& turn) const {
  if (turn.count < most_gradient_rows) return false;
  const Count d = tiled(turn.slots[0].num_entries);
  return turn.count * d * stride_ * Count{sizeof(float)} <= pair_bytes &&
         std::all_of(turn.slots, turn.slots + turn.count, [&](const Slot& slot) {
           return tiled(slot.num_entries) == d && method_of(slot) == RowMethod::gradients;
         });
}

RowMethod RowSolver::method_of(const Slot& slot) const {
  return method_of_row(settings_.solver, slot.num_entries, k_);
}

void RowSolver::process(Slot& slot, Ahead& ahead, const Finish& finish) {
  const RowMethod method = method_of(slot);
  if (method == RowMethod::dual_group) {
    set_rho(slot.rho);
    add_to_group(slot, ahead, finish);
    return;
  }
  solve_group(finish);
  if (method == RowMethod::gradients) {
    solve_by_gradients({&slot, 1}, ahead, finish);
    return;
  }
  set_rho(slot.rho);
  gather(slot, b_.data());
  double observed = 0;
  const Solved solved = solve_exactly(slot, observed);
  finish(slot.row, slot.x, solved, observed);
}

void RowSolver::gather(const Slot& slot, float* b) const {
  const auto kernel =
      settings_.precision == GatherPrecision::float32 ? kernels_->gather : kernels_->gather_bf16;
  const Count d = slot.num_entries;
  kernel(slot.rows, d, k_, stride_, slot.roots.data(), scale_.data(), b);
  std::fill(b + d * stride_, b + tiled(d) * stride_, 0.0F);
}

Count RowSolver::group_size(Count tiled_entries) const {
  const Count row_bytes = tiled_entries * stride_ * Count{sizeof(float)};
  return std::clamp<Count>(group_bytes / row_bytes, 1, kernels_->group);
}

void RowSolver::add_to_group(Slot& slot, Ahead& ahead, const Finish& finish) {
  const Count d = tiled(slot.num_entries);
  if (d != group_entries_ || static_cast<Count>(group_.size()) == group_size(d)) solve_group(finish);
  group_entries_ = d;
  const auto member = static_cast<Count>(group_.size());
  float* const b = b_.data() + member * d * stride_;
  float* const tiles = tiles_.data() + member * tile_floats(d);
  gather(slot, b);
  kernels_->tile_products(b, d, stride_, tiles, ahead);
  if (!(trace_of_tiles(tiles, d) <= tame_trace)) {
    solve_group(finish);
    gather(slot, b_.data());
    double observed = 0;
    const Solved solved = solve_exactly(slot, observed);
    finish(slot.row, slot.x, solved, observed);
    return;
  }
  std::copy_n(slot.right_side.begin(), d, group_right_side_.begin() + member * d);
  std::copy_n(scale_.begin(), stride_, group_scale_.begin() + member * stride_);
  group_.push_back({slot.row, slot.x});
}

void RowSolver::solve_group(const Finish& finish) {
  if (group_.empty()) return;
  const Count d = group_entries_, count = static_cast<Count>(group_.size());
  int failed[16] = {};
  kernels_->solve_group(tiles_.data(), d, count, group_right_side_.data(), group_work_.data(), failed);
  for (Count n = 0; n < count; ++n) {
    const Member& member = group_[size_of(n)];
    const float* const v = group_right_side_.data() + n * d;
    const float* const scale = group_scale_.data() + n * stride_;
    kernels_->combine(b_.data() + n * d * stride_, d, stride_, v, y_.data());
    for (Count c = 0; c < k_; ++c) member.x[size_of(c)] = y_[size_of(c)] * scale[c];
    const bool solved = failed[n] == 0 && all_finite(member.x);
    // (I + BB') v = W^1/2 t, so v = W^1/2 (t - Zx).
    const double observed = takes_loss_ ? sum_of_squares({v, size_of(d)}) : 0.0;
    finish(member.row, member.x, solved ? Solved::yes : Solved::no, observed);
  }
  group_.clear();
}

void RowSolver::solve_by_gradients(std::span<Slot> slots, Ahead& ahead, const Finish& finish) {
  const Count d = tiled(slots.front().num_entries);
  GradientRow rows[most_gradient_rows];
  for (std::size_t n = 0; n < slots.size(); ++n) {
    const auto lane = static_cast<Count>(n);
    Slot& slot = slots[n];
    set_rho(slot.rho);
    float* const b = b_.data() + lane * d * stride_;
    float* const y = y_.data() + lane * stride_;
    gather(slot, b);
    const auto rho = static_cast<float>(slot.rho);
    for (Count c = 0; c < k_; ++c)  // D^1/2 x
      y[c] = slot.x[size_of(c)] * ((diagonal_[size_of(c)] + rho) * scale_[size_of(c)]);
    rows[n] = {b, slot.right_side.data(), y, work_.data() + lane * (3 * stride_ + padded(d))};
  }
  kernels_->conjugate_gradients(rows, static_cast<int>(slots.size()), d, stride_,
                                static_cast<float>(settings_.cg_tolerance), max_gradient_steps, ahead);
  for (std::size_t n = 0; n < slots.size(); ++n) {
    double observed = 0;
    const Solved solved = take_gradients(slots[n], rows[n], observed);
    finish(slots[n].row, slots[n].x, solved, observed);
  }
}

Solved RowSolver::take_gradients(Slot& slot, const GradientRow& row, double& observed) {
  ++num_gradient_rows_;
  num_gradient_steps_ += std::abs(row.steps);
  set_rho(slot.rho);
  if (row.steps < 0) {
    const Count d = tiled(slot.num_entries);
    std::transform(slot.roots.begin(), slot.roots.begin() + d, slot.targets.begin(), slot.right_side.begin(),
                   std::multiplies<>());
    std::fill(slot.right_side.begin() + slot.num_entries, slot.right_side.begin() + d, 0.0F);
    gather(slot, b_.data());
    return solve_exactly(slot, observed);
  }
  for (Count c = 0; c < k_; ++c) slot.x[size_of(c)] = row.y[c] * scale_[size_of(c)];
  if (takes_loss_) observed = sum_of_squares({slot.right_side.data(), size_of(tiled(slot.num_entries))});
  return all_finite(slot.x) ? Solved::yes : Solved::no;
}

}  // namespace pushcart::als
