#include <gtest/gtest.h>
#include <omp.h>

#include <Eigen/Dense>
#include <cmath>
#include <map>

#include "models/als/training_data.hpp"
#include "models/dense_factors.hpp"
#include "pushcart/models/als.hpp"
#include "support/attributes.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::als_joint_map_test {
namespace {

using test::world;
using Matrix = Eigen::MatrixXd;

Dataset with_attributes(const Communicator& comm, const test::SmallDataset& shape) {
  Dataset dataset = test::small_dataset(comm, shape);
  dataset.user_attributes = test::attribute_columns(dataset.users.range(comm.rank()));
  dataset.item_attributes = test::attribute_columns(dataset.items.range(comm.rank()));
  return dataset;
}

AlsConfig joint_config(AlsPreset preset, Count k) {
  AlsConfig config;
  config.preset = preset;
  config.k = k;
  config.sweeps = 3;
  config.lambda = preset == AlsPreset::hkv ? 8 : 0.1;
  config.init_stddev = 1;
  config.attributes = {.users = {"gender", "tastes"}, .items = {"tastes"}, .ridge = 0.7};
  config.attribute_map = AttributeFit::joint;
  return config;
}

AlsResult train(const Communicator& comm, const Dataset& dataset, const AlsConfig& config) {
  PhaseLog phases;
  return train_als(comm, dataset, config, {}, phases);
}

/// One side of the same problem in dense algebra.
struct DenseSide {
  Matrix rows, weights, targets, touched, shares, means;
  AlsObjective objective;
  double ridge = 0;
  Matrix map;

