#include "models/als/half_sweep.hpp"

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <numeric>

#include "models/als/gram.hpp"
#include "models/als/granule_sums.hpp"
#include "pushcart/base/log.hpp"
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

/// Rows ahead of the one at hand whose place in the matrix is asked for, and whose entries are.
constexpr std::size_t far_ahead = 8, near_ahead = 4;

}  // namespace

HalfSweep::HalfSweep(const Communicator& comm, const ObservedRows& observed, Count num_rows,
                     const Partition& fixed, const AlsObjective& objective, const HalfSweepSettings& settings,
                     WorkShares shares, const ExchangeSettings& exchange)
    : comm_(comm),
      observed_(observed),
      num_rows_(num_rows),
      num_fixed_rows_(fixed.num_rows()),
      num_own_fixed_rows_(fixed.range(comm.rank()).size()),
      k_(settings.k),
      objective_(objective),
      settings_(settings),
      shares_(std::move(shares)),
      borrowed_(shares_.rows.borrowed(), objective, std::move(shares_.borrowed_values)),
      exchange_(comm, shares_.rows, fixed, exchange),
      lent_(comm, shares_, k_),
      heavy_(comm, shares_, costs_of(settings), heavy_method_of(settings), settings.solver.cg_tolerance, k_),
      work_(static_cast<std::size_t>(omp_get_max_threads()), 0.0),
      taken_(work_.size()) {
  borrowed_.set_shifts(std::move(shares_.borrowed_shifts));
  borrowed_.set_weight_scale(observed.weight_scale());
  const std::vector<char> is_shared = share_rows();
  for (Count batch = 0; batch < exchange_.num_batches(); ++batch) {
    schedules_.push_back(schedule(plain_pieces(batch), is_shared));
    for (const RowPiece& piece : exchange_.pieces(batch)) num_gathered_ += piece.end - piece.begin;
  }
  const Count longest = longest_plain_row(shares_);
  for (int thread = 0; thread < omp_get_max_threads(); ++thread) {
    solvers_.emplace_back(k_, longest, settings.solver);
  }
  is_start_ = granules_with_gradients(observed_.rows(), num_rows_, settings_);
}

/// Offers rows to the node where that is wanted and possible. @return by own row: not zero if it is shared;
/// empty if nothing is
std::vector<char> HalfSweep::share_rows() {
  if (settings_.sharing.part <= 0 || exchange_.method() != ExchangeMethod::replicate) return {};
  Communicator node = comm_.split_by_node();
  if (node.size() == 1) return {};
  const SharedRows::Offer offer = shared_offer(shares_, settings_);
  std::vector<char> is_shared(static_cast<std::size_t>(shares_.rows.num_own_rows()), 0);
  for (const RowPiece& piece : offer.pieces) is_shared[static_cast<std::size_t>(piece.row)] = 1;
  shared_.emplace(std::move(node), offer, observed_, exchange_.positions(), k_,
                  SharedRows::Taking{longest_plain_row(shares_), settings_.sharing.others_first});
  return is_shared;
}

double HalfSweep::regularization(Count row_length) const {
  return row_regularization(objective_, row_length, num_fixed_rows_);
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
  const Count starts = num_start_rows(is_start_, num_rows_, observed_.rows().num_rows());
  return half_sweep_work(num_own_fixed_rows_, num_own_fixed_rows_ + starts, num_gathered_, settings_);
}

void HalfSweep::rotate_back(FactorTable& solved) const {
  Eigenbasis inverse{eigenvalues_, std::vector<float>(eigenvectors_.size())};
  const auto k = static_cast<std::size_t>(k_);
  for (std::size_t row = 0; row < k; ++row) {
    for (std::size_t c = 0; c < k; ++c) inverse.vectors[c * k + row] = eigenvectors_[row * k + c];
  }
  rotate(solved, inverse, num_rows_);
}

