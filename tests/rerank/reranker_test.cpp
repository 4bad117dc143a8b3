#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "pushcart/base/error.hpp"
#include "pushcart/base/random.hpp"
#include "pushcart/models/popular.hpp"
#include "pushcart/rerank/rerank_lists.hpp"
#include "pushcart/rerank/train_reranker.hpp"
#include "pushcart/topn/filters.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart {
namespace {

using test::world;

/// Factors that are a function of the numbers of users and items and of the seed alone.
Model random_model(const Communicator& comm, const Dataset& dataset, const std::string& family,
                   std::uint64_t seed) {
  constexpr Count k = 3;
  Model model;
  model.family = family;
  model.digest = family + " digest";
  model.users = dataset.users;
  model.items = dataset.items;
  const Range users = dataset.users.range(comm.rank()), items = dataset.items.range(comm.rank());
  model.user_factors = {users, k, {}};
  model.item_factors = {items, k, {}};
  const auto fill = [&](Range rows, std::uint64_t side, std::vector<float>& values) {
    for (Count row = rows.begin; row < rows.end; ++row) {
      RandomStream random(seed + side, static_cast<std::uint64_t>(row));
      for (Count c = 0; c < k; ++c) values.push_back(static_cast<float>(random.next_uniform()));
    }
  };
  fill(users, 0, model.user_factors.values);
  fill(items, 1000, model.item_factors.values);
  return model;
}

using Vector = std::vector<double>;  // empty = missing

Vector text_vector_of(Count item) {
  if (item % 5 == 0) return {};
  return {1.0 + static_cast<double>(item % 3), static_cast<double>((7 * item) % 4) - 1.5,
          item % 2 == 0 ? 0.5 : -1.0};
}

Vector category_vector_of(Count item) {
  if (item % 6 == 0) return {};
  return {item % 3 == 0 ? 1.0 : 0.25, static_cast<double>(item % 2)};
}

void append(const Vector& vector, FeatureColumn& to) {
  for (std::size_t c = 0; c < static_cast<std::size_t>(to.width); ++c)
    to.values.push_back(vector.empty() ? NAN : static_cast<float>(vector[c]));
}

double dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (std::size_t c = 0; c < a.size(); ++c) sum += a[c] * b[c];
  return sum;
}

/// The mean cosine to what the user has, weighted by a half-life of 90 days, over the length of the mean of
/// the unit vectors: the cosine to the profile by another way.
float similarity(const std::vector<Interaction>& history, Count item, std::int64_t cutoff,
                 Vector (*vector_of)(Count)) {
  const Vector candidate = vector_of(item);
  std::vector<std::pair<double, Vector>> known;
  for (const Interaction& pair : history) {
    if (!vector_of(pair.item).empty()) {
      const double days = static_cast<double>(cutoff - pair.last_time) / 86400;
      known.emplace_back(std::pow(0.5, days / 90), vector_of(pair.item));
    }
  }
  if (candidate.empty() || known.empty()) return NAN;
  const auto cosine = [](const Vector& a, const Vector& b) {
    return dot(a, b) / std::sqrt(dot(a, a)) / std::sqrt(dot(b, b));
  };
  double to_candidate = 0, among = 0;
  for (const auto& [weight, vector] : known) {
    to_candidate += weight * cosine(vector, candidate);
    for (const auto& [other_weight, other] : known) among += weight * other_weight * cosine(vector, other);
  }
  return static_cast<float>(to_candidate / std::sqrt(among));
}