  double rho(Eigen::Index row) const {
    const double size = touched.row(row).sum() + objective.alpha0 * static_cast<double>(touched.cols());
    return objective.lambda * std::pow(size, objective.nu);
  }
  bool counts(Eigen::Index row) const { return touched.row(row).sum() > 0; }
  double mean_rho() const {
    double sum = 0, count = 0;
    for (Eigen::Index row = 0; row < rows.rows(); ++row) {
      if (counts(row)) sum += rho(row), ++count;
    }
    return sum / count;
  }
  /// sum of rho |m - x|^2 + ridge * mean rho * |F_v|^2 at its least.
  void fit() {
    Matrix normal = Matrix::Zero(shares.cols(), shares.cols()),
           right = Matrix::Zero(shares.cols(), rows.cols());
    for (Eigen::Index row = 0; row < rows.rows(); ++row) {
      if (!counts(row)) continue;
      normal += rho(row) * shares.row(row).transpose() * shares.row(row);
      right += rho(row) * shares.row(row).transpose() * rows.row(row);
    }
    for (Eigen::Index value = 1; value < normal.rows(); ++value) normal(value, value) += ridge * mean_rho();
    map = normal.ldlt().solve(right);
    means = shares * map;
  }
  void solve(const Matrix& fixed) {
    const Matrix gram = objective.alpha0 * fixed.transpose() * fixed;
    for (Eigen::Index row = 0; row < rows.rows(); ++row) {
      rows.row(row).setZero();
      if (!counts(row)) continue;
      const Matrix weighted = weights.row(row).asDiagonal() * fixed;
      Matrix system = gram + fixed.transpose() * weighted;
      system.diagonal().array() += rho(row);
      rows.row(row) = system.ldlt()
                          .solve(weighted.transpose() * targets.row(row).transpose() +
                                 rho(row) * means.row(row).transpose())
                          .transpose();
    }
  }
  double penalty() const {
    double sum = ridge * mean_rho() * map.bottomRows(map.rows() - 1).squaredNorm();
    for (Eigen::Index row = 0; row < rows.rows(); ++row) {
      if (counts(row)) sum += rho(row) * (rows.row(row) - means.row(row)).squaredNorm();
    }
    return sum;
  }
  void finish() {
    fit();
    for (Eigen::Index row = 0; row < rows.rows(); ++row) {
      if (!counts(row)) rows.row(row) = means.row(row);
    }
  }
};

/// What rows have of F: F_0, then the values that two rows with entries have, of each column.
Matrix shares_of(const std::vector<std::string>& columns, const Matrix& touched) {
  std::map<std::pair<std::string, std::string>, int> rows_with;
  for (Eigen::Index row = 0; row < touched.rows(); ++row) {
    if (touched.row(row).sum() == 0) continue;
    for (const std::string& column : columns) {
      for (const std::string& value : test::attribute_values(row, column)) ++rows_with[{column, value}];
    }
  }
  std::erase_if(rows_with, [](const auto& value) { return value.second < 2; });
  Matrix shares = Matrix::Zero(touched.rows(), static_cast<Eigen::Index>(rows_with.size()) + 1);
  for (Eigen::Index row = 0; row < touched.rows(); ++row) {
    shares(row, 0) = 1;
    for (const std::string& column : columns) {
      std::vector<Eigen::Index> known;
      for (const std::string& value : test::attribute_values(row, column)) {
        const auto found = rows_with.find({column, value});
        if (found != rows_with.end()) known.push_back(1 + std::distance(rows_with.begin(), found));
      }
      for (const Eigen::Index at : known) shares(row, at) = 1 / static_cast<double>(known.size());
    }
  }
  return shares;
}

/// Maps and rows solved in turn, from the start values of the training.
class DenseTraining {
 public:
  /// @param biased  a model of the data, whose biases ratings are without
  DenseTraining(const Dataset& dataset, const AlsConfig& config, const Model& biased) {
    const AlsObjective objective = resolve_objective(config, dataset.value_kind);
    const auto user_bias = test::all_rows(world(), biased.user_bias),
               item_bias = test::all_rows(world(), biased.item_bias);
    Matrix weights = Matrix::Zero(dataset.num_users(), dataset.num_items()), targets = weights,
           touched = weights;
    for (const Interaction& pair : test::all_pairs(world(), dataset)) {
      const auto value = static_cast<double>(pair.value);
      const double confidence = objective.alpha * value;
      touched(pair.user, pair.item) = 1;
      weights(pair.user, pair.item) = objective.target == AlsTarget::confidence ? confidence : 1;
      targets(pair.user, pair.item) =
          objective.target == AlsTarget::confidence ? (1 + confidence) / confidence
          : objective.target == AlsTarget::ones
              ? 1.0
              : value - biased.mean - static_cast<double>(user_bias[static_cast<std::size_t>(pair.user)]) -
                    static_cast<double>(item_bias[static_cast<std::size_t>(pair.item)]);
    }
    FactorTable start{dataset.items.range(world().rank()), config.k, {}};
    start.values.resize(static_cast<std::size_t>(start.rows.size() * config.k));
    als::start_factors(start, dataset.item_ids, config.seed, config.init_stddev);
    const double ridge = config.attributes.ridge;
    users_ = {Matrix::Zero(dataset.num_users(), config.k),
              weights,
              targets,
              touched,
              shares_of(config.attributes.users, touched),
              {},
              objective,
              ridge,
              {}};
    items_ = {test::dense(start),
              weights.transpose(),
              targets.transpose(),
              touched.transpose(),
              shares_of(config.attributes.items, touched.transpose()),
              {},
              objective,
              ridge,
              {}};
  }

  /// @return the objective
  double sweep() {
    users_.fit();
    users_.solve(items_.rows);
    const double of_users = users_.penalty();
    items_.fit();
    items_.solve(users_.rows);
    const Matrix scores = users_.rows * items_.rows.transpose();
    return users_.weights.cwiseProduct((scores - users_.targets).cwiseAbs2()).sum() +
           users_.objective.alpha0 * scores.squaredNorm() + of_users + items_.penalty();
  }
  /// What users without entries, too, think of items without.
  Matrix scores() {
    users_.finish();
    items_.finish();
    return users_.rows * items_.rows.transpose();
  }

