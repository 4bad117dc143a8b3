#include "pushcart/models/spectral.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "models/linear_reference.hpp"
#include "pushcart/models/exact_filter.hpp"
#include "support/world.hpp"

namespace pushcart::spectral_test {
namespace {

using test::SmallDataset;
using test::world;
using testing::HasSubstr;

const SmallDataset middling{.num_users = 120, .num_items = 80, .density = 0.08, .seed = 5, .types = {}};

SpectralResult train(const Communicator& comm, const Dataset& dataset, const SpectralConfig& config) {
  PhaseLog phases;
  return train_spectral(comm, dataset, config, phases);
}

Eigen::VectorXd powers(const Eigen::VectorXd& degrees, double exponent) {
  return degrees.unaryExpr([exponent](double d) { return d > 0 ? std::pow(d, exponent) : 0.0; });
}

/// The filter by its definition, dense and in double.
class Reference {
 public:
  Reference(const Eigen::MatrixXd& r, double a, double b)
      : r_(r), item_degrees_(r.cwiseAbs().colwise().sum().transpose()) {
    const Eigen::VectorXd user_degrees = r.cwiseAbs().rowwise().sum();
    const Eigen::MatrixXd normalized =
        powers(user_degrees, -a).asDiagonal() * r * powers(item_degrees_, -b).asDiagonal();
    const Eigen::JacobiSVD<Eigen::MatrixXd> svd(normalized, Eigen::ComputeThinU | Eigen::ComputeThinV);
    values_ = svd.singularValues();
    vectors_ = svd.matrixV();
    product_ = normalized.transpose() * normalized / (values_[0] * values_[0]);
  }
  const Eigen::VectorXd& singular_values() const { return values_; }

  /// P without its diagonal.
  Eigen::MatrixXd sparse_weights() const {
    Eigen::MatrixXd p = product_;
    p.diagonal().setZero();
    return p;
  }
  Eigen::MatrixXd sparse_part() const { return r_ * sparse_weights(); }
  Eigen::MatrixXd low_rank_part(Count k, double exponent, const std::function<double(double)>& gain) const {
    const Eigen::MatrixXd v = vectors_.leftCols(k);
    const Eigen::VectorXd gains =
        (values_.head(k) / values_[0]).unaryExpr([&](double sigma) { return gain(sigma * sigma); });
    return r_ * powers(item_degrees_, -exponent).asDiagonal() * v * gains.asDiagonal() * v.transpose() *
           powers(item_degrees_, exponent).asDiagonal();
  }