/// Numbers of users and items that are a function of their indices; some are missing.
Features features_of(const Communicator& comm, const Dataset& dataset) {
  Features features;
  features.users = dataset.users;
  features.items = dataset.items;
  features.categories = Partition::even(3, comm.size());
  const Range users = dataset.users.range(comm.rank()), items = dataset.items.range(comm.rank());
  FeatureColumn age{"age", "days", "", "", 1, {}}, bands{"price_band_share", "1", "", "", 2, {}};
  FeatureColumn price{"price", "1", "", "", 1, {}}, band{"price_band", "1", "", "", 1, {}},
      category{"category", "1", "", "", 1, {}};
  FeatureColumn text{"text_vector", "1", "", "", 3, {}}, kind{"category_vector", "1", "", "", 2, {}};
  features.category_events = {users, 3, {0}, {}, {}};
  for (Count user = users.begin; user < users.end; ++user) {
    age.values.push_back(user % 4 == 0 ? NAN : static_cast<float>(user));
    bands.values.insert(bands.values.end(), {0.25F, 0.75F});
    if (user % 5 != 0) {
      features.category_events.columns.insert(features.category_events.columns.end(), {0, 2});
      features.category_events.values.insert(features.category_events.values.end(),
                                             {1.0F, static_cast<float>(user % 3 + 1)});
    }
    features.category_events.offsets.push_back(features.category_events.num_entries());
  }
  for (Count item = items.begin; item < items.end; ++item) {
    price.values.push_back(static_cast<float>(item) / 2);
    band.values.push_back(item % 7 == 0 ? NAN : static_cast<float>(item % 2));
    category.values.push_back(item % 6 == 0 ? NAN : static_cast<float>(item % 3));
    append(text_vector_of(item), text);
    append(category_vector_of(item), kind);
  }
  features.of_users.columns = {age, bands};
  features.of_items.columns = {price, text, band, category, kind};
  return features;
}

struct Case {
  explicit Case(const Communicator& comm)
      : dataset(
            test::small_dataset(comm, {.num_users = 60, .num_items = 40, .density = 0.3, .has_times = true})),
        split(hold_out(comm, dataset, {.kind = SplitKind::random, .share = 0.3})),
        features(features_of(comm, dataset)) {
    models = {random_model(comm, dataset, "als", 1), random_model(comm, dataset, "ease", 2),
              train_popular(comm, split.train, PopularConfig{})};
    for (const Model& model : models) pointers.push_back(&model);
    config.n = 5;
    config.candidates = 12;
    config.validation_share = 0.4;
    config.trees.max_trees = 20;
    config.trees.min_child_weight = 0.1;
  }
  TopRequest request(const Communicator& comm, Count n) const {
    TopRequest request;
    const Range users = dataset.users.range(comm.rank());
    for (Count user = users.begin; user < users.end; ++user) {
      if (user % 3 != 1) request.users.push_back(user);
    }
    request.n = n;
    request.excluded = seen_items(split.train, request.users, SeenPolicy{});
    return request;
  }
  Reranker train(const Communicator& comm, const Features* with) const {
    RerankReport report;
    PhaseLog phases;
    Reranker reranker = train_reranker(comm, pointers, split, with, config, report, phases);
    if (with != nullptr) reranker.features_digest = "features";
    return reranker;
  }

  Dataset dataset;
  Split split;
  Features features;
  std::vector<Model> models;
  std::vector<const Model*> pointers;
  RerankConfig config;
};

