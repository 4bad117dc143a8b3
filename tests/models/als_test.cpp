#include "pushcart/models/als.hpp"

#include <gtest/gtest.h>
#include <omp.h>

#include <Eigen/Dense>
#include <cmath>

#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::test::als_test {
namespace {

/// Weight and target of a pair by the objective of design section 3b, written out once more.
struct Observed {
  Count user, item;
  double weight, target;
};

/// A whole problem on every rank, in double.
struct Dense {
  Eigen::MatrixXd users, items;  // rows x k
  std::vector<Observed> observed;
  AlsObjective objective;

  double regularization(Count degree, Count others) const {
    return objective.lambda *
           std::pow(static_cast<double>(degree) + objective.alpha0 * static_cast<double>(others),
                    objective.nu);
  }
  std::vector<Count> degrees(bool of_items) const {
    std::vector<Count> counts(static_cast<std::size_t>(of_items ? items.rows() : users.rows()), 0);
    for (const auto& o : observed) ++counts[static_cast<std::size_t>(of_items ? o.item : o.user)];
    return counts;
  }
  double value() const {
    double sum = 0;
    for (const auto& o : observed) {
      const double error = users.row(o.user).dot(items.row(o.item)) - o.target;
      sum += o.weight * error * error;
    }
    sum += objective.alpha0 * (users * items.transpose()).squaredNorm();
    const auto user_degrees = degrees(false), item_degrees = degrees(true);
    for (Eigen::Index u = 0; u < users.rows(); ++u) {
      sum += regularization(user_degrees[static_cast<std::size_t>(u)], items.rows()) *
             users.row(u).squaredNorm();
    }
    for (Eigen::Index i = 0; i < items.rows(); ++i) {
      sum += regularization(item_degrees[static_cast<std::size_t>(i)], users.rows()) *
             items.row(i).squaredNorm();
    }
    return sum;
  }
  /// The normal equations of the items, the side solved last, by a dense solver in double.
  Eigen::MatrixXd solved_items() const {
    const Eigen::Index k = users.cols();
    const auto item_degrees = degrees(true);
    const Eigen::MatrixXd gram = users.transpose() * users;
    Eigen::MatrixXd solved = Eigen::MatrixXd::Zero(items.rows(), k);
    for (Eigen::Index i = 0; i < items.rows(); ++i) {
      const Count degree = item_degrees[static_cast<std::size_t>(i)];
      if (degree == 0) continue;
      Eigen::MatrixXd a =
          objective.alpha0 * gram + regularization(degree, users.rows()) * Eigen::MatrixXd::Identity(k, k);
      Eigen::VectorXd b = Eigen::VectorXd::Zero(k);
      for (const auto& o : observed) {
        if (o.item != i) continue;
        a += o.weight * users.row(o.user).transpose() * users.row(o.user);
        b += o.weight * o.target * users.row(o.user).transpose();
      }
      solved.row(i) = a.ldlt().solve(b).transpose();
    }
    return solved;
  }
};

Eigen::MatrixXd whole_table(const Communicator& comm, const FactorTable& table) {
  const auto rows = all_rows(comm, table.values);
  const auto k = static_cast<Eigen::Index>(comm.allreduce(table.num_columns, Reduce::max));
  using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  return Eigen::Map<const RowMajor>(rows.data(), static_cast<Eigen::Index>(rows.size()) / k, k)
      .cast<double>();
}

Dense dense_problem(const Dataset& dataset, const AlsConfig& config, const Model& model) {
  Dense dense;
  dense.objective = resolve_objective(config, dataset.value_kind);
  dense.users = whole_table(world(), model.user_factors);
  dense.items = whole_table(world(), model.item_factors);
  const auto user_bias = all_rows(world(), model.user_bias), item_bias = all_rows(world(), model.item_bias);
  for (const auto& pair : all_pairs(world(), dataset)) {
    const double r = static_cast<double>(pair.value);
    switch (dense.objective.target) {
      case AlsTarget::ones:
        dense.observed.push_back({pair.user, pair.item, 1, 1});
        break;
      case AlsTarget::confidence: {
        const double confidence = dense.objective.alpha * r;
        dense.observed.push_back({pair.user, pair.item, confidence, (1 + confidence) / confidence});
        break;
      }
      case AlsTarget::ratings:
        dense.observed.push_back({pair.user, pair.item, 1,
                                  r - model.mean -
                                      static_cast<double>(user_bias[static_cast<std::size_t>(pair.user)]) -
                                      static_cast<double>(item_bias[static_cast<std::size_t>(pair.item)])});
        break;
    }
  }
  return dense;
}

struct Case {
  const char* name;
  AlsPreset preset;
  SmallDataset shape;
  Count k;
};

std::vector<Case> cases() {
  SmallDataset plain, dense_rows, ratings, tiny, wide, one_item;
  dense_rows.density = 0.7;
  ratings.value_kind = ValueKind::rating;
  tiny.num_users = 1;
  tiny.num_items = 3;
  tiny.density = 1;
  wide.num_users = 3;
  wide.num_items = 60;
  one_item.num_users = 12;
  one_item.num_items = 1;
  one_item.density = 0.6;
  return {{"rendle", AlsPreset::rendle, plain, 8},       {"hkv", AlsPreset::hkv, plain, 8},
          {"ratings", AlsPreset::automatic, ratings, 6}, {"heavy rows", AlsPreset::rendle, dense_rows, 5},
          {"heavy hkv", AlsPreset::hkv, dense_rows, 4},  {"one user", AlsPreset::rendle, tiny, 4},
          {"k over rows", AlsPreset::rendle, wide, 16},  {"k = 1", AlsPreset::rendle, plain, 1},
          {"one item", AlsPreset::hkv, one_item, 3}};
}

AlsConfig config_of(const Case& c) {
  AlsConfig config;
  config.preset = c.preset;
  config.k = c.k;
  config.sweeps = 5;
  return config;
}

TEST(TrainAls, ReportsTheObjectiveThatADenseFormulaGives) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const Dataset dataset = small_dataset(world(), c.shape);
    const AlsConfig config = config_of(c);
    PhaseLog phases;
    const AlsResult result = train_als(world(), dataset, config, {}, phases);
    const double expected = dense_problem(dataset, config, result.model).value();
    EXPECT_NEAR(result.report.sweeps.back().objective, expected, 1e-5 * expected);
  }
}