 private:
  DenseSide users_, items_;
};

void expect_dense(const Dataset& dataset, const AlsConfig& config, double tolerance) {
  const AlsResult result = train(world(), dataset, config);
  DenseTraining dense(dataset, config, result.model);
  for (const SweepReport& sweep : result.report.sweeps) {
    const double expected = dense.sweep();
    EXPECT_NEAR(sweep.objective, expected, tolerance * expected);
  }
  const Matrix expected = dense.scores();
  const Matrix scores =
      test::dense(result.model.user_factors) * test::dense(result.model.item_factors).transpose();
  EXPECT_LT((scores - expected).cwiseAbs().maxCoeff(), tolerance * expected.cwiseAbs().maxCoeff());
}

struct Case {
  test::SmallDataset shape;
  AlsPreset preset;
  Count k;
};

const Case cases[] = {
    {{.num_users = 40, .num_items = 30, .density = 0.08, .types = {}}, AlsPreset::rendle, 4},
    {{.num_users = 23, .num_items = 61, .density = 0.3, .seed = 5, .types = {}}, AlsPreset::rendle, 21},
    {{.num_users = 50, .num_items = 17, .density = 0.2, .seed = 7, .types = {}}, AlsPreset::hkv, 9},
    {{.num_users = 45, .num_items = 33, .density = 0.2, .value_kind = ValueKind::rating, .types = {}},
     AlsPreset::alswr,
     6}};

TEST(AlsJointMap, IsDenseAlgebraByEverySolver) {
  for (const Case& one : cases) {
    SCOPED_TRACE(one.k);
    const Dataset dataset = with_attributes(world(), one.shape);
    for (const AlsSolver solver : {AlsSolver::exact, AlsSolver::cg, AlsSolver::automatic}) {
      AlsConfig config = joint_config(one.preset, one.k);
      config.solver = solver;
      config.cg_tolerance = 1e-6;
      expect_dense(dataset, config, 5e-5);
    }
  }
}

TEST(AlsJointMap, IsDenseAlgebraOfRowsInPartsByEveryExchange) {
  bool is_exact = false;
  for (const ExchangeMethod method :
       {ExchangeMethod::replicate, ExchangeMethod::sparse, ExchangeMethod::stream}) {
    is_exact = !is_exact;  // so that each method, and each case, meets both solvers
    for (const Case& one : cases) {
      SCOPED_TRACE(one.k);
      const Dataset dataset = with_attributes(world(), one.shape);
      AlsConfig config = joint_config(one.preset, one.k);
      config.exchange = method;
      config.batch_bytes = 600;
      config.split_length = 4;
      is_exact = !is_exact;
      config.solver = is_exact ? AlsSolver::exact : AlsSolver::cg;
      config.cg_tolerance = 1e-6;
      expect_dense(dataset, config, 5e-5);
    }
  }
}

TEST(AlsJointMap, OfOneSideLeavesTheOtherPulledToZero) {
  const Dataset dataset = with_attributes(world(), cases[0].shape);
  AlsConfig config = joint_config(AlsPreset::rendle, 5);
  config.attributes.users.clear();
  const AlsResult joint = train(world(), dataset, config);
  EXPECT_FALSE(joint.model.user_attribute_map);
  ASSERT_TRUE(joint.model.item_attribute_map);
  config.attribute_map = AttributeFit::after;
  const AlsResult after = train(world(), dataset, config);
  const Matrix one =
                   test::dense(joint.model.user_factors) * test::dense(joint.model.item_factors).transpose(),
               other =
                   test::dense(after.model.user_factors) * test::dense(after.model.item_factors).transpose();
  EXPECT_GT((one - other).norm(), 0.01 * other.norm());
  // So large a ridge leaves F_0 alone, and alike items are pulled to it: no map of values is left.
  config.attribute_map = AttributeFit::joint;
  config.attributes.ridge = 1e12;
  const Model mean = train(world(), dataset, config).model;
  for (Count value = 1; value <= mean.item_attribute_map->num_values(); ++value) {
    for (const float v : mean.item_attribute_map->factors.row(value)) EXPECT_LT(std::abs(v), 1e-6F);
  }
}

/// Factors, maps and objectives, on every rank.
struct Trained {
  std::vector<float> users, items, user_map, item_map;
  std::string history;
  friend bool operator==(const Trained&, const Trained&) = default;
};

Trained trained(const Communicator& comm, const AlsConfig& config) {
  const Model model =
      train(comm, with_attributes(comm, {.num_users = 300, .num_items = 90, .density = 0.06, .types = {}}),
            config)
          .model;
  return {test::all_rows(comm, model.user_factors.values), test::all_rows(comm, model.item_factors.values),
          model.user_attribute_map->factors.values, model.item_attribute_map->factors.values, model.history};
}

TEST(AlsJointMap, HasTheSameBitsOnAnyRanksAndThreads) {
  const Communicator alone = world().split(world().rank(), 0);
  const int threads = omp_get_max_threads();
  for (const AlsSolver solver : {AlsSolver::exact, AlsSolver::cg, AlsSolver::automatic}) {
    for (const Count split_length : {8, 4096}) {
      AlsConfig config = joint_config(AlsPreset::rendle, 11);
      config.solver = solver;
      config.split_length = split_length;
      config.gather_precision =
          solver == AlsSolver::cg ? GatherPrecision::bfloat16 : GatherPrecision::float32;
      const Trained expected = trained(alone, config);
      for (const ExchangeMethod method :
           {split_length == 8 ? ExchangeMethod::replicate : ExchangeMethod::sparse, ExchangeMethod::stream}) {
        config.exchange = method;
        config.batch_bytes = method == ExchangeMethod::stream ? 2000 : Count{1} << 28;
        omp_set_num_threads(method == ExchangeMethod::sparse ? 3 : 1);
        EXPECT_EQ(trained(world(), config), expected) << exchange_method_name(method);
      }
      omp_set_num_threads(threads);
    }
  }
}

TEST(AlsJointMap, MeansTravelWithLentRowsAsPlanned) {
  const Dataset dataset =
      with_attributes(world(), {.num_users = 300, .num_items = 90, .density = 0.06, .types = {}});
  AlsConfig config = joint_config(AlsPreset::rendle, 8);
  config.exchange = ExchangeMethod::replicate;
  const TrainingReport joint = train(world(), dataset, config).report;
  config.attribute_map = AttributeFit::after;
  const TrainingReport after = train(world(), dataset, config).report;
  EXPECT_EQ(joint.counted_traffic, joint.planned_traffic);
  const Count more = world().sum(joint.counted_traffic.sent_bytes - after.counted_traffic.sent_bytes);
  EXPECT_EQ(more > 0, world().size() > 1);
  EXPECT_GT(world().sum(joint.planned_bytes), world().sum(after.planned_bytes));
}

TEST(AlsJointMap, GoesOnFromAnotherModel) {
  test::SmallDataset shape = cases[1].shape;  // everybody has interactions
  const Dataset dataset = with_attributes(world(), shape);
  AlsConfig config = joint_config(AlsPreset::rendle, 6);
  config.solver = AlsSolver::exact;
  const Model first = train(world(), dataset, config).model;
  config.sweeps = 5;
  const Model whole = train(world(), dataset, config).model;
  config.sweeps = 2;
  config.start = &first;
  const Model warm = train(world(), dataset, config).model;
  EXPECT_EQ(warm.user_factors.values, whole.user_factors.values);
  EXPECT_EQ(warm.item_factors.values, whole.item_factors.values);
  EXPECT_EQ(warm.item_attribute_map->factors.values, whole.item_attribute_map->factors.values);
}

}  // namespace
}  // namespace pushcart::als_joint_map_test