/// A user's list by another way: scores of every item, one after another, sorted.
std::vector<std::pair<Count, double>> plain_list(const std::vector<double>& scores,
                                                 const std::vector<Count>& seen, Count n) {
  std::vector<std::pair<Count, double>> all;
  for (Count item = 0; item < static_cast<Count>(scores.size()); ++item) {
    if (!std::binary_search(seen.begin(), seen.end(), item))
      all.emplace_back(item, scores[static_cast<std::size_t>(item)]);
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  if (static_cast<Count>(all.size()) > n) all.resize(static_cast<std::size_t>(n));
  return all;
}

TEST(RerankColumns, AreThoseOfAPlainReference) {
  const Case test(world());
  PhaseLog phases;
  const TopRequest request = test.request(world(), 6);
  const CandidateSet candidates = find_candidates(world(), test.pointers, test.split.train, request, phases);
  const RerankColumns columns(world(), test.split.train, {"als", "ease", "popular"}, &test.features);
  const std::vector<std::string> names{"als.score",
                                       "als.place",
                                       "ease.score",
                                       "ease.place",
                                       "popular.score",
                                       "popular.place",
                                       "user.pairs",
                                       "item.pairs",
                                       "user.age",
                                       "item.price",
                                       "item.price_band",
                                       "item.category",
                                       "pair.category_share",
                                       "pair.price_band_share",
                                       "pair.text_similarity",
                                       "pair.category_similarity"};
  ASSERT_EQ(columns.names(), names);
  const std::vector<float> table = columns.table(candidates);

  // Everything of everybody, on every rank.
  const auto pairs = test::all_pairs(world(), test.split.train);
  std::vector<std::vector<float>> user_factors, item_factors;
  for (const Model& model : test.models) {
    user_factors.push_back(test::all_rows(world(), model.user_factors.values));
    item_factors.push_back(test::all_rows(world(), model.item_factors.values));
  }
  const auto popularity = test::all_rows(world(), test.models[2].item_bias);
  std::size_t entry = 0;
  for (const Count user : request.users) {
    std::vector<Count> seen;
    std::vector<Interaction> history;
    std::map<Count, Count> item_pairs;
    for (const auto& pair : pairs) {
      if (pair.user == user) {
        seen.push_back(pair.item);
        history.push_back(pair);
      }
      ++item_pairs[pair.item];
    }
    std::map<Count, std::vector<float>> wanted;  // by item: two columns a model
    std::vector<std::vector<double>> scores(3, std::vector<double>(40, 0.0));
    for (std::size_t m = 0; m < 3; ++m) {
      for (Count item = 0; item < 40; ++item) {
        double& score = scores[m][static_cast<std::size_t>(item)];
        if (m == 2) score = static_cast<double>(popularity[static_cast<std::size_t>(item)]);
        for (Count c = 0; m < 2 && c < 3; ++c) {
          score += static_cast<double>(user_factors[m][static_cast<std::size_t>(3 * user + c)]) *
                   static_cast<double>(item_factors[m][static_cast<std::size_t>(3 * item + c)]);
        }
      }
      for (const auto& [item, score] : plain_list(scores[m], seen, 6)) wanted[item];
    }
    for (std::size_t m = 0; m < 3; ++m) {
      const auto list = plain_list(scores[m], seen, 6);
      double sum = 0;
      for (const auto& [item, score] : list) sum += score;
      const double mean = sum / static_cast<double>(list.size());
      for (auto& [item, row] : wanted) {
        row.push_back(static_cast<float>(scores[m][static_cast<std::size_t>(item)] / (mean > 0 ? mean : 1)));
        const auto found =
            std::find_if(list.begin(), list.end(), [&, i = item](const auto& l) { return l.first == i; });
        row.push_back(found == list.end() ? NAN : static_cast<float>(found - list.begin() + 1));
      }
    }
    for (auto& [item, row] : wanted) {
      const bool has_category = item % 6 != 0 && user % 5 != 0, has_band = item % 7 != 0;
      const double all = static_cast<double>(1 + user % 3 + 1);
      const double of_category = item % 3 == 0 ? 1 : item % 3 == 2 ? static_cast<double>(user % 3 + 1) : 0;
      row.insert(row.end(), {static_cast<float>(seen.size()), static_cast<float>(item_pairs[item]),
                             user % 4 == 0 ? NAN : static_cast<float>(user), static_cast<float>(item) / 2,
                             has_band ? static_cast<float>(item % 2) : NAN,
                             item % 6 == 0 ? NAN : static_cast<float>(item % 3),
                             has_category ? static_cast<float>(of_category / all) : NAN,
                             !has_band       ? NAN
                             : item % 2 == 0 ? 0.25F
                                             : 0.75F,
                             similarity(history, item, test.split.train.cutoff_time, text_vector_of),
                             similarity(history, item, test.split.train.cutoff_time, category_vector_of)});
      EXPECT_EQ(candidates.pairs.columns[entry], item) << "user " << user;
      for (std::size_t c = 0; c < names.size(); ++c) {
        const float found = table[entry * names.size() + c];
        if (std::isnan(row[c])) {
          EXPECT_TRUE(std::isnan(found)) << names[c] << " of " << user << ", " << item << ": " << found;
        } else {
          EXPECT_NEAR(found, row[c], 1e-5 * std::max(1.0F, std::abs(row[c])))
              << names[c] << " of " << user << ", " << item;
        }
      }
      ++entry;
    }
  }
  EXPECT_EQ(entry, candidates.pairs.columns.size());
}

TEST(RerankColumns, NumbersModelsOfOneFamily) {
  const Case test(world());
  const RerankColumns columns(world(), test.dataset, {"als", "ease", "als"}, nullptr);
  EXPECT_EQ(columns.names(),
            (std::vector<std::string>{"als.score", "als.place", "ease.score", "ease.place", "als 2.score",
                                      "als 2.place", "user.pairs", "item.pairs"}));
}

TEST(Reranker, HasFewerUsersWhereTheyWouldNeedMoreMemory) {
  RerankConfig config;
  config.candidates = 100;
  config.max_users = 1000;
  config.memory_bytes = Count{100} * 2 * 30 * 20 * 40;  // 40 users of 2 models and 30 columns
  EXPECT_EQ(most_users(config, 2, 30), 40);
  config.memory_bytes *= 1000;
  EXPECT_EQ(most_users(config, 2, 30), 1000);
  config.memory_bytes = 1;
  EXPECT_EQ(most_users(config, 2, 30), 1);
}

Count part_of_plan(const MemoryPlan& plan, const std::string& what) {
  for (const MemoryPlan::Part& part : plan.parts()) {
    if (part.what == what) return part.num_bytes;
  }
  ADD_FAILURE() << what << " is not planned";
  return 0;
}

/// At least, and at most twice as much: models have candidates in common.
void expect_planned(const MemoryPlan& plan, const std::string& what, Count counted) {
  EXPECT_GE(part_of_plan(plan, what), counted) << what;
  EXPECT_LE(part_of_plan(plan, what), 2 * counted) << what;
}

TEST(Reranker, TrainingPlansWhatItsCandidatesTake) {
  const Case test(world());
  const RerankSampleSizes sizes =
      sample_sizes(world(), test.pointers, test.split, &test.features, test.config);
  TopRequest request;  // all who are tested: fewer than may be sampled
  Count pairs = 0;
  const SparseRows& held_out = test.split.held_out.by_user;
  for (Count row = 0; row < held_out.num_rows(); ++row) {
    if (held_out.row_length(row) == 0) continue;
    request.users.push_back(held_out.rows.begin + row);
    pairs += test.split.train.by_user.row_length(row);
  }
  EXPECT_EQ(sizes.users, static_cast<Count>(request.users.size()));
  EXPECT_EQ(sizes.pairs, pairs);
  request.n = test.config.candidates;
  request.excluded = seen_items(test.split.train, request.users, SeenPolicy{});
  PhaseLog phases;
  const CandidateSet set = find_candidates(world(), test.pointers, test.split.train, request, phases);
  Count bytes = set.pairs.num_entries() * 12;
  for (const Model* model : test.pointers) {
    const TopLists lists = top_items(world(), *model, test.split.train, request, phases);
    bytes += static_cast<Count>(lists.items.size() * 12);
  }
  for (const auto* columns : {&set.scores, &set.places}) {
    for (const auto& column : *columns) bytes += static_cast<Count>(column.size() * sizeof(float));
  }
  const RerankColumns columns(world(), test.split.train, families_of(test.pointers), &test.features);
  const auto numbers = static_cast<Count>(columns.table(set).size());

  MemoryPlan plan;
  plan_reranker_training(plan, world(), sizes, static_cast<Count>(test.pointers.size()));
  expect_planned(plan, "candidates of this rank's users", bytes);
  std::vector<Count> told_of = set.pairs.columns;
  for (const Count user : request.users) {
    const auto history = test.split.train.by_user.row_columns(user - held_out.rows.begin);
    told_of.insert(told_of.end(), history.begin(), history.end());
  }
  const auto num_told_of = static_cast<Count>(told_of.size());
  const std::set<Count> asked(told_of.begin(), told_of.end());
  const auto distinct = static_cast<Count>(asked.size());
  const std::vector<Count> asked_by_all =
      world().allgather(std::span<const Count>(std::vector<Count>(asked.begin(), asked.end()))).data;
  const Range owned = test.split.train.items.range(world().rank());
  const Count served = std::count_if(asked_by_all.begin(), asked_by_all.end(),
                                     [&](Count item) { return owned.contains(item); });
  constexpr Count row_bytes = 9 * sizeof(float);  // pairs, three numbers, vectors of three and two
  const Count two_of_each = 2 * world().size();   // at most, where all ranks ask for the same rank's items
  EXPECT_EQ(columns.served_bytes(2, 0), two_of_each * 8 + (two_of_each - 2) * row_bytes);
  expect_planned(plan, "what they are told of items",
                 owned.size() * row_bytes + num_told_of * 8 + set.pairs.num_entries() * 16 +
                     (distinct + std::max(distinct, served)) * row_bytes + distinct * 12 + served * 8);
  const bool is_root = world().is_root();
  const Count all_numbers = world().sum(numbers);
  expect_planned(plan, "their columns", is_root ? 0 : numbers * 2 * Count{sizeof(float)});
  expect_planned(plan, "candidates to learn from, on rank 0", is_root ? all_numbers * 20 : 0);
}

class RerankerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!Booster::is_built_in()) GTEST_SKIP() << "built without XGBoost";
  }
};