 private:
  Eigen::MatrixXd r_, vectors_, product_;
  Eigen::VectorXd item_degrees_, values_;
};

SpectralConfig accurate(SpectralPreset preset, Count k) {
  SpectralConfig config;
  config.preset = preset;
  config.k = k;
  config.neighbours = 30;
  config.tolerance = 2e-5;
  config.max_rounds = 300;
  return config;
}

void expect_scores(const Model& model, const Eigen::MatrixXd& r, const Eigen::MatrixXd& expected) {
  const Eigen::MatrixXd scores = test::dense_scores(world(), model, r);
  EXPECT_LT((scores - expected).cwiseAbs().maxCoeff(), 2e-3 * expected.cwiseAbs().maxCoeff());
}

TEST(Spectral, SingularValuesAgreeWithADenseDecomposition) {
  const Dataset dataset = test::small_dataset(world(), middling);
  const Eigen::MatrixXd r = test::dense_ratings(world(), dataset);
  for (const auto& [a, b] : {std::pair{0.5, 0.5}, std::pair{0.5, 0.3}, std::pair{0.0, 0.0}}) {
    SpectralConfig config = accurate(SpectralPreset::gf_cf, 12);
    config.user_exponent = a;
    config.item_exponent = b;
    const SpectralResult result = train(world(), dataset, config);
    const Reference reference(r, a, b);
    ASSERT_EQ(result.report.singular_values.size(), 12U);
    for (Count n = 0; n < 12; ++n) {
      EXPECT_NEAR(result.report.singular_values[static_cast<std::size_t>(n)], reference.singular_values()[n],
                  1e-5 * reference.singular_values()[0]);
    }
    EXPECT_LE(result.report.worst_residual, config.tolerance);
    EXPECT_GT(result.report.rounds, 1);
    EXPECT_LT(result.report.rounds, 40);
  }
}

TEST(Spectral, PureSvdIsTheProjectionOnTheLeadingVectors) {
  const Dataset dataset = test::small_dataset(world(), middling);
  const Eigen::MatrixXd r = test::dense_ratings(world(), dataset);
  const SpectralResult result = train(world(), dataset, accurate(SpectralPreset::pure_svd, 7));
  EXPECT_FALSE(result.model.item_weights);
  EXPECT_EQ(result.model.item_factors.num_columns, 7);
  expect_scores(result.model, r, Reference(r, 0, 0).low_rank_part(7, 0, [](double) { return 1.0; }));
}

TEST(Spectral, GfCfIsSparsePartAndIdealLowPass) {
  const Dataset dataset = test::small_dataset(world(), middling);
  const Eigen::MatrixXd r = test::dense_ratings(world(), dataset);
  SpectralConfig config = accurate(SpectralPreset::gf_cf, 9);
  config.neighbours = 80;
  const SpectralResult result = train(world(), dataset, config);
  const Reference reference(r, 0.5, 0.5);
  EXPECT_NEAR(result.report.kept_share, 1, 1e-12);
  expect_scores(result.model, r,
                reference.sparse_part() + 0.3 * reference.low_rank_part(9, 0.5, [](double) { return 1.0; }));
}

TEST(Spectral, SharpeningLowPassAndPolynomialAddUp) {
  const Dataset dataset = test::small_dataset(world(), middling);
  const Eigen::MatrixXd r = test::dense_ratings(world(), dataset);
  SpectralConfig config = accurate(SpectralPreset::bspm, 9);
  config.user_exponent = 0.6;
  config.item_exponent = 0.4;
  config.sparse_weight = 0.7;
  config.low_pass = LowPass::linear;
  config.low_pass_weight = 0.4;
  config.low_pass_exponent = 0.2;
  config.sharpening_time = 1.5;
  config.polynomial = {{0.3, -0.6}};
  config.neighbours = 80;
  const auto q = [](double x) {
    const double tx = 1.5 * x;
    return 1 - tx + tx * tx / 2 - tx * tx * tx / 6 + tx * tx * tx * tx / 24;
  };
  const Reference reference(r, 0.6, 0.4);
  const Eigen::MatrixXd expected =
      0.7 * reference.sparse_part() +
      reference.low_rank_part(9, 0, [&](double x) { return x * (q(x) - 0.7) + 0.3 * x - 0.6 * x * x; }) +
      0.4 * reference.low_rank_part(9, 0.2, [&](double x) { return x * q(x); });
  expect_scores(train(world(), dataset, config).model, r, expected);
  config.low_pass_exponent = 0;  // both low-rank parts in one set of columns
  const SpectralResult merged = train(world(), dataset, config);
  EXPECT_EQ(merged.model.item_factors.num_columns, 9);
  expect_scores(merged.model, r, 0.7 * reference.sparse_part() + reference.low_rank_part(9, 0, [&](double x) {
    return x * (q(x) - 0.7) + 0.3 * x - 0.6 * x * x + 0.4 * x * q(x);
  }));
}

TEST(Spectral, WeightsAreTheLargestOfEachRow) {
  const Dataset dataset = test::small_dataset(world(), middling);
  const Eigen::MatrixXd r = test::dense_ratings(world(), dataset);
  SpectralConfig config = accurate(SpectralPreset::gf_cf, 3);
  config.neighbours = 80;
  const Eigen::MatrixXd all = test::dense_weights(world(), train(world(), dataset, config).model);
  config.neighbours = 4;
  const SpectralResult cut = train(world(), dataset, config);
  const Eigen::MatrixXd kept = test::dense_weights(world(), cut.model);
  for (Count row = 0; row < all.rows(); ++row) {
    std::vector<std::pair<double, Count>> order;
    for (Count column = 0; column < all.cols(); ++column)
      order.emplace_back(-std::abs(all(row, column)), column);
    std::ranges::sort(order);
    for (std::size_t n = 0; n < order.size(); ++n) {
      const Count column = order[n].second;
      EXPECT_EQ(kept(row, column), n < 4 ? all(row, column) : 0.0);
    }
  }
  EXPECT_NEAR(cut.report.kept_share, kept.squaredNorm() / all.squaredNorm(), 1e-12);
  EXPECT_LT(cut.report.kept_share, 0.9);
}

TEST(Spectral, RowsAlikeAndEmptyRowsLeaveFiniteFactors) {
  // Two groups of users, each alike: rank 2. User 6 and item 5 have nothing.
  std::vector<Interaction> pairs;
  for (Count user = 0; user < 6; ++user) {
    for (Count item = 0; item < 4; ++item) {
      if ((user < 3) == (item < 2)) pairs.push_back({user, item, 0, 1.0F});
    }
  }
  pairs.push_back({0, 4, 0, 1.0F});
  const Dataset dataset = test::dataset_of(world(), 7, 6, pairs);
  const Eigen::MatrixXd r = test::dense_ratings(world(), dataset);
  SpectralConfig config = accurate(SpectralPreset::pure_svd, 5);
  const SpectralResult result = train(world(), dataset, config);
  // Rank 3: all of R comes back.
  expect_scores(result.model, r, r);
  EXPECT_GT(result.report.singular_values[2], 0.7);
  EXPECT_EQ(result.report.singular_values[3], 0);
  const Eigen::MatrixXd scores = test::dense_scores(world(), result.model, r);
  EXPECT_EQ(scores.row(6).cwiseAbs().maxCoeff(), 0);
  EXPECT_EQ(scores.col(5).cwiseAbs().maxCoeff(), 0);
}

/// Sparse rows of all ranks, dense.
Eigen::MatrixXd dense_rows(const SparseRows& rows, Count num_rows) {
  Eigen::MatrixXd mine = Eigen::MatrixXd::Zero(num_rows, rows.num_columns);
  for (Count row = 0; row < rows.num_rows(); ++row) {
    for (std::size_t n = 0; n < rows.row_columns(row).size(); ++n) {
      mine(rows.rows.begin + row, rows.row_columns(row)[n]) = static_cast<double>(rows.row_values(row)[n]);
    }
  }
  world().allreduce(std::span(mine.data(), static_cast<std::size_t>(mine.size())), Reduce::sum);
  return mine;
}

/// The terms of the owned users, a batch after the other.
Eigen::MatrixXd exact_terms(const ExactFilter& filter, const Dataset& dataset) {
  const Range owned = dataset.users.range(world().rank());
  const Count batch = filter.batch_users();
  const Count num_batches = world().allreduce((owned.size() + batch - 1) / batch, Reduce::max);
  Eigen::MatrixXd all = Eigen::MatrixXd::Zero(dataset.num_users(), dataset.num_items());
  for (Count n = 0; n < num_batches; ++n) {
    std::vector<Count> users;
    for (Count user = owned.begin + n * batch; user < std::min(owned.end, owned.begin + (n + 1) * batch);
         ++user)
      users.push_back(user);
    all += dense_rows(filter.terms(users), dataset.num_users());
  }
  return all;
}

TEST(Spectral, TheExactFilterIsTheSparsePartWithoutACut) {
  const Dataset dataset = test::small_dataset(world(), middling);
  // Learned from four fifths of the pairs, serving all.
  Dataset part = dataset;
  part.by_user = {dataset.by_user.rows, dataset.num_items(), {0}, {}, {}};
  for (Count row = 0; row < dataset.by_user.num_rows(); ++row) {
    for (std::size_t n = 0; n < dataset.by_user.row_columns(row).size(); ++n) {
      const Count item = dataset.by_user.row_columns(row)[n];
      if ((dataset.by_user.rows.begin + row + item) % 5 == 0) continue;
      part.by_user.columns.push_back(item);
      part.by_user.values.push_back(dataset.by_user.row_values(row)[n]);
    }
    part.by_user.offsets.push_back(part.by_user.num_entries());
  }
  part.by_item = transpose(world(), part.by_user, part.items, part.num_users());
  SpectralConfig config = accurate(SpectralPreset::bspm, 5);
  config.neighbours = 3;
  for (const Dataset* learned : std::vector<const Dataset*>{&dataset, &part}) {
    const Model model = train(world(), *learned, config).model;
    const Eigen::MatrixXd expected =
        0.8 * test::dense_ratings(world(), dataset) *
        Reference(test::dense_ratings(world(), *learned), 0.5, 0.4).sparse_weights();
    for (const Count batch_bytes : {Count{1}, Count{9} * 80 * 20, Count{1} << 28}) {
      const ExactFilter filter(world(), model, dataset, *learned, batch_bytes);
      const Eigen::MatrixXd terms = exact_terms(filter, dataset);
      EXPECT_LT((terms - expected).cwiseAbs().maxCoeff(), 1e-4 * expected.cwiseAbs().maxCoeff());
    }
  }
}

TEST(Spectral, TheExactFilterNeedsAFilterThatWasCut) {
  const Dataset dataset = test::small_dataset(world(), middling);
  const Model pure = train(world(), dataset, accurate(SpectralPreset::pure_svd, 5)).model;
  Model other = pure;
  other.family = "als";
  for (const auto& [model, text] :
       std::vector<std::pair<Model, std::string>>{{pure, "--sparse-weight 0"}, {other, "family 'als'"}}) {
    try {
      const ExactFilter filter(world(), model, dataset, dataset, 1000);
      ADD_FAILURE() << text << ": nothing was thrown";
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), HasSubstr(text));
    }
  }
}