HalfSweepOutcome HalfSweep::run(FactorTable& fixed, FactorTable& solved, Loss loss, FactorTable* means) {
  PUSHCART_CHECK(fixed.num_columns == k_ && solved.num_columns == k_);
  PUSHCART_CHECK(num_runs_ == 0 || prior_.has_value() == (means != nullptr));
  PUSHCART_CHECK(!shared_ || means == nullptr);
  HalfSweepSeconds seconds;
  const Eigenbasis basis = take_basis(fixed, seconds);
  eigenvalues_ = basis.eigenvalues;
  eigenvectors_ = basis.vectors;
  {
    const Stopwatch watch(seconds.rotate);
    rotate(fixed, basis, num_fixed_rows_);
    if (means != nullptr) {
      rotate(*means, basis, num_rows_);
      if (!prior_) prior_.emplace(comm_, shares_, k_);
      prior_->begin(*means, objective_.alpha0, eigenvalues_);
    }
  }
  const std::span<const float> table = stored(fixed);
  for (RowSolver& solver : solvers_) {
    solver.set_basis(objective_.alpha0, eigenvalues_);
    solver.take_loss(loss == Loss::measure);
  }
  outcomes_.assign(static_cast<std::size_t>(solved.rows.size()), {});
  const double largest_norm = shares_.num_heavy > 0 ? largest_squared_norm(comm_, fixed) : 0.0;
  solve_rows(table, basis, largest_norm, solved, loss, seconds);
  ++num_runs_;
  HalfSweepOutcome outcome = collect(loss);
  outcome.seconds = seconds;
  return outcome;
}

void HalfSweep::solve_rows(std::span<const float> table, const Eigenbasis& basis, double largest_norm,
                           FactorTable& solved, Loss loss, HalfSweepSeconds& seconds) {
  const Count width = stored_width(settings_.solver.precision, k_);
  {
    const Stopwatch watch(seconds.exchange);
    exchange_.start(table, width);
  }
  // Only now, so that no rank waits for one that has more rows to start from: that one solves fewer.
  {
    const Stopwatch watch(seconds.rotate);
    prepare(solved, basis);
  }
  {
    const Stopwatch watch(seconds.exchange);
    lent_.take(solved);
    if (shared_) shared_->open(solved);
    if (prior_) prior_->take();
  }
  // With stream no batch brings what heavy rows need: they have all of it, and go first, while batches
  // travel.
  const bool heavy_first = exchange_.method() == ExchangeMethod::stream;
  GatheredRows rows{table.data(), nullptr, width};
  Progress progress("solving rows", num_tasks());
  Count tasks_done = 0;
  if (heavy_first) {
    const Stopwatch watch(seconds.solve);
    solve_heavy_rows(rows, largest_norm, solved, loss);
  }
  for (Count batch = 0; batch < exchange_.num_batches(); ++batch) {
    {
      const Stopwatch watch(seconds.exchange);
      rows = exchange_.await(batch);
    }
    const Stopwatch watch(seconds.solve);
    const auto on_task = [&](Count task) { progress.advance(tasks_done + task); };
    solve_batch(batch, rows, solved, loss, on_task);
    tasks_done += num_tasks(batch);
  }
  {
    const Stopwatch watch(seconds.exchange);
    exchange_.finish();
    if (shared_) shared_->close(solved, outcomes_);
  }
  if (!heavy_first) {
    const Stopwatch watch(seconds.solve);
    solve_heavy_rows(rows, largest_norm, solved, loss);
  }
  const Stopwatch watch(seconds.exchange);
  lent_.give_back(solved, outcomes_);
  if (prior_) prior_->end();
}

/// Brings what iterations start from into the new basis; rows without entries become zero.
void HalfSweep::prepare(FactorTable& solved, const Eigenbasis& basis) {
  rotate(solved, basis, num_rows_, is_start_);
  for (Count row = 0; row < solved.rows.size(); ++row) {
    if (observed_.rows().row_length(row) == 0) std::ranges::fill(solved.row(row), 0.0F);
  }
}