TEST_F(RerankerTest, IsTheSameForAnyNumberOfRanks) {
  const auto one = world().split(world().rank(), 0);
  const Case together(world()), alone(one);
  const Reranker wide = together.train(world(), &together.features),
                 narrow = alone.train(one, &alone.features);
  EXPECT_EQ(wide.trees.bytes, narrow.trees.bytes);
  EXPECT_EQ(wide.trees.validation, narrow.trees.validation);
  EXPECT_EQ(wide.trees.gain_shares, narrow.trees.gain_shares);

  PhaseLog phases;
  const auto lists_of = [&](const Case& test, const Communicator& comm, const Reranker& reranker,
                            Count batch_bytes) {
    return RerankedLists(comm, reranker, test.pointers, test.split.train, &test.features, phases, batch_bytes)
        .lists(test.request(comm, 5));
  };
  const TopLists all = lists_of(alone, one, narrow, RerankedLists::usual_batch_bytes);
  EXPECT_FALSE(all.items.empty());
  // One user a batch, some, and all.
  for (const Count batch_bytes : {Count{1}, Count{30000}, RerankedLists::usual_batch_bytes}) {
    const TopLists mine = lists_of(together, world(), wide, batch_bytes);
    EXPECT_EQ(mine.rows, together.request(world(), 5).users);
    EXPECT_EQ(test::all_rows(world(), mine.items), all.items);
    EXPECT_EQ(test::all_rows(world(), mine.scores), all.scores);
  }
}

