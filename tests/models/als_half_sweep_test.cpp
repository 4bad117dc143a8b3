#include "models/als/half_sweep.hpp"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>

#include "models/als/training_data.hpp"
#include "pushcart/base/cpu_path.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::als::als_half_sweep_test {
namespace {

using test::world;
using Matrix = Eigen::MatrixXd;

/// How the half sweeps go about it.
struct Way {
  ExchangeMethod method = ExchangeMethod::sparse;
  Count heavy_length = 4096;
  Count batch_bytes = Count{1} << 28;

  HalfSweepSettings settings(Count k, const SolverSettings& solver) const {
    return {k, heavy_length, solver};
  }
  HeavyBlocks heavy_blocks() const {
    return method == ExchangeMethod::stream ? HeavyBlocks::at_column_owner : HeavyBlocks::anywhere;
  }
  ExchangeSettings exchange(Count k, const SolverSettings& solver) const {
    return {method, Overlap::on, stored_width(solver.precision, k) * Count{sizeof(float)}, batch_bytes};
  }
};

/// Both half sweeps over a small dataset, and beside them the same problem in dense double algebra.
class BothSides {
 public:
  BothSides(const Dataset& dataset, const AlsObjective& objective, Count k, const Way& way,
            const SolverSettings& solver = {})
      : dataset_(dataset),
        objective_(objective),
        by_user_(dataset.by_user, objective, {}),
        by_item_(dataset.by_item, objective, {}),
        user_sweep_(
            world(), by_user_, dataset.num_users(), dataset.items, objective, way.settings(k, solver),
            share_half_sweep(world(), by_user_, dataset.items, way.settings(k, solver), way.heavy_blocks()),
            way.exchange(k, solver)),
        item_sweep_(
            world(), by_item_, dataset.num_items(), dataset.users, objective, way.settings(k, solver),
            share_half_sweep(world(), by_item_, dataset.users, way.settings(k, solver), way.heavy_blocks()),
            way.exchange(k, solver)) {
    for (auto [table, partition] : {std::pair{&users_, &dataset.users}, std::pair{&items_, &dataset.items}}) {
      table->rows = partition->range(world().rank());
      table->num_columns = k;
      table->values.assign(static_cast<std::size_t>(table->rows.size() * k), 0.0F);
    }
    start_factors(items_, dataset.item_ids, 3, 1.0);
    start_factors(users_, dataset.user_ids, 3, 1.0);
    weights_ = targets_ = Matrix::Zero(dataset.num_users(), dataset.num_items());
    touched_ = weights_;
    for (const Interaction& pair : test::all_pairs(world(), dataset)) {
      const double confidence = objective.alpha * static_cast<double>(pair.value);
      touched_(pair.user, pair.item) = 1;
      weights_(pair.user, pair.item) = objective.target == AlsTarget::confidence ? confidence : 1;
      targets_(pair.user, pair.item) =
          objective.target == AlsTarget::confidence ? (1 + confidence) / confidence
          : objective.target == AlsTarget::ratings  ? static_cast<double>(pair.value)
                                                    : 1.0;
    }
  }

  HalfSweepOutcome solve_users() { return user_sweep_.run(items_, users_, Loss::measure); }
  HalfSweepOutcome solve_items() { return item_sweep_.run(users_, items_, Loss::measure); }

  Count gradient_steps() const { return user_sweep_.num_gradient_steps() + item_sweep_.num_gradient_steps(); }

  Matrix x() const { return whole(users_); }
  Matrix y() const { return whole(items_); }
  double observed() const {
    return weights_.cwiseProduct((x() * y().transpose() - targets_).cwiseAbs2()).sum();
  }
  double unobserved() const { return objective_.alpha0 * (x() * y().transpose()).squaredNorm(); }
  double objective() const {
    return observed() + unobserved() + penalty(x(), touched_) + penalty(y(), touched_.transpose());
  }
  /// Largest relative residual of the normal equations of one side's rows.
  double worst_user_residual() const { return worst_residual(x(), y(), weights_, targets_, touched_); }
  double worst_item_residual() const {
    return worst_residual(y(), x(), weights_.transpose(), targets_.transpose(), touched_.transpose());
  }