void expect_same_bits(const SmallDataset& shape, SpectralConfig config) {
  const Communicator alone = world().split(world().rank(), 0);
  const auto train_on = [&](const Communicator& comm) {
    const Dataset dataset = test::small_dataset(comm, shape);
    return test::whole_model(comm, train(comm, dataset, config).model);
  };
  const auto expected = train_on(alone);
  EXPECT_EQ(train_on(world()), expected);
  {
    const test::WithThreads two(2);
    EXPECT_EQ(train_on(world()), expected);
  }
  const test::WithThreads three(3);
  config.batch_bytes = 1;
  EXPECT_EQ(train_on(world()), expected);
}

TEST(Spectral, SameBitsOnAnyNumberOfRanks) {
  SpectralConfig config;
  config.k = 13;
  config.neighbours = 9;
  expect_same_bits({.num_users = 600, .num_items = 150, .density = 0.04, .seed = 3, .types = {}}, config);
  config.k = 2;
  config.neighbours = 2;
  expect_same_bits({.num_users = 3, .num_items = 2, .density = 0.9, .types = {}}, config);
  config.k = 6;
  config.event_weights = {{"buy", 2.5}};
  expect_same_bits({.num_users = 60, .num_items = 50, .seed = 4, .types = {"buy", "view"}}, config);
}