TEST_F(RerankerTest, OrdersCandidatesByThePredictionsOfTheTrees) {
  const Case test(world());
  const Reranker reranker = test.train(world(), nullptr);
  PhaseLog phases;
  TopRequest request = test.request(world(), 5);
  request.item_allowed.assign(static_cast<std::size_t>(test.dataset.items.range(world().rank()).size()), 1);
  if (!request.item_allowed.empty()) request.item_allowed[0] = 0;
  const Count forbidden = test.dataset.items.range(world().rank()).begin;
  const auto all_forbidden = world().allgather(request.item_allowed.empty() ? Count{-1} : forbidden);
  const TopLists lists =
      RerankedLists(world(), reranker, test.pointers, test.split.train, nullptr, phases).lists(request);
  EXPECT_EQ(lists.source_names, std::vector<std::string>{reranked_source});
  ASSERT_EQ(lists.rows, request.users);

  request.n = test.config.candidates;
  const CandidateSet candidates = find_candidates(world(), test.pointers, test.split.train, request, phases);
  const RerankColumns columns(world(), test.split.train, {"als", "ease", "popular"}, nullptr);
  const std::vector<float> scores =
      Booster(reranker.trees.bytes, columns.num_columns()).predict(columns.table(candidates));
  for (std::size_t u = 0; u < request.users.size(); ++u) {
    const Range range = candidates.pairs_of(u);
    std::vector<std::pair<Count, double>> wanted;
    for (auto pair = static_cast<std::size_t>(range.begin); pair < static_cast<std::size_t>(range.end);
         ++pair)
      wanted.emplace_back(candidates.pairs.columns[pair], static_cast<double>(scores[pair]));
    std::stable_sort(wanted.begin(), wanted.end(), [](auto& a, auto& b) { return a.second > b.second; });
    const auto begin = static_cast<std::size_t>(lists.offsets[u]),
               end = static_cast<std::size_t>(lists.offsets[u + 1]);
    ASSERT_EQ(end - begin, std::min<std::size_t>(5, wanted.size()));
    for (std::size_t place = begin; place < end; ++place) {
      EXPECT_EQ(lists.items[place], wanted[place - begin].first);
      EXPECT_EQ(std::count(all_forbidden.begin(), all_forbidden.end(), lists.items[place]), 0);
    }
  }
}