 private:
  static Matrix whole(const FactorTable& table) {
    const auto values = test::all_rows(world(), table.values);
    using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    return Eigen::Map<const RowMajor>(
               values.data(), static_cast<Eigen::Index>(values.size()) / table.num_columns, table.num_columns)
        .cast<double>();
  }
  double rho(double length, Eigen::Index others) const {
    return objective_.lambda *
           std::pow(length + objective_.alpha0 * static_cast<double>(others), objective_.nu);
  }
  double penalty(const Matrix& rows, const Matrix& touched) const {
    double sum = 0;
    for (Eigen::Index r = 0; r < rows.rows(); ++r)
      sum += rho(touched.row(r).sum(), touched.cols()) * rows.row(r).squaredNorm();
    return sum;
  }
  double worst_residual(const Matrix& solved, const Matrix& fixed, const Matrix& weights,
                        const Matrix& targets, const Matrix& touched) const {
    const Matrix gram = fixed.transpose() * fixed;
    double worst = 0;
    for (Eigen::Index r = 0; r < solved.rows(); ++r) {
      const Eigen::VectorXd row = solved.row(r).transpose(), w = weights.row(r).transpose();
      const Eigen::VectorXd seen = fixed.transpose() * w.cwiseProduct(fixed * row);
      const Eigen::VectorXd right = fixed.transpose() * w.cwiseProduct(targets.row(r).transpose());
      const Eigen::VectorXd rest =
          objective_.alpha0 * gram * row + rho(touched.row(r).sum(), fixed.rows()) * row;
      const double parts = seen.norm() + right.norm() + rest.norm();
      if (parts > 0) worst = std::max(worst, (seen + rest - right).norm() / parts);
    }
    return worst;
  }

