#include "models/als/row_solver.hpp"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>
#include <numeric>

#include "models/als/normal_sums.hpp"
#include "pushcart/base/random.hpp"

namespace pushcart::als::als_row_solver_test {
namespace {

/// One row's problem: d rows of k floats with weights and targets, and the diagonal's parts.
struct Problem {
  Count d, k;
  double alpha0, rho;
  std::vector<float> rows, weights, targets;
  std::vector<std::int32_t> positions;
  std::vector<double> eigenvalues;

  RowEntries entries() const { return {{nullptr, rows.data(), k}, positions, weights, targets}; }

  /// |A x - b| / (|Z'WZ x| + |D x| + |b|) in double.
  double relative_residual(std::span<const float> x) const {
    using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const Eigen::MatrixXd z = Eigen::Map<const RowMajor>(rows.data(), d, k).cast<double>();
    const Eigen::VectorXd w = Eigen::Map<const Eigen::VectorXf>(weights.data(), d).cast<double>();
    const Eigen::VectorXd t = Eigen::Map<const Eigen::VectorXf>(targets.data(), d).cast<double>();
    const Eigen::VectorXd solution = Eigen::Map<const Eigen::VectorXf>(x.data(), k).cast<double>();
    const Eigen::VectorXd diagonal =
        alpha0 * Eigen::Map<const Eigen::VectorXd>(eigenvalues.data(), k).array() + rho;
    const Eigen::VectorXd observed = z.transpose() * w.cwiseProduct(z * solution);
    const Eigen::VectorXd damped = diagonal.cwiseProduct(solution), right = z.transpose() * w.cwiseProduct(t);
    return (observed + damped - right).norm() / (observed.norm() + damped.norm() + right.norm());
  }
};

/// Rows as factors are: their sizes fall along the eigenvectors as the eigenvalues do.
Problem random_problem(Count d, Count k, double alpha0, double rho, double alpha) {
  Problem problem{d, k, alpha0, rho, {}, {}, {}, {}, {}};
  RandomStream random(7, static_cast<std::uint64_t>(d * 1000 + k));
  constexpr double num_rows = 1000;
  for (Count c = 0; c < k; ++c) {
    problem.eigenvalues.push_back(num_rows *
                                  std::exp2(-12.0 + 12.0 * static_cast<double>(c) / static_cast<double>(k)));
  }
  for (Count j = 0; j < d; ++j) {
    for (double eigenvalue : problem.eigenvalues) {
      problem.rows.push_back(static_cast<float>(std::sqrt(eigenvalue / num_rows) * random.next_normal()));
    }
    const double confidence = alpha * (0.1 + 5 * random.next_uniform());
    problem.weights.push_back(alpha > 0 ? static_cast<float>(confidence) : 1.0F);
    problem.targets.push_back(alpha > 0 ? static_cast<float>((1 + confidence) / confidence) : 1.0F);
  }
  problem.positions.resize(static_cast<std::size_t>(d));
  std::iota(problem.positions.begin(), problem.positions.end(), 0);
  return problem;
}

/// @return the relative residual
double solve(const Problem& problem, Count* in_double = nullptr) {
  RowSolver solver(problem.k, problem.d);
  solver.set_basis(problem.alpha0, problem.eigenvalues);
  std::vector<float> x(static_cast<std::size_t>(problem.k), NAN);
  EXPECT_EQ(solver.solve(problem.entries(), problem.rho, x), Solved::yes);
  if (in_double) *in_double = solver.num_solved_in_double();
  return problem.relative_residual(x);
}

TEST(RowSolver, SolvesLightAndHeavyRowsToFloatAccuracy) {
  for (const Count k : {1, 3, 16, 40, 70}) {
    for (const Count d : {1, 2, 15, 39, 40, 41, 69, 70, 200}) {
      SCOPED_TRACE(testing::Message() << "k " << k << " d " << d);
      EXPECT_LT(solve(random_problem(d, k, 0.005, 0.3, 0)), 5e-6);                        // Rendle
      EXPECT_LT(solve(random_problem(d, k, 0, 0.08 * static_cast<double>(d), 0)), 5e-6);  // ALS-WR
      EXPECT_LT(solve(random_problem(d, k, 1, 0.1, 40)), 5e-6);  // Hu, Koren, Volinsky
    }
  }
}

TEST(RowSolver, HoldsWithTinyRegularization) {
  for (const Count d : {3, 30, 100}) {
    for (const double rho : {1e-4, 1e-6, 1e-9}) {
      SCOPED_TRACE(testing::Message() << "d " << d << " rho " << rho);
      EXPECT_LT(solve(random_problem(d, 40, 0, rho, 40)), 1e-4);
    }
  }
}

TEST(RowSolver, RowsAlikeAreSolvedInDoubleIfFloatIsNotEnough) {
  // Z of rank 1: singular but for the diagonal, which float loses beside it if rho is tiny.
  for (const Count d : {10, 60}) {
    for (const double rho : {0.01, 1e-8}) {
      Problem problem = random_problem(d, 20, 0, rho, 0);
      for (Count j = 1; j < d; ++j) std::copy_n(problem.rows.begin(), 20, problem.rows.begin() + j * 20);
      Count in_double = 0;
      EXPECT_LT(solve(problem, &in_double), 1e-5);
      EXPECT_EQ(in_double, rho < 1e-6 ? 1 : 0);
    }
  }
}

TEST(RowSolver, ReusedForOtherRowsGivesTheSameBits) {
  const Problem light = random_problem(9, 16, 0.01, 0.2, 5), heavy = random_problem(50, 16, 0.01, 0.4, 5);
  RowSolver used(16, 50), fresh(16, 50);
  for (RowSolver* solver : {&used, &fresh}) solver->set_basis(0.01, light.eigenvalues);
  std::vector<float> first(16), again(16), other(16);
  used.solve(heavy.entries(), 0.4, other);
  used.solve(light.entries(), 0.2, first);
  fresh.solve(light.entries(), 0.2, again);
  EXPECT_EQ(first, again);
}

struct Outcome {
  std::vector<float> x;
  Solved solved = Solved::no;
  double observed = 0;
};

/// Rows solved by one solver, added in this order.
std::vector<Outcome> solve_in_order(const std::vector<Problem>& problems,
                                    const std::vector<std::size_t>& order, const SolverSettings& settings) {
  RowSolver solver(problems.front().k, 70, settings);
  solver.set_basis(problems.front().alpha0, problems.front().eigenvalues);
  std::vector<Outcome> outcomes(problems.size());
  for (std::size_t n = 0; n < problems.size(); ++n) {
    outcomes[n].x.assign(static_cast<std::size_t>(problems[n].k), 0.01F * static_cast<float>(n));
  }
  const RowSolver::Finish finish = [&](Count row, std::span<float> x, Solved solved, double observed) {
    Outcome& outcome = outcomes[static_cast<std::size_t>(row)];
    EXPECT_EQ(x.data(), outcome.x.data());
    outcome.solved = solved;
    outcome.observed = observed;
  };
  for (const std::size_t n : order) {
    const Problem& problem = problems[n];
    std::ranges::copy(problem.weights, solver.weights().begin());
    std::ranges::copy(problem.targets, solver.targets().begin());
    solver.add(static_cast<Count>(n), problem.entries().rows, problem.positions, problem.rho, outcomes[n].x,
               finish);
  }
  solver.flush(finish);
  return outcomes;
}

TEST(RowSolver, RowsHaveTheBitsThatEachHasAloneWhateverOthersAreAdded) {
  constexpr Count k = 24;
  std::vector<Problem> problems;
  for (const Count d : {4, 3, 4, 1, 8, 7, 8, 30, 29, 70, 60}) {
    const auto n = static_cast<double>(problems.size());
    problems.push_back(random_problem(d, k, 0.01, 0.1 + 0.03 * n, 1 + n));
  }
  const std::size_t not_a_number = problems.size() + 1;
  for (const float weight : {1e20F, NAN}) {  // iterations give up at once; the first is solved exactly then
    problems.push_back(random_problem(8, k, 0.01, 0.2, 2));
    problems.back().weights[1] = weight;
  }
  std::vector<std::size_t> order(problems.size());
  std::iota(order.begin(), order.end(), 0);
  for (const AlsSolver kind : {AlsSolver::cg, AlsSolver::automatic, AlsSolver::exact}) {
    const SolverSettings settings{kind, 1e-4, GatherPrecision::float32};
    std::vector<Outcome> alone;
    for (const std::size_t n : order) alone.push_back(solve_in_order(problems, {n}, settings)[n]);
    for (std::size_t n = 0; n < not_a_number; ++n) {
      EXPECT_EQ(alone[n].solved, Solved::yes) << n;
      EXPECT_LT(problems[n].relative_residual(alone[n].x), 1e-3) << n;
    }
    EXPECT_EQ(alone[not_a_number].solved, Solved::no);
    RandomStream random(9, 0);
    for (int trial = 0; trial < 40; ++trial) {
      std::vector<std::size_t> some = order;
      for (std::size_t n = some.size(); n > 1; --n) {
        std::swap(some[n - 1],
                  some[static_cast<std::size_t>(random.next_uniform() * static_cast<double>(n))]);
      }
      some.resize(1 + static_cast<std::size_t>(trial) % some.size());
      const std::vector<Outcome> together = solve_in_order(problems, some, settings);
      for (const std::size_t n : some) {
        ASSERT_EQ(together[n].solved, alone[n].solved) << n;
        if (alone[n].solved == Solved::no) continue;
        ASSERT_EQ(together[n].x, alone[n].x) << n;
        ASSERT_EQ(together[n].observed, alone[n].observed) << n;
      }
    }
  }
}

TEST(RowSolver, SaysSoIfARowCannotBeSolved) {
  for (const Count d : {4, 30}) {
    for (const float weight : {static_cast<float>(INFINITY), static_cast<float>(NAN)}) {
      Problem problem = random_problem(d, 16, 0.01, 0.2, 0);
      problem.weights[1] = weight;
      RowSolver solver(16, d);
      solver.set_basis(problem.alpha0, problem.eigenvalues);
      std::vector<float> x(16);
      EXPECT_EQ(solver.solve(problem.entries(), problem.rho, x), Solved::no);
    }
  }
}

TEST(NormalSums, SolveAsTheWholeRowDoes) {
  const Problem problem = random_problem(100, 12, 0.01, 0.5, 3);
  NormalSums sums;
  sums.start(12);
  for (std::size_t first = 0; first < 100; first += 32) {
    const std::size_t count = std::min<std::size_t>(32, 100 - first);
    sums.add({{nullptr, problem.rows.data(), 12},
              std::span(problem.positions).subspan(first, count),
              std::span(problem.weights).subspan(first, count),
              std::span(problem.targets).subspan(first, count)});
  }
  RowSolver solver(12, 100);
  solver.set_basis(problem.alpha0, problem.eigenvalues);
  std::vector<float> x(12);
  ASSERT_EQ(solver.solve(sums, problem.rho, x), Solved::yes);
  EXPECT_LT(problem.relative_residual(x), 1e-6);
  std::vector<float> again(12);
  double loss = 0;
  ASSERT_EQ(solver.solve(problem.entries(), problem.rho, again, &loss), Solved::yes);
  EXPECT_NEAR(sums.observed_loss(x), loss, 1e-5 * loss);
}

}  // namespace
}  // namespace pushcart::als::als_row_solver_test
