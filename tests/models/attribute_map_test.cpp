#include "pushcart/models/attribute_map.hpp"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <set>

#include "pushcart/base/random.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/models/als.hpp"
#include "pushcart/models/model_file.hpp"
#include "pushcart/models/renumber.hpp"
#include "support/attributes.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::attribute_map_test {
namespace {

using test::all_rows;
using test::attribute_columns;
using test::world;
using Matrix = Eigen::MatrixXd;

constexpr Count num_rows = 300, k = 5;

/// Factors that depend on the row alone, whoever owns it.
FactorTable some_factors(Range rows) {
  FactorTable factors{rows, k, {}};
  for (Count row = rows.begin; row < rows.end; ++row) {
    const RandomStream random(3, static_cast<std::uint64_t>(row));
    for (Count c = 0; c < k; ++c) {
      factors.values.push_back(static_cast<float>(random.normal(static_cast<std::uint64_t>(c)) +
                                                  0.5 * static_cast<double>(row % 3 == 0) - 0.2));
    }
  }
  return factors;
}

bool is_learned(Count row) {
  return row % 7 != 2;
}

std::vector<char> learned_rows(Range rows) {
  std::vector<char> learned;
  for (Count row = rows.begin; row < rows.end; ++row) learned.push_back(is_learned(row) ? 1 : 0);
  return learned;
}

AttributeMap fitted(const Communicator& comm, const std::vector<std::string>& columns,
                    const AttributeConfig& config) {
  const Range rows = Partition::even(num_rows, comm.size()).range(comm.rank());
  return fit_attribute_map(comm, attribute_columns(rows), columns, config, "--user-attributes",
                           some_factors(rows), learned_rows(rows));
}

/// Shares of the values in the rows, written out: one column for each of `values`, F_0 first.
Matrix shares(const std::vector<std::pair<std::string, std::string>>& values) {
  Matrix a = Matrix::Zero(num_rows, static_cast<Eigen::Index>(values.size()) + 1);
  for (Count row = 0; row < num_rows; ++row) {
    a(row, 0) = 1;
    for (const std::string column : {"gender", "tastes"}) {
      std::vector<Eigen::Index> known;
      for (const std::string& value : test::attribute_values(row, column)) {
        const auto found = std::find(values.begin(), values.end(), std::pair{column, value});
        if (found != values.end()) known.push_back(found - values.begin() + 1);
      }
      for (const auto at : known) a(row, at) = 1 / static_cast<double>(known.size());
    }
  }
  return a;
}

/// (column, value) in the order of the map.
std::vector<std::pair<std::string, std::string>> values_of(const AttributeMap& map) {
  std::vector<std::pair<std::string, std::string>> values;
  for (const AttributeMap::Column& column : map.columns) {
    for (Count v = 0; v < column.values.size(); ++v)
      values.push_back({column.name, std::string(column.values[v])});
  }
  return values;
}

TEST(AttributeMap, IsTheRidgeRegressionOfTheRowsThatLearned) {
  AttributeConfig config;
  config.ridge = 2.5;
  const AttributeMap map = fitted(world(), {"gender", "tastes"}, config);
  const auto values = values_of(map);
  const Matrix all = shares(values);
  const FactorTable factors = some_factors({0, num_rows});
  std::vector<Eigen::Index> learned;
  for (Count row = 0; row < num_rows; ++row) {
    if (is_learned(row)) learned.push_back(row);
  }
  Matrix a(learned.size(), all.cols()), x(learned.size(), k);
  for (std::size_t n = 0; n < learned.size(); ++n) {
    const auto to = static_cast<Eigen::Index>(n);
    a.row(to) = all.row(learned[n]);
    for (Count c = 0; c < k; ++c)
      x(to, c) = static_cast<double>(factors.row(learned[n])[static_cast<std::size_t>(c)]);
  }
  Matrix normal = a.transpose() * a;
  for (Eigen::Index v = 1; v < normal.rows(); ++v) normal(v, v) += config.ridge;
  const Matrix expected = normal.ldlt().solve(a.transpose() * x);
  ASSERT_EQ(map.factors.rows, (Range{0, expected.rows()}));
  for (Eigen::Index v = 0; v < expected.rows(); ++v) {
    for (Count c = 0; c < k; ++c) {
      EXPECT_NEAR(static_cast<double>(map.factors.row(v)[static_cast<std::size_t>(c)]), expected(v, c), 1e-6);
    }
  }
  EXPECT_GT(expected.bottomRows(expected.rows() - 1).cwiseAbs().maxCoeff(), 0.1);

  const Range mine = Partition::even(num_rows, world().size()).range(world().rank());
  const FactorTable mapped = mapped_factors(map, attribute_columns(mine), mine);
  const Matrix expected_mapped = all * expected;
  for (Count row = mine.begin; row < mine.end; ++row) {
    for (Count c = 0; c < k; ++c) {
      EXPECT_NEAR(static_cast<double>(mapped.row(row - mine.begin)[static_cast<std::size_t>(c)]),
                  expected_mapped(row, c), 1e-6);
    }
  }
}

TEST(AttributeMap, KnowsTheValuesThatTwoLearnedRowsHave) {
  const AttributeMap map = fitted(world(), {"gender", "tastes"}, {});
  ASSERT_EQ(map.columns.size(), 2U);
  std::map<std::string, Count> counts;
  for (Count row = 0; row < num_rows; ++row) {
    if (!is_learned(row)) continue;
    for (const std::string& value : test::attribute_values(row, "tastes")) ++counts[value];
  }
  std::vector<std::pair<Count, std::string>> expected;
  for (const auto& [value, count] : counts) {
    if (count >= 2) expected.push_back({-count, value});
  }
  EXPECT_LT(expected.size(), counts.size());  // the rare one is left out
  std::sort(expected.begin(), expected.end());
  ASSERT_EQ(map.columns[1].values.size(), static_cast<Count>(expected.size()));
  for (std::size_t v = 0; v < expected.size(); ++v) {
    EXPECT_EQ(map.columns[1].values[static_cast<Count>(v)], expected[v].second);
  }
}

TEST(AttributeMap, HasTheSameBitsOnAnyRanks) {
  const Communicator alone = world().split(world().rank(), 0);
  const AttributeMap together = fitted(world(), {"tastes"}, {}), single = fitted(alone, {"tastes"}, {});
  EXPECT_EQ(together.factors.values, single.factors.values);
  EXPECT_EQ(values_of(together), values_of(single));
}

TEST(AttributeMap, SaysTheMeanOfRowsWithoutKnownValues) {
  const AttributeMap map = fitted(world(), {"gender"}, {});
  std::vector<TextColumn> attributes(1);
  attributes[0].name = "gender";
  for (const char* text : {"", "never seen", " F ", "never seen|F", "M|F"})
    attributes[0].values.push_back(text);
  const FactorTable mapped = mapped_factors(map, attributes, {0, 5});
  const FactorTable without = mapped_factors(map, {}, {0, 1});
  const auto row = [](const FactorTable& table, Count n) {
    return std::vector<float>(table.row(n).begin(), table.row(n).end());
  };
  EXPECT_EQ(row(mapped, 0), row(map.factors, 0));
  EXPECT_EQ(row(mapped, 1), row(map.factors, 0));
  EXPECT_EQ(row(without, 0), row(map.factors, 0));
  EXPECT_EQ(row(mapped, 3), row(mapped, 2));
  EXPECT_NE(row(mapped, 2), row(mapped, 0));
  const bool f_is_first = map.columns[0].values[0] == "F";
  for (std::size_t c = 0; c < k; ++c) {
    const auto f = static_cast<double>(row(map.factors, f_is_first ? 1 : 2)[c]),
               m = static_cast<double>(row(map.factors, f_is_first ? 2 : 1)[c]),
               mean = static_cast<double>(row(map.factors, 0)[c]);
    EXPECT_NEAR(static_cast<double>(row(mapped, 4)[c]), mean + (f + m) / 2, 1e-6);
  }
}

TEST(AttributeMap, OfOneValueOrOfNoRowsIsSound) {
  const Range rows = Partition::even(num_rows, world().size()).range(world().rank());
  std::vector<TextColumn> same(1);
  same[0].name = "country";
  for (Count row = 0; row < rows.size(); ++row) same[0].values.push_back("here");
  const FactorTable factors = some_factors(rows);
  const AttributeMap map =
      fit_attribute_map(world(), same, {"country"}, {}, "--user-attributes", factors, learned_rows(rows));
  // The constant takes it all: the value's own row would cost.
  for (Count c = 0; c < k; ++c)
    EXPECT_NEAR(static_cast<double>(map.factors.row(1)[static_cast<std::size_t>(c)]), 0, 1e-6);
  const std::vector<char> none(static_cast<std::size_t>(rows.size()), 0);
  const AttributeMap empty =
      fit_attribute_map(world(), same, {"country"}, {}, "--user-attributes", factors, none);
  EXPECT_EQ(empty.num_values(), 0);
  EXPECT_EQ(empty.factors.values, std::vector<float>(static_cast<std::size_t>(k), 0.0F));
}

TEST(AttributeMap, RefusesWhatMakesNoSense) {
  AttributeConfig config;
  EXPECT_THROW(fitted(world(), {"gendre"}, config), CollectiveError);
  EXPECT_THROW(fitted(world(), {"gender", "gender"}, config), CollectiveError);
  config.ridge = 0;
  EXPECT_THROW(fitted(world(), {"gender"}, config), CollectiveError);
  config = {};
  config.separator = "";
  EXPECT_THROW(fitted(world(), {"gender"}, config), CollectiveError);
  const Range rows = Partition::even(2 * (max_attribute_values + 1), world().size()).range(world().rank());
  std::vector<TextColumn> names(1);
  names[0].name = "name";
  for (Count row = rows.begin; row < rows.end; ++row)
    names[0].values.push_back("user " + std::to_string(row / 2));
  const FactorTable factors{rows, 1, std::vector<float>(static_cast<std::size_t>(rows.size()), 1.0F)};
  const std::vector<char> all(static_cast<std::size_t>(rows.size()), 1);
  EXPECT_THROW(fit_attribute_map(world(), names, {"name"}, {}, "--user-attributes", factors, all),
               ConfigError);
}

/// A model of users with attributes, some of them without interactions.
struct Trained {
  Dataset dataset = test::small_dataset(world(), {.num_users = 40, .num_items = 30, .density = 0.08});
  Model model;