TEST(TrainAls, SolvesTheNormalEquationsOfEveryItem) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const Dataset dataset = small_dataset(world(), c.shape);
    const AlsConfig config = config_of(c);
    PhaseLog phases;
    const AlsResult result = train_als(world(), dataset, config, {}, phases);
    const Dense dense = dense_problem(dataset, config, result.model);
    const Eigen::MatrixXd solved = dense.solved_items();
    EXPECT_LE((solved - dense.items).norm(), 1e-3 * solved.norm() + 1e-6);
  }
}

TEST(TrainAls, NeverRaisesTheObjective) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    PhaseLog phases;
    const AlsResult result = train_als(world(), small_dataset(world(), c.shape), config_of(c), {}, phases);
    for (std::size_t s = 1; s < result.report.sweeps.size(); ++s) {
      EXPECT_LE(result.report.sweeps[s].objective, result.report.sweeps[s - 1].objective * (1 + 1e-5));
    }
  }
}

TEST(TrainAls, GivesRowsWithoutInteractionsZeroFactors) {
  // User 2 and item 1 have nothing.
  const Dataset dataset = dataset_of(world(), 3, 3, {{0, 0, 0, 1}, {0, 2, 0, 1}, {1, 0, 0, 1}});
  PhaseLog phases;
  AlsConfig config;
  config.k = 2;
  const AlsResult result = train_als(world(), dataset, config, {}, phases);
  const auto users = whole_table(world(), result.model.user_factors);
  const auto items = whole_table(world(), result.model.item_factors);
  EXPECT_EQ(users.row(2).norm(), 0);
  EXPECT_EQ(items.row(1).norm(), 0);
  EXPECT_GT(users.row(0).norm(), 0);
}

