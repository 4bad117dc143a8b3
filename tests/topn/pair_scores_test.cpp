#include "pushcart/topn/pair_scores.hpp"

#include <gtest/gtest.h>

#include "topn/reference.hpp"

namespace pushcart::test {
namespace {

TEST(PairScores, AreThoseOfTheLists) {
  SmallDataset shape;
  shape.num_items = 2300;
  shape.density = 0.01;
  const Dataset dataset = small_dataset(world(), shape);
  shape.seed = 2;
  const Dataset asked = small_dataset(world(), shape);
  SparseRows pairs;  // in the partition of `dataset`
  std::vector<Interaction> everyone = all_pairs(world(), asked);
  std::vector<Interaction> mine;
  for (std::size_t i = 0; i < everyone.size(); ++i) {
    if (static_cast<int>(i) % world().size() == world().rank()) mine.push_back(everyone[i]);
  }
  pairs = rows_by_owner(world(), dataset.users, dataset.num_items(), mine);

  Model model = factor_model(dataset, 6, normal_cells(1), normal_cells(2));
  set_bias(model, [](Count item) { return static_cast<float>(item % 9) - 4.0F; });
  for (const bool weighted : {false, true}) {
    if (weighted) set_weights(model, 0.02, 3);
    const WholeItems items(model);
    const auto scores = pair_scores(world(), model, dataset, pairs);
    ASSERT_EQ(scores.size(), pairs.columns.size());
    for (Count row = 0; row < pairs.num_rows(); ++row) {
      for (Count e = pairs.offsets[static_cast<std::size_t>(row)];
           e < pairs.offsets[static_cast<std::size_t>(row) + 1]; ++e) {
        const auto at = static_cast<std::size_t>(e);
        EXPECT_EQ(scores[at], plain_score(model, dataset, items, pairs.rows.begin + row, pairs.columns[at]));
      }
    }
  }
}

}  // namespace
}  // namespace pushcart::test