TEST(Spectral, SettingsAreRefusedByTheNameOfTheOption) {
  const Dataset dataset = test::small_dataset(world(), {});  // 40 x 30
  const std::vector<std::pair<std::string, std::function<void(SpectralConfig&)>>> bad{
      {"--k 0", [](SpectralConfig& c) { c.k = 0; }},
      {"--k 31", [](SpectralConfig& c) { c.k = 31; }},
      {"--neighbours 31", [](SpectralConfig& c) { c.neighbours = 31; }},
      {"--neighbours 0", [](SpectralConfig& c) { c.neighbours = 0; }},
      {"--user-exponent", [](SpectralConfig& c) { c.user_exponent = -0.1; }},
      {"--item-exponent",
       [](SpectralConfig& c) { c.item_exponent = std::numeric_limits<double>::quiet_NaN(); }},
      {"--sharpening-time", [](SpectralConfig& c) { c.sharpening_time = 4; }},
      {"--low-pass-exponent", [](SpectralConfig& c) { c.low_pass_exponent = 9; }},
      {"--polynomial", [](SpectralConfig& c) { c.polynomial = {{HUGE_VAL}}; }},
      {"--tolerance", [](SpectralConfig& c) { c.tolerance = 0; }},
      {"--max-rounds", [](SpectralConfig& c) { c.max_rounds = 0; }},
      {"nothing is left",
       [](SpectralConfig& c) {
         c.sparse_weight = 0;
         c.low_pass_weight = 0;
         c.sharpening_time = 0;
         c.polynomial.emplace();
       }},
      {"over --memory-per-rank", [](SpectralConfig& c) { c.memory_budget_bytes = 1000; }}};
  for (const auto& [text, spoil] : bad) {
    SpectralConfig config;
    config.k = 4;
    config.neighbours = 5;
    spoil(config);
    try {
      train(world(), dataset, config);
      ADD_FAILURE() << text << ": nothing was thrown";
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), HasSubstr(text));
    }
  }
}

TEST(Spectral, NamesAreKnownBothWays) {
  for (SpectralPreset preset :
       {SpectralPreset::reweighted, SpectralPreset::bspm, SpectralPreset::gf_cf, SpectralPreset::pure_svd}) {
    EXPECT_EQ(spectral_preset_of(spectral_preset_name(preset)), preset);
  }
  EXPECT_EQ(low_pass_of("linear"), LowPass::linear);
  try {
    spectral_preset_of("gfcf");
    ADD_FAILURE();
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("did you mean 'gf-cf'"));
  }
}

}  // namespace
}  // namespace pushcart::spectral_test