TEST(TrainAls, SplitsLongRowsWithoutChangingTheAnswer) {
  SmallDataset shape;
  shape.num_users = 300;
  shape.num_items = 10;
  shape.density = 0.6;
  const Dataset dataset = small_dataset(world(), shape);
  AlsConfig config;
  config.k = 8;
  config.sweeps = 3;
  PhaseLog phases;
  const auto whole = train_als(world(), dataset, config, {}, phases);
  config.split_length = 64;
  const auto split = train_als(world(), dataset, config, {}, phases);
  EXPECT_NEAR(whole.report.sweeps.back().objective, split.report.sweeps.back().objective,
              1e-4 * whole.report.sweeps.back().objective);
}

TEST(TrainAls, GivesZeroFactorsWithoutAnyInteraction) {
  PhaseLog phases;
  AlsConfig config;
  config.k = 2;
  const AlsResult result = train_als(world(), dataset_of(world(), 3, 4, {}), config, {}, phases);
  EXPECT_EQ(whole_table(world(), result.model.user_factors), Eigen::MatrixXd::Zero(3, 2));
  EXPECT_EQ(whole_table(world(), result.model.item_factors), Eigen::MatrixXd::Zero(4, 2));
  EXPECT_EQ(result.report.sweeps.back().objective, 0);
}

/// The factors of a training as bits, on every rank of `comm`.
std::vector<float> factor_bits(const Communicator& comm, const SmallDataset& shape, const AlsConfig& config) {
  PhaseLog phases;
  const AlsResult result = train_als(comm, small_dataset(comm, shape), config, {}, phases);
  auto bits = all_rows(comm, result.model.user_factors.values);
  const auto items = all_rows(comm, result.model.item_factors.values);
  bits.insert(bits.end(), items.begin(), items.end());
  for (const auto& sweep : result.report.sweeps) bits.push_back(static_cast<float>(sweep.objective));
  return bits;
}

TEST(TrainAls, GivesTheSameBitsForAnyNumberOfRanksThreadsAndBatches) {
  const auto one = world().split(world().rank(), 0);
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    SmallDataset shape = c.shape;
    shape.num_users = shape.num_users > 10 ? 700 : shape.num_users;
    AlsConfig config = config_of(c);
    config.sweeps = 2;
    config.split_length = 128;
    const auto together = factor_bits(world(), shape, config);
    EXPECT_EQ(together, factor_bits(one, shape, config));
    const int threads = omp_get_max_threads();
    omp_set_num_threads(threads == 1 ? 2 : 1);
    EXPECT_EQ(together, factor_bits(world(), shape, config));
    omp_set_num_threads(threads);
    config.batch_bytes = 4096;
    EXPECT_EQ(together, factor_bits(world(), shape, config));
    config.seed = 2;
    EXPECT_NE(together, factor_bits(world(), shape, config));
  }
}

TEST(TrainAls, RefusesSettingsThatMakeNoSense) {
  const Dataset dataset = small_dataset(world(), {});
  const auto refusal = [&](auto&& change) {
    AlsConfig config;
    change(config);
    PhaseLog phases;
    try {
      train_als(world(), dataset, config, {}, phases);
    } catch (const Error& error) {
      return std::string(error.code() == ExitCode::usage ? error.what() : "wrong code");
    }
    return std::string("not refused");
  };
  EXPECT_NE(refusal([](AlsConfig& c) { c.k = 0; }).find("--k"), std::string::npos);
  EXPECT_NE(refusal([](AlsConfig& c) { c.lambda = -1; }).find("--lambda"), std::string::npos);
  EXPECT_NE(refusal([](AlsConfig& c) { c.alpha0 = -1; }).find("--alpha0"), std::string::npos);
  EXPECT_NE(refusal([](AlsConfig& c) { c.sweeps = 0; }).find("--sweeps"), std::string::npos);
  EXPECT_NE(refusal([](AlsConfig& c) { c.memory_budget_bytes = 1; }).find("--memory-per-rank"),
            std::string::npos);
}

}  // namespace
}  // namespace pushcart::test::als_test