  const Dataset& dataset_;
  const AlsObjective objective_;
  ObservedRows by_user_, by_item_;
  HalfSweep user_sweep_, item_sweep_;
  FactorTable users_, items_;
  Matrix weights_, targets_, touched_;
};

void expect_outcome_is_dense(const HalfSweepOutcome& outcome, const BothSides& sides) {
  EXPECT_EQ(outcome.num_unsolved, 0);
  EXPECT_NEAR(outcome.observed, sides.observed(), 1e-5 * sides.observed() + 1e-9);
  EXPECT_NEAR(outcome.unobserved, sides.unobserved(), 1e-5 * sides.unobserved() + 1e-9);
}

/// After every half sweep: its normal equations hold, its objective is the dense one and not above the last.
void expect_descent(const Dataset& dataset, const AlsObjective& objective, Count k, const Way& way,
                    double tolerance, const SolverSettings& solver = {}) {
  BothSides sides(dataset, objective, k, way, solver);
  double before = sides.objective();
  for (int sweep = 0; sweep < 3; ++sweep) {
    expect_outcome_is_dense(sides.solve_users(), sides);
    EXPECT_LT(sides.worst_user_residual(), tolerance);
    const double half_way = sides.objective();
    EXPECT_LE(half_way, before * (1 + 1e-6));
    expect_outcome_is_dense(sides.solve_items(), sides);
    EXPECT_LT(sides.worst_item_residual(), tolerance);
    const double after = sides.objective();
    EXPECT_LE(after, half_way * (1 + 1e-6));
    before = after;
  }
}

Dataset random_dataset(Count num_users, Count num_items, double density, ValueKind value_kind) {
  test::SmallDataset shape;
  shape.num_users = num_users;
  shape.num_items = num_items;
  shape.density = density;
  shape.value_kind = value_kind;
  return test::small_dataset(world(), shape);
}
Dataset random_strengths(Count num_users, Count num_items, double density) {
  return random_dataset(num_users, num_items, density, ValueKind::strength);
}
Dataset random_ratings(Count num_users, Count num_items, double density) {
  return random_dataset(num_users, num_items, density, ValueKind::rating);
}

const AlsObjective rendle{AlsTarget::ones, 0.05, 0.02, 1, 1};
const AlsObjective hkv{AlsTarget::confidence, 1, 0.1, 0, 40};
const AlsObjective alswr{AlsTarget::ratings, 0, 0.08, 1, 1};

TEST(HalfSweep, SolvesEachSideAndNeverRaisesTheObjective) {
  for (const Count k : {1, 5, 16, 50}) {  // 50 > rows
    SCOPED_TRACE(k);
    const Dataset strengths = random_strengths(45, 33, 0.3);
    expect_descent(strengths, rendle, k, {}, 2e-5);
    expect_descent(strengths, hkv, k, {}, 2e-5);
    expect_descent(random_ratings(45, 33, 0.3), alswr, k, {}, 2e-5);
  }
}

TEST(HalfSweep, EverySolverOnEveryPathSolvesToItsTolerance) {
  const CpuPath before = cpu_path();
  const Dataset strengths = random_strengths(45, 33, 0.3), ratings = random_ratings(45, 33, 0.3);
  for (const CpuPath path : runnable_cpu_paths()) {
    set_cpu_path(path);
    for (const Count k : {5, 16, 50}) {
      SCOPED_TRACE(testing::Message() << cpu_path_name(path) << " k " << k);
      expect_descent(strengths, rendle, k, {}, 2e-5);
      expect_descent(strengths, hkv, k, {}, 2e-5);
      for (const AlsSolver solver : {AlsSolver::cg, AlsSolver::automatic}) {
        // The residual is bounded in the norm of D^-1; here it is measured without.
        for (const double tolerance : {1e-3, 1e-5}) {
          const SolverSettings settings{solver, tolerance, GatherPrecision::float32};
          expect_descent(strengths, rendle, k, {}, 3 * tolerance + 2e-5, settings);
          expect_descent(strengths, hkv, k, {}, 3 * tolerance + 2e-5, settings);
          expect_descent(ratings, alswr, k, {}, 3 * tolerance + 2e-5, settings);
        }
      }
    }
  }
  set_cpu_path(before);
}

TEST(HalfSweep, RoundedRowsChangeTheProblemByTheirRounding) {
  const Dataset dataset = random_strengths(45, 33, 0.3);
  for (const AlsSolver solver : {AlsSolver::exact, AlsSolver::cg}) {
    for (const Count k : {7, 24}) {
      const SolverSettings settings{solver, 1e-5, GatherPrecision::bfloat16};
      BothSides rounded(dataset, rendle, k, {}, settings), whole(dataset, rendle, k, {});
      rounded.solve_users();
      whole.solve_users();
      EXPECT_LT(rounded.worst_user_residual(), 1e-2);
      EXPECT_GT(rounded.worst_user_residual(), 1e-5);  // they are rounded
      EXPECT_NEAR(rounded.objective(), whole.objective(), 1e-3 * whole.objective());
      // Split rows read the same rounded rows.
      BothSides split(dataset, rendle, k, Way{.heavy_length = 5}, settings);
      split.solve_users();
      EXPECT_LT((split.x() * split.y().transpose() - rounded.x() * rounded.y().transpose()).norm(),
                1e-3 * (rounded.x() * rounded.y().transpose()).norm());
    }
  }
}

TEST(HalfSweep, GradientsStartFromTheLastSolution) {
  const Dataset dataset = random_strengths(45, 33, 0.3);
  BothSides sides(dataset, rendle, 16, {}, {AlsSolver::cg, 1e-4, GatherPrecision::float32});
  std::vector<Count> steps{0};
  std::vector<Count> taken;
  for (int sweep = 0; sweep < 12; ++sweep) {
    sides.solve_users();
    sides.solve_items();
    steps.push_back(world().sum(sides.gradient_steps()));
    taken.push_back(steps.back() - steps[steps.size() - 2]);
  }
  EXPECT_LT(3 * taken.back(), 2 * taken.front());
}

TEST(HalfSweep, WorkCountsProductsAndGatheredRows) {
  const Dataset dataset = random_strengths(45, 33, 0.3);
  const ObservedRows by_user(dataset.by_user, rendle, {});
  constexpr Count k = 10;
  const Count own_items = dataset.items.range(world().rank()).size(),
              own_users = dataset.users.range(world().rank()).size(), entries = dataset.by_user.num_entries();
  const auto work_of = [&](AlsSolver solver, GatherPrecision precision) {
    const Way way;
    const SolverSettings settings{solver, 1e-3, precision};
    const HalfSweepSettings half{k, 4096, settings};
    const HalfSweep sweep(world(), by_user, dataset.num_users(), dataset.items, rendle, half,
                          share_half_sweep(world(), by_user, dataset.items, half, way.heavy_blocks()),
                          way.exchange(k, settings));
    return sweep.work();
  };
  const HalfSweepWork exact = work_of(AlsSolver::exact, GatherPrecision::float32);
  EXPECT_EQ(exact.product_flops, static_cast<double>(own_items * (k * (k + 1) + 2 * k * k)));
  // Rows may be solved elsewhere.
  EXPECT_EQ(world().allreduce(exact.gathered_bytes, Reduce::sum),
            static_cast<double>(world().sum(entries) * k * 4));
  const HalfSweepWork cg = work_of(AlsSolver::cg, GatherPrecision::bfloat16);
  Count rotated = 0;
  for (Count row = 0; row < own_users; ++row) rotated += dataset.by_user.row_length(row) > 0;
  EXPECT_GE(cg.product_flops, exact.product_flops + static_cast<double>(rotated * 2 * k * k));
  EXPECT_EQ(world().allreduce(cg.gathered_bytes, Reduce::sum),
            static_cast<double>(world().sum(entries) * k * 2));
}

TEST(RowMethod, IsChosenByLengthAndColumns) {
  for (const Count k : {8, 64, 128, 1024, 2048}) {
    EXPECT_EQ(method_of_row(AlsSolver::automatic, 4, k), RowMethod::dual_group);
    EXPECT_EQ(method_of_row(AlsSolver::cg, 4, k), RowMethod::gradients);
    EXPECT_EQ(method_of_row(AlsSolver::automatic, 10 * k, k),
              k < 18 ? RowMethod::primal : RowMethod::gradients);
    EXPECT_EQ(method_of_row(AlsSolver::exact, 10 * k, k), RowMethod::primal);
    // Once gradients are cheaper they stay so.
    bool gradients = false;
    for (Count d = 1; d < 3 * k; ++d) {
      const bool now = method_of_row(AlsSolver::automatic, d, k) == RowMethod::gradients;
      EXPECT_TRUE(now || !gradients) << "d " << d << " k " << k;
      gradients = now;
    }
  }
}

TEST(HalfSweep, HoldsWithTinyRegularization) {
  const Dataset dataset = random_strengths(40, 30, 0.4);
  for (const double lambda : {1e-4, 1e-8}) {
    SCOPED_TRACE(lambda);
    expect_descent(dataset, {AlsTarget::confidence, 1, lambda, 0, 40}, 12, {}, 1e-4);
    expect_descent(dataset, {AlsTarget::ones, 0.01, lambda, 1, 1}, 12, {}, 1e-4);
  }
}

TEST(HalfSweep, HeavyRowsAndEveryExchangeAreTheSameProblem) {
  const Dataset dataset = random_strengths(60, 20, 0.5);
  for (const ExchangeMethod method :
       {ExchangeMethod::replicate, ExchangeMethod::sparse, ExchangeMethod::stream}) {
    for (const Count heavy_length : {1, 5, 17}) {
      const Way way{method, heavy_length, 1};
      for (const AlsSolver solver : {AlsSolver::exact, AlsSolver::cg}) {
        const SolverSettings settings{solver, 1e-5, GatherPrecision::float32};
        expect_descent(dataset, rendle, 8, way, 5e-5, settings);
        expect_descent(dataset, hkv, 8, way, 5e-5, settings);
      }
    }
  }
}

/// The users' factors for some random items, on every rank.
std::vector<float> solved_users(const Dataset& dataset, const ObservedRows& observed, const Way& way) {
  constexpr Count k = 6;
  const HalfSweepSettings settings = way.settings(k, {});
  HalfSweep sweep(world(), observed, dataset.num_users(), dataset.items, alswr, settings,
                  share_half_sweep(world(), observed, dataset.items, settings, way.heavy_blocks()),
                  way.exchange(k, {}));
  const Range users = dataset.users.range(world().rank()), items = dataset.items.range(world().rank());
  FactorTable fixed{items, k, std::vector<float>(static_cast<std::size_t>(items.size() * k))};
  FactorTable solved{users, k, std::vector<float>(static_cast<std::size_t>(users.size() * k))};
  start_factors(fixed, dataset.item_ids, 3, 1.0);
  sweep.run(fixed, solved, Loss::skip);
  return test::all_rows(world(), solved.values);
}

TEST(HalfSweep, ShiftsLowerTheTargetsWhereverRowsAreSolved) {
  const Dataset dataset = random_ratings(60, 40, 0.4);
  const SparseRows& rows = dataset.by_user;
  std::vector<float> shifts, lowered;
  for (std::size_t e = 0; e < rows.columns.size(); ++e) {
    shifts.push_back(static_cast<float>(rows.columns[e] % 3));
    lowered.push_back(rows.values[e] - shifts.back());
  }
  const ObservedRows plain(rows, alswr, {}), expected(rows, alswr, lowered);
  ObservedRows shifted(rows, alswr, {});
  shifted.set_shifts(shifts);
  for (const Way& way : {Way{}, Way{ExchangeMethod::sparse, 9}, Way{ExchangeMethod::stream, 9, 500}}) {
    EXPECT_EQ(solved_users(dataset, shifted, way), solved_users(dataset, expected, way));
    EXPECT_NE(solved_users(dataset, shifted, way), solved_users(dataset, plain, way));
  }
}

TEST(HalfSweep, ItemOfAllUsersUserOfAllItems) {
  std::vector<Interaction> pairs;
  for (Count user = 0; user < 30; ++user) pairs.push_back({user, 0, 0, 1.0F + static_cast<float>(user % 3)});
  for (Count item = 1; item < 12; ++item) pairs.push_back({0, item, 0, 2});
  expect_descent(test::dataset_of(world(), 30, 12, pairs), hkv, 4, {}, 2e-5);
}

TEST(HalfSweep, RowThatCannotBeSolvedIsCountedAndNamed) {
  // Strength times alpha is beyond a float for user 3 alone.
  const Dataset dataset = test::dataset_of(
      world(), 5, 2, {{0, 0, 0, 1}, {1, 0, 0, 1}, {2, 1, 0, 1}, {3, 1, 0, 3e38F}, {4, 1, 0, 1}});
  BothSides sides(dataset, hkv, 3, {});
  const HalfSweepOutcome outcome = sides.solve_users();
  EXPECT_EQ(outcome.num_unsolved, 1);
  EXPECT_EQ(outcome.first_unsolved, 3);
  EXPECT_EQ(sides.x().row(3).norm(), 0);

  AlsConfig config;
  config.preset = AlsPreset::hkv;
  config.k = 3;
  PhaseLog phases;
  try {
    train_als(world(), dataset, config, {}, phases);
    ADD_FAILURE() << "trained on infinite confidence";
  } catch (const NumericError& error) {
    EXPECT_NE(std::string(error.what()).find("user 'u3'"), std::string::npos) << error.what();
  }
}

TEST(HalfSweep, SingularGramMatrixWithoutRegularizationIsRefused) {
  const Dataset dataset = random_strengths(20, 5, 0.5);
  const AlsObjective no_lambda{AlsTarget::ones, 0.1, 0, 0, 1};
  BothSides too_wide(dataset, no_lambda, 6, {});
  EXPECT_THROW(too_wide.solve_users(), NumericError);
  BothSides enough_rows(dataset, no_lambda, 3, {});
  expect_outcome_is_dense(enough_rows.solve_users(), enough_rows);
  EXPECT_LT(enough_rows.worst_user_residual(), 2e-5);
}

TEST(StartFactors, DependOnSeedIdAndColumnOnly) {
  const auto start = [](std::initializer_list<const char*> ids, std::uint64_t seed) {
    StringTable table;
    for (const char* id : ids) table.push_back(id);
    FactorTable factors;
    factors.rows = {7, 7 + table.size()};
    factors.num_columns = 3;
    factors.values.resize(static_cast<std::size_t>(3 * table.size()));
    start_factors(factors, table, seed, 0.5);
    return factors;
  };
  const auto as_vector = [](std::span<const float> row) {
    return std::vector<float>(row.begin(), row.end());
  };
  const FactorTable first = start({"a", "b"}, 1), turned = start({"b", "c", "a"}, 1);
  EXPECT_EQ(as_vector(first.row(0)), as_vector(turned.row(2)));
  EXPECT_EQ(as_vector(first.row(1)), as_vector(turned.row(0)));
  EXPECT_NE(as_vector(first.row(0)), as_vector(first.row(1)));
  EXPECT_NE(first.values, start({"a", "b"}, 2).values);
}

}  // namespace
}  // namespace pushcart::als::als_half_sweep_test
