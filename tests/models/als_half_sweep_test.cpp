#include "models/als/half_sweep.hpp"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>

#include "models/als/training_data.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::als {
namespace {

using test::world;
using Matrix = Eigen::MatrixXd;

/// Both half sweeps over a small dataset, and beside them the same problem in dense double algebra.
class BothSides {
 public:
  BothSides(const Dataset& dataset, const AlsObjective& objective, Count k, const ExchangeLimits& limits)
      : dataset_(dataset),
        objective_(objective),
        by_user_(dataset.by_user, objective, {}),
        by_item_(dataset.by_item, objective, {}),
        user_sweep_(world(), by_user_, dataset.num_users(), dataset.items, objective, limits, k),
        item_sweep_(world(), by_item_, dataset.num_items(), dataset.users, objective, limits, k) {
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
void expect_descent(const Dataset& dataset, const AlsObjective& objective, Count k,
                    const ExchangeLimits& limits, double tolerance) {
  BothSides sides(dataset, objective, k, limits);
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

TEST(HalfSweep, HoldsWithTinyRegularization) {
  const Dataset dataset = random_strengths(40, 30, 0.4);
  for (const double lambda : {1e-4, 1e-8}) {
    SCOPED_TRACE(lambda);
    expect_descent(dataset, {AlsTarget::confidence, 1, lambda, 0, 40}, 12, {}, 1e-4);
    expect_descent(dataset, {AlsTarget::ones, 0.01, lambda, 1, 1}, 12, {}, 1e-4);
  }
}

TEST(HalfSweep, RowsInPiecesOverManyBatchesAreTheSameProblem) {
  const Dataset dataset = random_strengths(60, 20, 0.5);
  for (const Count split_length : {1, 5, 17}) {
    const ExchangeLimits limits{1, 8 * 4, split_length, std::min<Count>(split_length, 4)};
    expect_descent(dataset, rendle, 8, limits, 2e-5);
    expect_descent(dataset, hkv, 8, limits, 2e-5);
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
}  // namespace pushcart::als
