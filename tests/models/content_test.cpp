#include "pushcart/models/content.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "content_reference.hpp"
#include "models/content/ngrams.hpp"
#include "models/content/words.hpp"
#include "ngrams_reference.hpp"
#include "pushcart/base/digest.hpp"
#include "pushcart/topn/top_items.hpp"

namespace pushcart::test::content_test {
namespace {

using Eigen::MatrixXd;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

ContentConfig by_tags() {
  ContentConfig config;
  config.fields = {{TextKind::tags, "tags"}};
  config.k = 0;
  return config;
}

ContentResult train(const Communicator& comm, const Dataset& dataset, const ContentConfig& config) {
  PhaseLog phases;
  return train_content(comm, dataset, config, phases);
}

/// Similarities with the diagonal taken off; of each row the k best stay.
MatrixXd best_of_rows(MatrixXd similarities, Count k) {
  similarities.diagonal().setZero();
  for (Eigen::Index row = 0; row < similarities.rows(); ++row) {
    std::vector<double> sorted;
    for (const double value : similarities.row(row)) sorted.push_back(value);
    std::sort(sorted.begin(), sorted.end(), std::greater<>());
    const double least = sorted[static_cast<std::size_t>(std::min<Count>(k, content_items) - 1)];
    for (double& value : similarities.row(row)) value = value < least ? 0 : value;
  }
  return similarities;
}

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  content::WordCutter().cut(text, [&](std::string_view word) { words.emplace_back(word); });
  return words;
}

TEST(Words, AreFoldedAndCutInAnyScript) {
  EXPECT_THAT(words_of("  Don't PANIC: 42 x 3.5!"), ElementsAre("don't", "panic", "42", "x", "3.5"));
  EXPECT_THAT(words_of("Stra\xc3\x9f"
                       "e \xef\xac\x81ne \xc3\x89t\xc3\xa9"),
              ElementsAre("strasse", "fine", "\xc3\xa9t\xc3\xa9"));
  EXPECT_THAT(words_of("e\xcc\x81"), ElementsAre("\xc3\xa9"));  // composed
  EXPECT_THAT(words_of("\xe7\xa7\x81\xe3\x81\xaf\xe5\xad\xa6\xe7\x94\x9f\xe3\x81\xa7\xe3\x81\x99"),
              Contains("\xe5\xad\xa6\xe7\x94\x9f"));  // of a sentence without blanks
  EXPECT_THAT(words_of(""), ElementsAre());
  EXPECT_THAT(words_of("a\xff"
                       "b"),
              ElementsAre("a", "b"));
}

TEST(Ngrams, AreRunsOfCodePointsInFoldedWords) {
  const NgramConfig config{2, 4, 1 << 20};
  std::vector<std::string> found, expected;
  content::NgramCutter(config).cut("Caf\xc3\x89, Ox!",
                                   [&](std::string_view ngram) { found.emplace_back(ngram); });
  for (const auto& ngram : ngrams_by_hand({"caf\xc3\xa9", "ox"}, 2, 4))
    expected.push_back(std::to_string(hash_text(ngram) % (1 << 20)));
  EXPECT_EQ(found, expected);
  EXPECT_EQ(found.size(), 5U + 4U + 3U + 3U + 2U + 1U);
}

TEST(Content, ComparesByNgrams) {
  const Dataset dataset = content_dataset(world());
  for (const Count buckets : {40, 1 << 20}) {
    ContentConfig config;
    config.fields = {{TextKind::ngrams, "name"}};
    config.ngrams = {3, 4, buckets};
    config.k = 0;
    Frequencies items;
    for (Count item = 0; item < content_items; ++item) {
      auto& terms = items.emplace_back();
      const std::vector<std::string> words{"box",         std::to_string(item % 4), "box", "of",
                                           "caf\xc3\xa9", std::to_string(item % 3)};
      for (const auto& ngram : ngrams_by_hand(words, 3, 4))
        terms[std::to_string(hash_text(ngram) % static_cast<std::uint64_t>(buckets))] += 1;
    }
    const MatrixXd terms = field_matrix(items, config.tf_exponent, config.idf_exponent, 2, 1);
    MatrixXd expected = terms * terms.transpose();
    expected.diagonal().setZero();
    const Model model = train(world(), dataset, config).model;
    EXPECT_LT((whole_weights(world(), *model.item_weights) - expected).cwiseAbs().maxCoeff(), 1e-5);
    EXPECT_GT(expected.maxCoeff(), 0.5);
  }
}

TEST(Content, WeightsAreCosinesOfTagProfiles) {
  const Dataset dataset = content_dataset(world());
  ContentConfig config = by_tags();
  config.idf_exponent = 1.5;
  config.sparse_weight = 2;
  config.similarity_power = 1.2;
  const MatrixXd terms = field_matrix(tag_frequencies(), 1, 1.5, 2, 1);
  const MatrixXd all = terms * terms.transpose();
  for (const Count k : {4, 1000}) {
    for (const KeptLists kept : {KeptLists::of_history, KeptLists::of_candidates}) {
      config.neighbours = k;
      config.kept = kept;
      const MatrixXd best = 2 * best_of_rows(all, k).array().pow(1.2).matrix();
      const MatrixXd expected = kept == KeptLists::of_history ? best : best.transpose();
      const Model model = train(world(), dataset, config).model;
      EXPECT_TRUE(model.item_factors.empty());
      const MatrixXd weights = whole_weights(world(), *model.item_weights);
      if (k > content_items) {
        EXPECT_LT((weights - expected).cwiseAbs().maxCoeff(), 1e-5);
        continue;
      }
      // Of equally good ones the engine keeps as many as there is room for.
      const MatrixXd lists = kept == KeptLists::of_history ? weights : MatrixXd(weights.transpose());
      for (Eigen::Index i = 0; i < lists.rows(); ++i) {
        const Eigen::RowVectorXd row = lists.row(i), best_row = best.row(i);
        EXPECT_LE((row.array() > 0).count(), k);
        for (Eigen::Index j = 0; j < row.size(); ++j) {
          if (row(j) > 0) {
            EXPECT_NEAR(row(j), best_row(j), 1e-5);
          }
        }
        EXPECT_EQ((row.array() > 0).count(), std::min<Count>(k, (best_row.array() > 0).count()));
      }
    }
  }
}

TEST(Content, FactorsAreVectorsAndTheLowRankPart) {
  const Dataset dataset = content_dataset(world());
  ContentConfig config;
  config.fields = {{TextKind::tags, "tags", 2}, {TextKind::words, "name", 1}};
  config.vectors = {{"image", 1}};
  config.neighbours = 0;
  config.k = 6;
  config.low_rank_weight = 0.7;
  config.spectrum_power = 0.5;
  config.tolerance = 1e-5;
  config.max_rounds = 100;
  const ContentResult result = train(world(), dataset, config);
  const Model& model = result.model;
  EXPECT_FALSE(model.item_weights.has_value());
  ASSERT_EQ(model.item_factors.num_columns, 9);

  const MatrixXd tags = field_matrix(tag_frequencies(), 0.5, 2, 2, 0.5);
  const MatrixXd words = field_matrix(word_frequencies(), 0.5, 2, 2, 0.25);
  MatrixXd terms(content_items, tags.cols() + words.cols());
  terms << tags, words;
  EXPECT_EQ(result.report.num_terms, terms.cols());
  const Eigen::JacobiSVD<MatrixXd> svd(terms, Eigen::ComputeThinU);
  for (Eigen::Index n = 0; n < 6; ++n)
    EXPECT_NEAR(result.report.singular_values[static_cast<std::size_t>(n)], svd.singularValues()(n), 1e-4);
  ASSERT_GT(svd.singularValues()(5), 1.02 * svd.singularValues()(6)) << "no gap: the test cannot tell";
  MatrixXd low_rank = svd.matrixU().leftCols(6) * svd.singularValues().head(6).cwiseSqrt().asDiagonal();
  MatrixXd expected(content_items, content_items);
  for (Eigen::Index i = 0; i < content_items; ++i) {
    if (low_rank.row(i).norm() > 0) low_rank.row(i) *= terms.row(i).norm() / low_rank.row(i).norm();
  }
  MatrixXd images(content_items, 3);
  for (Count i = 0; i < content_items; ++i) {
    const auto numbers = numbers_of(i);
    images.row(i) << numbers[0], numbers[1], numbers[2];
    if (images.row(i).norm() > 0) images.row(i) /= images.row(i).norm();
  }
  expected = 0.7 * low_rank * low_rank.transpose() + 0.25 * images * images.transpose();
  const MatrixXd items = whole_table(world(), model.item_factors),
                 users = whole_table(world(), model.user_factors);
  EXPECT_LT((items * items.transpose() - expected).cwiseAbs().maxCoeff(), 1e-3);
  const MatrixXd strengths = strengths_of(world(), dataset);
  EXPECT_LT((users - strengths * items).cwiseAbs().maxCoeff(), 1e-4);
}

TEST(Content, ProfilesFadeByTheirHalfLife) {
  const Dataset dataset = content_dataset(world(), {.has_times = true});
  ContentConfig config;
  config.vectors = {{"image", 1}};
  config.neighbours = 0;
  config.half_life_days = 20;
  const Model model = train(world(), dataset, config).model;
  MatrixXd strengths = MatrixXd::Zero(dataset.num_users(), content_items);
  for (const Interaction& pair : all_pairs(world(), dataset)) {
    const double age_days = static_cast<double>(dataset.cutoff_time - pair.last_time) / 86400;
    strengths(pair.user, pair.item) = static_cast<double>(pair.value) * std::exp2(-age_days / 20);
  }
  const MatrixXd items = whole_table(world(), model.item_factors),
                 users = whole_table(world(), model.user_factors);
  EXPECT_LT((users - strengths * items).cwiseAbs().maxCoeff(), 1e-5);
}

TEST(Content, ReachesItemsThatNobodyHas) {
  // Item 29 is like item 0 only; nobody has it.
  Dataset dataset = dataset_of(world(), 2, 30, {{0, 0, 0, 1.0F}, {1, 1, 0, 1.0F}});
  TextColumn tags{"tags", {}};
  const Range mine = dataset.items.range(world().rank());
  for (Count item = mine.begin; item < mine.end; ++item)
    tags.values.push_back(item == 0 || item == 29 ? "rare" : item % 2 ? "odd" : "");
  dataset.item_attributes.push_back(std::move(tags));
  const Model model = train(world(), dataset, by_tags()).model;
  TopRequest request;
  if (dataset.users.range(world().rank()).contains(0)) request.users = {0};
  request.n = 1;
  request.excluded.offsets.assign(request.users.size() + 1, 0);
  for (std::size_t row = 0; row < request.users.size(); ++row) {
    request.excluded.columns.push_back(0);
    request.excluded.values.push_back(1);
    request.excluded.offsets[row + 1] = static_cast<Count>(row) + 1;
  }
  request.excluded.rows = {0, static_cast<Count>(request.users.size())};
  request.excluded.num_columns = 30;
  PhaseLog phases;
  const TopLists lists = top_items(world(), model, dataset, request, phases);
  for (const Count item : lists.items) EXPECT_EQ(item, 29);
  EXPECT_EQ(world().sum(static_cast<Count>(lists.items.size())), 1);
}

/// A whole model, on every rank.
struct WholeModel {
  std::vector<float> item_factors, user_factors, weights;
  std::vector<Count> columns;
  std::string config;
  friend bool operator==(const WholeModel&, const WholeModel&) = default;
};

WholeModel whole_model(const Communicator& comm, ContentConfig config) {
  const Model model = train(comm, content_dataset(comm), config).model;
  return {all_rows(comm, model.item_factors.values), all_rows(comm, model.user_factors.values),
          all_rows(comm, model.item_weights->values), all_rows(comm, model.item_weights->columns),
          model.config};
}

TEST(Content, IsTheSameOnAnyRanks) {
  ContentConfig config;  // by everything
  config.k = 5;
  config.neighbours = 6;
  const WholeModel expected = whole_model(world().split(world().rank(), 0), config);
  ASSERT_EQ(expected.item_factors.size(), static_cast<std::size_t>(content_items * 8));
  EXPECT_EQ(whole_model(world(), config), expected);
  config.batch_bytes = 1;
  config.block_columns = 7;
  EXPECT_EQ(whole_model(world(), config), expected);
}

TEST(Content, SaysWhatIsWrong) {
  const Dataset dataset = content_dataset(world());
  const auto refuse = [&](const std::string& words, auto&& change) {
    ContentConfig config = by_tags();
    change(config);
    try {
      train(world(), dataset, config);
      ADD_FAILURE() << words;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::usage) << error.what();
      EXPECT_THAT(error.what(), HasSubstr(words));
    }
  };
  refuse("did you mean 'tags'", [](ContentConfig& c) { c.fields = {{TextKind::tags, "tag"}}; });
  refuse("--ngrams", [](ContentConfig& c) { c.fields = {{TextKind::ngrams, "title"}}; });
  refuse("--ngram-shortest", [](ContentConfig& c) { c.ngrams.shortest = 6; });
  refuse("--ngram-buckets", [](ContentConfig& c) { c.ngrams.buckets = 0; });
  refuse("--words", [](ContentConfig& c) { c.fields = {{TextKind::words, "title"}}; });
  refuse("did you mean 'image'", [](ContentConfig& c) { c.vectors = {{"imge"}}; });
  refuse("all their weights are 0", [](ContentConfig& c) { c.fields.front().weight = 0; });
  refuse("--tags -1", [](ContentConfig& c) { c.fields.front().weight = -1; });
  refuse("--tag-separator", [](ContentConfig& c) { c.tag_separator = ""; });
  refuse("nothing is left", [](ContentConfig& c) { c.neighbours = 0; });
  refuse("--max-share", [](ContentConfig& c) { c.max_share = 0; });
  refuse("no item has anything", [](ContentConfig& c) { c.min_items = 31; });
  refuse("--neighbours 0", [](ContentConfig& c) { c.half_life_days = 3; });
  refuse("--neighbours 0", [](ContentConfig& c) { c.event_weights = {{"event", 2.0}}; });
  refuse("needs times", [](ContentConfig& c) { c.neighbours = 0, c.k = 3, c.half_life_days = 3; });
}

}  // namespace
}  // namespace pushcart::test::content_test
