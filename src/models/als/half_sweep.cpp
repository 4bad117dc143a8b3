#include "models/als/half_sweep.hpp"

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>

#include "models/als/gram.hpp"
#include "models/als/granule_sums.hpp"
#include "pushcart/base/parallel.hpp"

namespace pushcart::als {
namespace {

/// Adds the time until its end of life.
class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds) {}
  ~Stopwatch() {
    seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& seconds_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// The most entries that a solver sees at once.
Count longest_piece(const SparseRows& rows, const ExchangeLimits& limits) {
  Count longest = 1;
  for (Count row = 0; row < rows.num_rows(); ++row) {
    const Count length = rows.row_length(row);
    longest = std::max(longest, length < limits.split_length ? length : limits.block_length);
  }
  return longest;
}

}  // namespace

HalfSweep::HalfSweep(const Communicator& comm, const ObservedRows& observed, Count num_rows,
                     const Partition& fixed, const AlsObjective& objective, const ExchangeLimits& limits,
                     Count k, const SolverSettings& solver)
    : comm_(comm),
      observed_(observed),
      num_rows_(num_rows),
      num_fixed_rows_(fixed.num_rows()),
      num_own_fixed_rows_(fixed.range(comm.rank()).size()),
      k_(k),
      objective_(objective),
      limits_(limits),
      solver_settings_(solver),
      exchange_(comm, observed.rows(), fixed, limits) {
  for (Count batch = 0; batch < exchange_.num_batches(); ++batch) {
    schedules_.push_back(schedule(exchange_.pieces(batch)));
  }
  const Count longest = longest_piece(observed.rows(), limits);
  for (int thread = 0; thread < omp_get_max_threads(); ++thread) solvers_.emplace_back(k, longest, solver);
  is_start_ = granules_with_gradients();
}

double HalfSweep::regularization(Count row_length) const {
  const double size =
      static_cast<double>(row_length) + objective_.alpha0 * static_cast<double>(num_fixed_rows_);
  if (objective_.nu == 1) return objective_.lambda * size;
  return objective_.lambda * std::pow(size, objective_.nu);
}

Count HalfSweep::num_solved_in_double() const {
  Count total = 0;
  for (const RowSolver& solver : solvers_) total += solver.num_solved_in_double();
  return total;
}
Count HalfSweep::num_gradient_rows() const {
  Count total = 0;
  for (const RowSolver& solver : solvers_) total += solver.num_gradient_rows();
  return total;
}
Count HalfSweep::num_gradient_steps() const {
  Count total = 0;
  for (const RowSolver& solver : solvers_) total += solver.num_gradient_steps();
  return total;
}

HalfSweepWork HalfSweep::work() const {
  const Count granule = Partition::granule(num_rows_), num_own = observed_.rows().num_rows();
  Count rotated = num_own_fixed_rows_;
  for (std::size_t n = 0; n < is_start_.size(); ++n) {
    if (is_start_[n]) rotated += std::min(granule, num_own - static_cast<Count>(n) * granule);
  }
  const Count gram = num_own_fixed_rows_ * k_ * (k_ + 1);  // half of the product
  return {static_cast<double>(gram + rotated * 2 * k_ * k_),
          static_cast<double>(observed_.rows().num_entries() * stored_width(solver_settings_.precision, k_) *
                              Count{sizeof(float)})};
}

double HalfSweep::cost(const RowPiece& piece) const {
  const Count d = piece.end - piece.begin;
  const RowMethod method =
      is_split(piece.row) ? RowMethod::primal : method_of_row(solver_settings_.solver, d, k_);
  return cost_of_row(method, d, k_);
}

std::vector<char> HalfSweep::granules_with_gradients() const {
  const SparseRows& rows = observed_.rows();
  const Count granule = Partition::granule(num_rows_);
  std::vector<char> result(static_cast<std::size_t>((rows.num_rows() + granule - 1) / granule), 0);
  for (Count row = 0; row < rows.num_rows(); ++row) {
    const Count length = rows.row_length(row);
    if (length > 0 && !is_split(row) &&
        method_of_row(solver_settings_.solver, length, k_) == RowMethod::gradients) {
      result[static_cast<std::size_t>(row / granule)] = 1;
    }
  }
  return result;
}

HalfSweep::Schedule HalfSweep::schedule(std::span<const RowPiece> pieces) const {
  constexpr double task_cost = 4e6;  // multiply-adds: some tenths of a millisecond
  Schedule result;
  result.order.resize(pieces.size());
  std::iota(result.order.begin(), result.order.end(), 0);
  std::stable_sort(result.order.begin(), result.order.end(), [&](std::int32_t a, std::int32_t b) {
    const RowPiece &left = pieces[static_cast<std::size_t>(a)], &right = pieces[static_cast<std::size_t>(b)];
    return left.end - left.begin > right.end - right.begin;
  });
  double room = 0;
  for (std::size_t n = 0; n < pieces.size(); ++n) {
    if (room <= 0) {
      result.task_begin.push_back(static_cast<std::int32_t>(n));
      room = task_cost;
    }
    room -= cost(pieces[static_cast<std::size_t>(result.order[n])]);
  }
  result.task_begin.push_back(static_cast<std::int32_t>(pieces.size()));
  return result;
}

HalfSweepOutcome HalfSweep::run(FactorTable& fixed, FactorTable& solved, Loss loss) {
  PUSHCART_CHECK(fixed.num_columns == k_ && solved.num_columns == k_);
  HalfSweepSeconds seconds;
  const Eigenbasis basis = take_basis(fixed, seconds);
  eigenvalues_ = basis.eigenvalues;
  {
    const Stopwatch watch(seconds.rotate);
    rotate(fixed, basis, num_fixed_rows_);
    prepare(solved, basis);
  }
  const std::span<const float> table = stored(fixed);
  for (RowSolver& solver : solvers_) solver.set_basis(objective_.alpha0, eigenvalues_);
  unsolved_.assign(static_cast<std::size_t>(solved.rows.size()), 0);
  if (loss == Loss::measure) row_loss_.assign(static_cast<std::size_t>(solved.rows.size()), {});
  for (Count batch = 0; batch < exchange_.num_batches(); ++batch) {
    GatheredRows rows;
    {
      const Stopwatch watch(seconds.exchange);
      rows = exchange_.fetch(batch, table, stored_width(solver_settings_.precision, k_), fetched_);
    }
    const Stopwatch watch(seconds.solve);
    solve_batch(batch, rows, solved, loss);
  }
  HalfSweepOutcome outcome = collect(loss);
  outcome.seconds = seconds;
  return outcome;
}

/// Brings what iterations start from into the new basis; rows without entries become zero.
void HalfSweep::prepare(FactorTable& solved, const Eigenbasis& basis) {
  rotate(solved, basis, num_rows_, is_start_);
  for (Count row = 0; row < solved.rows.size(); ++row) {
    if (observed_.rows().row_length(row) == 0) std::ranges::fill(solved.row(row), 0.0F);
  }
}

std::span<const float> HalfSweep::stored(const FactorTable& fixed) {
  if (solver_settings_.precision == GatherPrecision::float32) return fixed.values;
  const Count width = stored_width(solver_settings_.precision, k_);
  stored_.resize(static_cast<std::size_t>(fixed.rows.size() * width));
  constexpr Count rows_a_task = 64;
  parallel_for((fixed.rows.size() + rows_a_task - 1) / rows_a_task, [&](Count task) {
    for (Count row = task * rows_a_task; row < std::min((task + 1) * rows_a_task, fixed.rows.size()); ++row) {
      row_kernels().to_bf16(fixed.row(row).data(), k_,
                            reinterpret_cast<unsigned short*>(stored_.data() + row * width));
    }
  });
  return stored_;
}

Eigenbasis HalfSweep::take_basis(const FactorTable& fixed, HalfSweepSeconds& seconds) const {
  std::vector<double> gram;
  {
    const Stopwatch watch(seconds.gram);
    gram = gram_matrix(comm_, fixed, num_fixed_rows_);
  }
  const Stopwatch watch(seconds.eigen);
  Eigenbasis basis = eigenbasis(comm_, std::move(gram), k_);
  const double smallest = basis.eigenvalues.front(), largest = basis.eigenvalues.back();
  constexpr double epsilon = std::numeric_limits<float>::epsilon();
  if (objective_.lambda == 0 && !(smallest > static_cast<double>(k_) * epsilon * largest)) {
    throw NumericError(
        "with --lambda 0 the rows have no unique solution, since the Gram matrix of the factors is "
        "singular (fewer rows than --k, or rows alike); give --lambda a value above 0");
  }
  return basis;
}

void HalfSweep::solve_batch(Count batch, const GatheredRows& rows, FactorTable& solved, Loss loss) {
  const Schedule& plan = schedules_[static_cast<std::size_t>(batch)];
  const auto pieces = exchange_.pieces(batch);
  parallel_for(static_cast<Count>(plan.task_begin.size()) - 1, [&](Count task) {
    RowSolver& solver = solvers_[static_cast<std::size_t>(omp_get_thread_num())];
    const auto begin = static_cast<std::size_t>(plan.task_begin[static_cast<std::size_t>(task)]);
    const auto end = static_cast<std::size_t>(plan.task_begin[static_cast<std::size_t>(task) + 1]);
    const RowSolver::Finish finish = [&](Count row, std::span<float> x, Solved outcome, double observed) {
      finish_row(row, outcome, observed, x, loss);
    };
    for (std::size_t n = begin; n < end; ++n) {
      const RowPiece& piece = pieces[static_cast<std::size_t>(plan.order[n])];
      if (is_split(piece.row)) {
        add_split_piece(solver, piece, rows, solved, loss);
      } else {
        solve_piece(solver, piece, rows, solved, finish);
      }
    }
    solver.flush(finish);
  });
  std::swap(carried_in_, carried_out_);
}

RowEntries HalfSweep::observe(RowSolver& solver, Count begin, Count end, const GatheredRows& rows) const {
  const auto count = static_cast<std::size_t>(end - begin);
  observed_.observe(begin, end - begin, solver.weights().data(), solver.targets().data());
  return {rows, exchange_.positions().subspan(static_cast<std::size_t>(begin), count),
          solver.weights().first(count), solver.targets().first(count)};
}

void HalfSweep::solve_piece(RowSolver& solver, const RowPiece& piece, const GatheredRows& rows,
                            FactorTable& solved, const RowSolver::Finish& finish) {
  const RowEntries entries = observe(solver, piece.begin, piece.end, rows);
  solver.add(piece.row, rows, entries.positions, regularization(piece.end - piece.begin),
             solved.row(piece.row), finish);
}

void HalfSweep::add_split_piece(RowSolver& solver, const RowPiece& piece, const GatheredRows& rows,
                                FactorTable& solved, Loss loss) {
  const auto& offsets = observed_.rows().offsets;
  const bool begins = piece.begin == offsets[static_cast<std::size_t>(piece.row)];
  const bool ends = piece.end == offsets[static_cast<std::size_t>(piece.row) + 1];
  NormalSums sums;
  if (begins) {
    sums.start(k_, solver_settings_.precision);
  } else {
    std::swap(sums, carried_in_);
  }
  for (Count begin = piece.begin; begin < piece.end; begin += limits_.block_length) {
    sums.add(observe(solver, begin, std::min(begin + limits_.block_length, piece.end), rows));
  }
  if (!ends) {
    std::swap(sums, carried_out_);
    return;
  }
  const std::span<float> x = solved.row(piece.row);
  const Solved outcome = solver.solve(sums, regularization(observed_.rows().row_length(piece.row)), x);
  finish_row(piece.row, outcome, loss == Loss::measure ? sums.observed_loss(x) : 0.0, x, loss);
}

void HalfSweep::finish_row(Count row, Solved outcome, double observed, std::span<float> x, Loss loss) {
  if (outcome == Solved::no) {
    std::fill(x.begin(), x.end(), 0.0F);
    unsolved_[static_cast<std::size_t>(row)] = 1;
    return;
  }
  if (loss == Loss::skip) return;
  // The fixed side's Gram matrix is diagonal in its eigenbasis.
  const double all_pairs = weighted_squares(eigenvalues_, x);
  row_loss_[static_cast<std::size_t>(row)] = {observed, objective_.alpha0 * all_pairs};
}

HalfSweepOutcome HalfSweep::collect(Loss loss) const {
  HalfSweepOutcome outcome;
  Count failed = 0, first = std::numeric_limits<Count>::max();
  for (std::size_t row = 0; row < unsolved_.size(); ++row) {
    if (!unsolved_[row]) continue;
    ++failed;
    first = std::min(first, observed_.rows().rows.begin + static_cast<Count>(row));
  }
  outcome.num_unsolved = comm_.sum(failed);
  first = comm_.allreduce(first, Reduce::min);
  if (outcome.num_unsolved > 0) outcome.first_unsolved = first;
  if (loss == Loss::measure) {
    const auto sums = sum_over_rows<2>(comm_, observed_.rows().rows, num_rows_, [&](Count row) {
      const RowLoss& terms = row_loss_[static_cast<std::size_t>(row)];
      return std::array{terms.observed, terms.unobserved};
    });
    outcome.observed = sums[0];
    outcome.unobserved = sums[1];
  }
  return outcome;
}

double weighted_norms(const Communicator& comm, const HalfSweep& sweep, const SparseRows& rows,
                      const FactorTable& table, Count num_rows) {
  return sum_over_rows<1>(comm, table.rows, num_rows, [&](Count row) {
    return std::array{sweep.regularization(rows.row_length(row)) * sum_of_squares(table.row(row))};
  })[0];
}

}  // namespace pushcart::als