std::span<const float> HalfSweep::stored(const FactorTable& fixed) {
  if (settings_.solver.precision == GatherPrecision::float32) return fixed.values;
  const Count width = stored_width(settings_.solver.precision, k_);
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

void HalfSweep::solve_batch(Count batch, const GatheredRows& rows, FactorTable& solved, Loss loss,
                            const std::function<void(Count)>& on_task) {
  const Schedule& plan = schedules_[static_cast<std::size_t>(batch)];
  const auto pieces = exchange_.pieces(batch);
  const Count takers = shared_ ? static_cast<Count>(solvers_.size()) : 0;
  if (shared_) work_[0] += shared_->work();  // whoever does it
  parallel_for(num_tasks(batch) + takers, [&](Count task) {
    if (task >= num_tasks(batch)) return solve_shared_rows(rows, loss);
    const int thread = omp_get_thread_num();
    RowSolver& solver = solvers_[static_cast<std::size_t>(thread)];
    const auto begin = static_cast<std::size_t>(plan.task_begin[static_cast<std::size_t>(task)]);
    const auto end = static_cast<std::size_t>(plan.task_begin[static_cast<std::size_t>(task) + 1]);
    const RowSolver::Finish finish = [&](Count row, std::span<float> x, Solved outcome, double observed) {
      if (prior_) prior_->raise(row, regularization(shares_.rows.row_length(row)), x);
      finish_row(row, outcome, observed, x, loss);
    };
    const auto piece_at = [&](std::size_t n) -> const RowPiece& {
      return pieces[static_cast<std::size_t>(plan.order[n])];
    };
    double work = 0;
    for (std::size_t n = begin; n < end; ++n) {
      if (n + far_ahead < end) __builtin_prefetch(&piece_at(n + far_ahead));
      if (n + near_ahead < end) bring_entries(piece_at(n + near_ahead));
      const RowPiece& piece = piece_at(n);
      solve_piece(solver, piece, rows, solved, finish);
      work += cost_of(settings_, piece.end - piece.begin);
    }
    solver.flush(finish);
    work_[static_cast<std::size_t>(thread)] += work;
    if (thread != 0) return;
    exchange_.progress();
    lent_.progress();
    if (prior_) prior_->progress();
    on_task(task);
  });
}

/// Takes rows of any rank of the node until none are left. By each thread.
void HalfSweep::solve_shared_rows(const GatheredRows& rows, Loss loss) {
  const int thread = omp_get_thread_num();
  RowSolver& solver = solvers_[static_cast<std::size_t>(thread)];
  while (const auto batch = shared_->take()) {
    const RowSolver::Finish finish = [&](Count row, std::span<float> x, Solved outcome, double observed) {
      set_outcome(shared_->row(batch->rank, row).outcome, outcome, observed, x, loss);
    };
    TakenWork taken;
    for (Count number = batch->begin; number < batch->end; ++number) {
      const SharedRows::Row row = shared_->row(batch->rank, number);
      const auto length = static_cast<Count>(row.positions.size());
      std::ranges::copy(row.weights, solver.weights().begin());
      std::ranges::copy(row.targets, solver.targets().begin());
      solver.add(number, rows, row.positions, regularization(length), row.x, finish);
      ++taken.rows;
      taken.work += cost_of(settings_, length);
    }
    solver.flush(finish);
    if (!shared_->is_own(*batch)) taken_[static_cast<std::size_t>(thread)] += taken;
    if (thread == 0) exchange_.progress();
  }
}

/// Asks for what the row's entries say: rows are solved by length, so they lie anywhere.
void HalfSweep::bring_entries(const RowPiece& piece) const {
  constexpr Count line = 16, most = 256;  // entries
  const Count last = std::min(piece.end, piece.begin + most) - 1;
  const std::int32_t* const positions = exchange_.positions().data();
  const auto bring = [&](Count entry) {
    __builtin_prefetch(positions + entry);
    if (entry < shares_.rows.num_own_entries()) observed_.bring(entry);
  };
  for (Count entry = piece.begin; entry < last; entry += line) bring(entry);
  bring(last);
}

/// Entries are numbered as in shares_.rows; the lent rows' come after the own ones.
void HalfSweep::observe(Count begin, Count count, float* weights, float* targets) const {
  const Count num_own = shares_.rows.num_own_entries();
  if (begin < num_own) {
    observed_.observe(begin, count, weights, targets);
  } else {
    borrowed_.observe(begin - num_own, count, weights, targets);
  }
}

void HalfSweep::solve_piece(RowSolver& solver, const RowPiece& piece, const GatheredRows& rows,
                            FactorTable& solved, const RowSolver::Finish& finish) {
  const Count length = piece.end - piece.begin;
  observe(piece.begin, length, solver.weights().data(), solver.targets().data());
  const auto positions =
      exchange_.positions().subspan(static_cast<std::size_t>(piece.begin), static_cast<std::size_t>(length));
  const double rho = regularization(length);
  const std::span<float> x = shares_.rows.is_own(piece.row)
                                 ? solved.row(piece.row)
                                 : lent_.solution(piece.row - shares_.rows.num_own_rows());
  if (prior_) {
    const GatherPrecision precision = settings_.solver.precision;
    prior_->lower(piece.row, rho, rows, positions, precision, solver.targets().data(), x);
  }
  solver.add(piece.row, rows, positions, rho, x, finish);
}

void HalfSweep::solve_heavy_rows(const GatheredRows& rows, double largest_norm, FactorTable& solved,
                                 Loss loss) {
  const FixedSide fixed{rows,         settings_.solver.precision, exchange_.positions(),
                        largest_norm, objective_.alpha0,          eigenvalues_};
  HeavyCallbacks callbacks{[&](Count begin, Count count, float* weights, float* targets) {
                             observe(begin, count, weights, targets);
                           },
                           [&](Count row) { return regularization(shares_.rows.row_length(row)); },
                           [&](Count row, Solved outcome, double observed) {
                             finish_row(row, outcome, observed, solved.row(row), loss);
                           },
                           [&] { exchange_.progress(); }};
  if (prior_) {
    callbacks.pull = [&](Count row) {
      return prior_->pull(row, regularization(shares_.rows.row_length(row)));
    };
  }
  heavy_.run(fixed, callbacks, solved);
}

void HalfSweep::finish_row(Count row, Solved solved, double observed, std::span<float> x, Loss loss) {
  RowOutcome& outcome = shares_.rows.is_own(row) ? outcomes_[static_cast<std::size_t>(row)]
                                                 : lent_.outcome(row - shares_.rows.num_own_rows());
  set_outcome(outcome, solved, observed, x, loss);
}

void HalfSweep::set_outcome(RowOutcome& outcome, Solved solved, double observed, std::span<float> x,
                            Loss loss) const {
  outcome = {};
  if (solved == Solved::no) {
    std::fill(x.begin(), x.end(), 0.0F);
    outcome.is_unsolved = 1;
    return;
  }
  if (loss == Loss::skip) return;
  outcome.observed = observed;
  // The fixed side's Gram matrix is diagonal in its eigenbasis.
  outcome.unobserved = objective_.alpha0 * weighted_squares(eigenvalues_, x);
}

Traffic HalfSweep::planned_traffic() const {
  Traffic a_run = exchange_.planned(stored_width(settings_.solver.precision, k_)) + lent_.planned();
  if (prior_) a_run = a_run + prior_->planned();
  return num_runs_ * a_run + heavy_.planned();
}

Traffic HalfSweep::counted_traffic() const {
  const Traffic rows = exchange_.counted() + lent_.counted() + heavy_.counted();
  return prior_ ? rows + prior_->counted() : rows;
}

TakenWork HalfSweep::taken_work() const {
  return std::accumulate(taken_.begin(), taken_.end(), TakenWork());
}

double HalfSweep::counted_work() const {
  double starts = 0;
  for (Count row = 0; row < observed_.rows().num_rows(); ++row)
    starts += start_cost_of(settings_, observed_.rows().row_length(row));
  return std::accumulate(work_.begin(), work_.end(),
                         heavy_.counted_work() + static_cast<double>(num_runs_) * starts);
}

HalfSweepOutcome HalfSweep::collect(Loss loss) const {
  HalfSweepOutcome outcome;
  Count failed = 0, first = std::numeric_limits<Count>::max();
  for (std::size_t row = 0; row < outcomes_.size(); ++row) {
    if (!outcomes_[row].is_unsolved) continue;
    ++failed;
    first = std::min(first, observed_.rows().rows.begin + static_cast<Count>(row));
  }
  outcome.num_unsolved = comm_.sum(failed);
  first = comm_.allreduce(first, Reduce::min);
  if (outcome.num_unsolved > 0) outcome.first_unsolved = first;
  if (loss == Loss::measure) {
    const auto sums = sum_over_rows<2>(comm_, observed_.rows().rows, num_rows_, [&](Count row) {
      const RowOutcome& terms = outcomes_[static_cast<std::size_t>(row)];
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