  Trained() {
    dataset.user_attributes = attribute_columns(dataset.users.range(world().rank()));
    dataset.item_attributes = attribute_columns(dataset.items.range(world().rank()));
    AlsConfig config;
    config.k = 4;
    config.sweeps = 3;
    config.attributes.users = {"gender", "tastes"};
    config.attributes.items = {"tastes"};
    PhaseLog phases;
    model = train_als(world(), dataset, config, {}, phases).model;
  }
};

TEST(AttributeMap, GivesRowsWithoutInteractionsFactors) {
  const Trained trained;
  Count num_empty = 0;
  const auto compare = [&](const SparseRows& rows, const FactorTable& factors, const FactorTable& mapped) {
    for (Count row = 0; row < rows.num_rows(); ++row) {
      const bool is_mapped = std::ranges::equal(factors.row(row), mapped.row(row));
      EXPECT_EQ(is_mapped, rows.row_length(row) == 0);
      num_empty += rows.row_length(row) == 0 ? 1 : 0;
    }
  };
  const Dataset& dataset = trained.dataset;
  const Model& model = trained.model;
  compare(dataset.by_user, model.user_factors,
          mapped_factors(*model.user_attribute_map, dataset.user_attributes, model.user_factors.rows));
  compare(dataset.by_item, model.item_factors,
          mapped_factors(*model.item_attribute_map, dataset.item_attributes, model.item_factors.rows));
  EXPECT_GT(world().sum(num_empty), 0);
}

TEST(AttributeMap, IsPartOfWhatTheTrainingPlans) {
  Trained trained;
  AlsConfig config;
  config.k = 4;
  config.sweeps = 1;
  config.exchange = ExchangeMethod::sparse;  // of which all trainings plan the same; they do not share rows alike
  PhaseLog phases;
  const auto planned = [&](const AttributeConfig& attributes) {
    config.attributes = attributes;
    return train_als(world(), trained.dataset, config, {}, phases).report.planned_bytes;
  };
  const Count without = planned({}), users = planned({.users = {"gender", "tastes"}, .items = {}}),
              both = planned({.users = {"gender", "tastes"}, .items = {"tastes"}});
  const Count width = 4, size = 1 + trained.model.user_attribute_map->num_values();
  // In doubles A'A and A'X, in floats F and what it says of each user.
  EXPECT_EQ(users - without,
            size * size * 8 + size * width * 8 + (size + trained.dataset.by_user.num_rows()) * width * 4);
  EXPECT_EQ(both, users);  // the map of users is the larger one, and they come one after the other
}

TEST(AttributeMap, LiesInTheModelFile) {
  Trained trained;
  const std::string folder = test::scratch_folder("attribute_map");
  trained.model.dataset_digest = trained.dataset.digest;
  write_model(world(), folder + "/model.h5", trained.model);
  const Model back = read_model(world(), folder + "/model.h5", trained.dataset);
  const Model renumbered =
      renumber(world(), back, map_ids(world(), trained.dataset, trained.dataset), trained.dataset);
  for (const Model* model : {&back, &renumbered}) {
    ASSERT_TRUE(model->user_attribute_map && model->item_attribute_map);
    EXPECT_EQ(model->user_attribute_map->factors.values, trained.model.user_attribute_map->factors.values);
    EXPECT_EQ(model->item_attribute_map->factors.values, trained.model.item_attribute_map->factors.values);
    EXPECT_EQ(values_of(*model->user_attribute_map), values_of(*trained.model.user_attribute_map));
    EXPECT_EQ(model->user_attribute_map->separator, "|");
    EXPECT_EQ(model->user_attribute_map->ridge, 10);
  }
  trained.model.user_attribute_map.reset();
  write_model(world(), folder + "/without.h5", trained.model);
  EXPECT_FALSE(read_model(world(), folder + "/without.h5", trained.dataset).user_attribute_map);
  trained.model.item_attribute_map->columns[0].values.push_back("one that has no factors");
  write_model(world(), folder + "/unsound.h5", trained.model);
  EXPECT_THROW(read_model(world(), folder + "/unsound.h5", trained.dataset), Error);
}

}  // namespace
}  // namespace pushcart::attribute_map_test