TEST_F(RerankerTest, IsReadBackAsItWasWritten) {
  const Case test(world());
  Reranker reranker = test.train(world(), &test.features);
  reranker.dataset_digest = "0123";
  reranker.config = "{}";
  const std::string path = test::scratch_folder("reranker") + "/rerank.h5";
  stage_reranker(world(), path, reranker).publish();
  const Reranker read = read_reranker(world(), path);
  EXPECT_EQ(read.trees.bytes, reranker.trees.bytes);
  EXPECT_EQ(read.trees.gain_shares, reranker.trees.gain_shares);
  EXPECT_EQ(read.trees.validation, reranker.trees.validation);
  EXPECT_EQ(read.trees.num_trees, reranker.trees.num_trees);
  EXPECT_EQ(read.columns, reranker.columns);
  EXPECT_EQ(read.candidates, 12);
  EXPECT_EQ(read.dataset_digest, "0123");
  EXPECT_EQ(read.features_digest, "features");
  EXPECT_EQ(read.digest, reranker.digest);
  ASSERT_EQ(read.members.size(), 3U);
  EXPECT_EQ(read.members[1].family, "ease");
  EXPECT_EQ(read.members[1].digest, "ease digest");
}

TEST_F(RerankerTest, RefusesOtherModelsAndOtherFeatures) {
  const Case test(world());
  const Reranker reranker = test.train(world(), &test.features);
  PhaseLog phases;
  const auto make = [&](std::span<const Model* const> models, const Features* features) {
    RerankedLists(world(), reranker, models, test.dataset, features, phases);
  };
  EXPECT_NO_THROW(make(test.pointers, &test.features));
  const std::vector<const Model*> other{test.pointers[1], test.pointers[0], test.pointers[2]};
  EXPECT_THROW(make(other, &test.features), ConfigError);
  EXPECT_THROW(make(std::span(test.pointers).first(2), &test.features), ConfigError);
  EXPECT_THROW(make(test.pointers, nullptr), ConfigError);
  Features less = test.features;
  less.of_users.columns.erase(less.of_users.columns.begin());
  EXPECT_THROW(make(test.pointers, &less), ConfigError);
  const Reranker plain = test.train(world(), nullptr);
  EXPECT_THROW(RerankedLists(world(), plain, test.pointers, test.dataset, &test.features, phases),
               ConfigError);
}

TEST_F(RerankerTest, RefusesListsLongerThanWhatItOrders) {
  const Case test(world());
  const Reranker reranker = test.train(world(), nullptr);
  PhaseLog phases;
  const RerankedLists lists(world(), reranker, test.pointers, test.split.train, nullptr, phases);
  EXPECT_THROW(lists.lists(test.request(world(), 13)), ConfigError);
}

}  // namespace
}  // namespace pushcart
