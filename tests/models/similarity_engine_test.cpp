#include <gtest/gtest.h>
#include <omp.h>

#include "models/similarity/best_columns.hpp"
#include "models/similarity/pair_score.hpp"
#include "models/similarity/row_sorter.hpp"
#include "models/similarity/score_kernels.hpp"
#include "pushcart/base/cpu_path.hpp"
#include "pushcart/base/random.hpp"
#include "pushcart/models/item_knn.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::similarity_engine_test {
namespace {

using test::SmallDataset;
using test::world;

struct WholeLists {
  std::vector<Count> lengths, columns, support;
  std::vector<float> scores;
  friend bool operator==(const WholeLists&, const WholeLists&) = default;
};

WholeLists nearest(const Communicator& comm, const Dataset& dataset, const SimilarityConfig& config) {
  PhaseLog phases;
  const Neighbours mine = nearest_items(comm, dataset, config, phases);
  std::vector<Count> lengths;
  for (std::size_t row = 1; row < mine.offsets.size(); ++row)
    lengths.push_back(mine.offsets[row] - mine.offsets[row - 1]);
  return {test::all_rows(comm, lengths), test::all_rows(comm, mine.columns),
          test::all_rows(comm, mine.support), test::all_rows(comm, mine.scores)};
}

WholeLists nearest(const Communicator& comm, const SmallDataset& shape, const SimilarityConfig& config) {
  return nearest(comm, test::small_dataset(comm, shape), config);
}

class WithThreads {
 public:
  explicit WithThreads(int threads) : before_(omp_get_max_threads()) { omp_set_num_threads(threads); }
  ~WithThreads() { omp_set_num_threads(before_); }
  WithThreads(const WithThreads&) = delete;
  WithThreads& operator=(const WithThreads&) = delete;

 private:
  int before_;
};

TEST(Similarity, GivesTheSameBitsOnAnyRanksThreadsAndBlocks) {
  const Communicator alone = world().split(world().rank(), 0);
  const SmallDataset shape{.num_users = 90, .num_items = 150, .density = 0.2, .seed = 11};
  for (const auto metric : {SimilarityMetric::cosine, SimilarityMetric::tfidf, SimilarityMetric::rp3beta,
                            SimilarityMetric::tanimoto, SimilarityMetric::llr}) {
    SimilarityConfig config{.metric = metric,
                            .values = SimilarityValues::as_is,
                            .k = 9,
                            .shrinkage = 1,
                            .support = SupportColumn::wanted};
    SCOPED_TRACE(std::string(similarity_metric_name(metric)));
    const WholeLists expected = nearest(alone, shape, config);
    ASSERT_GT(expected.columns.size(), 1000U);
    EXPECT_EQ(nearest(world(), shape, config), expected);
    for (const Count columns : {1, 13, 64, 100}) {
      config.block_columns = columns;
      EXPECT_EQ(nearest(world(), shape, config), expected) << columns;
    }
    const WithThreads threads(3);
    EXPECT_EQ(nearest(world(), shape, config), expected);
  }
}

TEST(Similarity, BreaksTiesByColumn) {
  // Items 0 to 9 have the same two users: all alike.
  std::vector<Interaction> pairs;
  for (Count item = 0; item < 10; ++item) {
    pairs.push_back({0, item, 0, 1});
    pairs.push_back({1, item, 0, 1});
  }
  const Dataset dataset = test::dataset_of(world(), 2, 10, pairs);
  const WholeLists lists = nearest(world(), dataset, {.k = 3});
  ASSERT_EQ(lists.columns.size(), 30U);
  for (Count item = 0; item < 10; ++item) {
    std::vector<Count> expected;
    for (Count other = 0; expected.size() < 3; ++other) {
      if (other != item) expected.push_back(other);
    }
    const auto first = lists.columns.begin() + 3 * item;
    EXPECT_EQ(std::vector<Count>(first, first + 3), expected) << item;
  }
  for (const float score : lists.scores) EXPECT_FLOAT_EQ(score, 1.0F);
}

TEST(Similarity, LeavesRowsWithoutPairsEmpty) {
  // One user; items 1 and 3 have nobody. More ranks than items, sometimes.
  const Dataset dataset = test::dataset_of(world(), 1, 4, {{0, 0, 0, 2}, {0, 2, 0, 3}});
  for (const auto metric : {SimilarityMetric::cosine, SimilarityMetric::tanimoto}) {
    const WholeLists lists = nearest(world(), dataset, {.metric = metric, .k = 4});
    EXPECT_EQ(lists.lengths, (std::vector<Count>{1, 0, 1, 0}));
    EXPECT_EQ(lists.columns, (std::vector<Count>{2, 0}));
    EXPECT_FLOAT_EQ(lists.scores[0], metric == SimilarityMetric::cosine ? 1.0F : 6.0F / (4 + 9 - 6));
  }
}

TEST(Similarity, RefusesSettingsThatMakeNoSense) {
  const Dataset dataset = test::small_dataset(world(), {.num_users = 6, .num_items = 5, .density = 0.9});
  const auto refuses = [&](const std::string& option, auto&& change) {
    SimilarityConfig config{.k = 3};
    change(config);
    PhaseLog phases;
    try {
      nearest_items(world(), dataset, config, phases);
      ADD_FAILURE() << option << " was taken";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(option), std::string::npos) << error.what();
    }
  };
  refuses("--neighbours", [](auto& config) { config.k = 6; });
  refuses("--neighbours", [](auto& config) { config.k = 0; });
  refuses("--shrinkage", [](auto& config) { config.shrinkage = -1; });
  refuses("--min-support", [](auto& config) { config.min_support = 0; });
  refuses("--exponent", [](auto& config) { config.exponent = 1.5; });
  refuses("--block-columns", [](auto& config) { config.block_columns = 65537; });
  refuses("--from-events", [](auto& config) { config.from_events = {"vieuw"}; });
  refuses("--to-events", [](auto& config) { config.to_events = {"vieuw"}; });
  refuses("--window-days", [](auto& config) { config.window_days = 3; });
  refuses("pearson", [](auto& config) { config.metric = SimilarityMetric::pearson; });
  refuses("memory", [](auto& config) { config.memory_budget_bytes = 10; });
  EXPECT_THROW(similarity_metric_of("cosinus"), ConfigError);
  EXPECT_EQ(similarity_metric_of("asymmetric"), SimilarityMetric::cosine);
  EXPECT_EQ(similarity_metric_name(SimilarityMetric::cosine), "cosine");
}

TEST(Similarity, KnowsDunningsExample) {
  // Dunning (1993), table 2: "the swiss" comes 110 times in 31777 bigrams, "the" 2552 times, "swiss" 221
  // times.
  similarity::Product product;
  product.formula = similarity::Formula::llr;
  product.num_inner = 31777;
  const similarity::PairScore score(product, {});
  EXPECT_NEAR(score.llr(2552, 221, 110), 270.72F, 0.01F);
  EXPECT_EQ(score.llr(2552, 221, 17), 0.0F);  // fewer than by chance
}

/// What a kernel should give for columns in the order of `list`.
struct Passing {
  std::vector<unsigned> columns, counts;
  std::vector<float> scores;
  friend bool operator==(const Passing&, const Passing&) = default;
};

using similarity::ScoredColumns;
using similarity::ScoreRule;

Passing passing(const std::vector<std::uint16_t>& list, const std::vector<double>& sums,
                const std::vector<unsigned>& counts, const std::vector<float>& terms, const ScoreRule& rule) {
  Passing result;
  for (const std::uint16_t column : list) {
    const auto sum = static_cast<float>(sums[column]), count = static_cast<float>(counts[column]);
    const float product = rule.row * terms[column];
    float score = rule.is_overlap ? sum / ((rule.row + terms[column]) - sum) : sum * product;
    if (rule.shrinkage > 0) {
      const float damping = count / (count + rule.shrinkage);
      score = score * damping;
    }
    if (score <= 0 || score < rule.threshold || counts[column] < rule.min_support) continue;
    result.columns.push_back(column);
    result.counts.push_back(counts[column]);
    result.scores.push_back(score);
  }
  return result;
}

class Kernels : public testing::TestWithParam<CpuPath> {
 protected:
  void SetUp() override { set_cpu_path(GetParam()); }
  void TearDown() override { set_cpu_path(before_); }

  Passing taken(Count found) const {
    return {{columns_, columns_ + found}, {counts_, counts_ + found}, {scores_, scores_ + found}};
  }
  ScoredColumns out() { return {columns_, scores_, counts_}; }

  template <class T>
  void expect_taken(Count (*take)(const unsigned short*, Count, T*, const similarity::CountNeed&,
                                  const ScoredColumns&),
                    std::uint64_t largest) {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
      const std::uint64_t most = seed % 2 == 0 ? 5 : largest;
      std::vector<T> counters(200 + 64, 0);
      std::vector<std::uint16_t> list;
      std::vector<unsigned> columns, counts;
      for (std::uint16_t column = 200; column-- > 0;) {
        RandomStream random(seed, column);
        if (random.next_below(3) > 0) continue;
        counters[column] = static_cast<T>(1 + random.next_below(most));
        list.push_back(column);
        if (counters[column] < most / 2 + (column < 90 ? 1 : 0)) continue;
        columns.push_back(column);
        counts.push_back(static_cast<unsigned>(counters[column]));
      }
      ASSERT_LT(columns.size(), list.size());
      const Count found = take(list.data(), static_cast<Count>(list.size()), counters.data(),
                               {static_cast<unsigned>(most / 2), 90}, out());
      EXPECT_EQ(std::vector<unsigned>(columns_, columns_ + found), columns);
      EXPECT_EQ(std::vector<unsigned>(counts_, counts_ + found), counts);
      EXPECT_EQ(*std::max_element(counters.begin(), counters.end()), 0);
    }
  }

  CpuPath before_ = cpu_path();
  unsigned columns_[1024] = {}, counts_[1024] = {};
  float scores_[1024] = {};
};

TEST_P(Kernels, TakeTouchedColumns) {
  const auto& kernels = similarity::score_kernels();
  expect_taken<unsigned char>(kernels.bytes, 250);
  expect_taken<unsigned short>(kernels.shorts, 65000);
  expect_taken<unsigned>(kernels.words, 5'000'000);
}

TEST_P(Kernels, CountLargerKeys) {
  for (const std::size_t size : {0, 1, 7, 8, 9, 20, 100, 128}) {
    std::vector<std::uint64_t> keys;
    for (std::size_t n = 0; n < size; ++n) keys.push_back(mix_bits(n + 3));
    if (size > 7) keys[2] = ~std::uint64_t{0}, keys[5] = 0, keys[6] = std::uint64_t{1} << 63;
    std::vector<std::uint64_t> places(size + 8, 77), expected;
    for (const std::uint64_t key : keys) {
      expected.push_back(static_cast<std::uint64_t>(
          std::count_if(keys.begin(), keys.end(), [&](std::uint64_t other) { return other > key; })));
    }
    similarity::score_kernels().places(keys.data(), static_cast<Count>(size), places.data());
    places.resize(size);
    EXPECT_EQ(places, expected);
  }
}

TEST_P(Kernels, SortRowsAndTheirSupport) {
  using Entry = std::pair<std::uint64_t, std::uint32_t>;
  for (const bool has_support : {false, true}) {
    similarity::BestOfRows best(6, 300, has_support);
    similarity::RowSorter sorter(300, has_support);
    const std::vector<std::int32_t> sizes{0, 1, 20, 128, 129, 300};
    for (Count row = 0; row < 6; ++row) {
      const auto size = best.sizes[static_cast<std::size_t>(row)] = sizes[static_cast<std::size_t>(row)];
      std::vector<Entry> expected, sorted;
      for (std::int32_t n = 0; n < size; ++n) {
        const std::uint64_t key = mix_bits(static_cast<std::uint64_t>(1000 * row + n));
        expected.emplace_back(key, has_support ? static_cast<std::uint32_t>(n) : 0);
        best.keys_of(row)[n] = key;
        if (has_support) best.support_of(row)[n] = static_cast<std::uint32_t>(n);
      }
      std::sort(expected.begin(), expected.end(), std::greater<>());
      sorter.sort(best, row);
      for (std::int32_t n = 0; n < size; ++n)
        sorted.emplace_back(best.keys_of(row)[n], has_support ? best.support_of(row)[n] : 0);
      EXPECT_EQ(sorted, expected);
    }
  }
}

TEST_P(Kernels, ScoreCounts) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    std::vector<double> sums(200);
    std::vector<unsigned> counts(200);
    std::vector<float> terms(200);
    std::vector<std::uint16_t> list;
    Count size = 0;
    for (std::uint16_t column = 200; column-- > 0;) {
      RandomStream random(seed, column);
      terms[column] = static_cast<float>(1 + random.next_uniform());
      if (random.next_below(3) > 0) continue;
      sums[column] = counts[column] = static_cast<unsigned>(1 + random.next_below(90));
      columns_[size] = column;
      counts_[size++] = counts[column];
      list.push_back(column);
    }
    const bool is_overlap = seed % 3 == 0;
    const ScoreRule rule{is_overlap, 180, seed % 5 == 0 ? 2.5F : 0.0F, seed % 4 == 0 ? 30U : 1U,
                         is_overlap ? 0.2F : 9000.0F};
    const Passing expected = passing(list, sums, counts, terms, rule);
    ASSERT_LT(expected.columns.size(), list.size());
    EXPECT_EQ(taken(similarity::score_kernels().counts(out(), size, terms.data(), rule)), expected);
  }
}

TEST_P(Kernels, ScoreSumsWithAndWithoutCounts) {
  for (const bool counted : {false, true}) {
    std::vector<float> sums(100, 0);
    std::vector<double> expected_sums(100, 0);
    std::vector<unsigned> counters(100, 0), none(100, 0);
    std::vector<std::uint16_t> list;
    for (std::uint16_t column = 3; column < 100; column = static_cast<std::uint16_t>(column + 2)) {
      RandomStream random(9, column);
      sums[column] = static_cast<float>(random.next_normal());
      expected_sums[column] = static_cast<double>(sums[column]);
      counters[column] = static_cast<unsigned>(1 + random.next_below(4));
      list.push_back(column);
    }
    const std::vector<float> terms(100, 0.5F);
    const ScoreRule rule{false, 2.0F, counted ? 1.5F : 0.0F, counted ? 2U : 0U, 0.3F};
    const Passing expected = passing(list, expected_sums, counted ? counters : none, terms, rule);
    ASSERT_GT(expected.columns.size(), 3U);
    const auto& kernels = similarity::score_kernels();
    EXPECT_EQ(taken(kernels.sums(list.data(), static_cast<Count>(list.size()), sums.data(),
                                 counted ? counters.data() : nullptr, terms.data(), rule, out())),
              expected);
    for (const float sum : sums) EXPECT_EQ(sum, 0.0F);
    if (counted) {
      EXPECT_EQ(counters, none);
    }
  }
}

TEST_P(Kernels, CountInBitSlices) {
  constexpr Count num_inner = 700, words = 16;
  std::vector<unsigned long> bits(num_inner * words, 0);
  for (Count u = 0; u < num_inner; ++u) {
    for (Count column = 0; column < 1024; ++column) {
      RandomStream random(3, static_cast<std::uint64_t>(u * 1024 + column));
      const bool set = random.next_uniform() * 1024 < 900.0 - 0.8 * static_cast<double>(column);
      if (set) bits[static_cast<std::size_t>(u * words + column / 64)] |= 1UL << (column % 64);
    }
  }
  const float z[8] = {9.0F, 30.0F, 1e30F, 0.0F, 2.5F, 3e38F, 7.0F, 1.0F};
  for (const Count num : {1, 2, 7, 8, 9, 20, 255, 256, 690}) {
    std::vector<Count> inner;
    for (Count n = 0; n < num; ++n) inner.push_back(n * 700 / num);
    for (const Count group : {0, 1}) {
      const similarity::CountBound bound{0.5F, 0.01F * static_cast<float>(num), 2};
      std::vector<unsigned> columns, counts;
      for (Count column = 0; column < 512; ++column) {
        unsigned count = 0;
        for (const Count u : inner) {
          const auto word = static_cast<std::size_t>(u * words + group * 8 + column / 64);
          count += (bits[word] >> (column % 64) & 1) != 0 ? 1 : 0;
        }
        const double least = 0.5 + 0.01 * static_cast<double>(num) * static_cast<double>(z[column / 64]);
        if (count < 2 || static_cast<double>(count) < least * (1 - 1e-5)) continue;
        columns.push_back(static_cast<unsigned>(512 * group + column));
        counts.push_back(count);
      }
      const Count found = similarity::score_kernels().slices(bits.data() + group * 8, words, inner.data(),
                                                             num, z, bound, 512 * group, out());
      EXPECT_EQ(std::vector<unsigned>(columns_, columns_ + found), columns) << num;
      EXPECT_EQ(std::vector<unsigned>(counts_, counts_ + found), counts) << num;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Similarity, Kernels, testing::ValuesIn(runnable_cpu_paths()),
                         [](const auto& path) { return std::string(cpu_path_name(path.param)); });

TEST(Similarity, KeepsTheBestOfManyInAnyOrder) {
  for (const auto& [k, piece_size] : {std::pair<Count, std::size_t>{1, 512},
                                      {7, 512},
                                      {100, 512},
                                      {1500, 512},
                                      {1, 40},
                                      {7, 40},
                                      {100, 40},
                                      {600, 40}}) {  // few at once: as where bounds are tight
    similarity::BestOfRows rows(2, k, true);
    similarity::BestColumns best(k, true);
    std::vector<std::uint64_t> all;
    for (int start = 0; start < 3; ++start) {  // as from three blocks
      best.start(rows, 1);
      for (int piece = 0; piece < 9; ++piece) {
        std::vector<unsigned> columns(piece_size), counts(piece_size);
        std::vector<float> scores(piece_size);
        for (std::size_t n = 0; n < piece_size; ++n) {
          RandomStream random(static_cast<std::uint64_t>(9 * start + piece), n);
          columns[n] = static_cast<unsigned>(random.next_below(1U << 30));
          scores[n] = std::ldexp(1.0F + static_cast<float>(random.next_below(3)),
                                 -static_cast<int>(random.next_below(9)));
          counts[n] = columns[n] / 7;
          all.push_back(similarity::key_of(scores[n], columns[n] + 5));
        }
        best.offer({columns.data(), scores.data(), counts.data()}, static_cast<Count>(piece_size), 5);
      }
      best.finish(rows, 1);
    }
    std::sort(all.rbegin(), all.rend());
    all.resize(static_cast<std::size_t>(k));
    EXPECT_EQ(rows.sizes, (std::vector<std::int32_t>{0, static_cast<std::int32_t>(k)}));
    std::vector<std::uint64_t> kept(rows.keys_of(1), rows.keys_of(1) + k);
    for (std::size_t n = 0; n < kept.size(); ++n) {
      EXPECT_EQ(rows.support_of(1)[n], (similarity::column_of_key(kept[n]) - 5) / 7);
    }
    std::sort(kept.rbegin(), kept.rend());
    EXPECT_EQ(kept, all);
  }
}

TEST(ItemKnn, KeepsTheListsAsWeights) {
  const Dataset dataset = test::small_dataset(world(), {.density = 0.3, .seed = 4});
  const ItemKnnConfig config{.similarity = {.metric = SimilarityMetric::rp3beta, .k = 4}};
  PhaseLog phases;
  const Model model = train_item_knn(world(), dataset, config, "rp3beta", phases);
  const Neighbours lists = nearest_items(world(), dataset, config.similarity, phases);
  const SparseRows& weights = *model.item_weights;
  EXPECT_EQ(model.family, "rp3beta");
  EXPECT_EQ(weights.rows, dataset.items.range(world().rank()));
  ASSERT_EQ(weights.offsets, lists.offsets);
  for (Count row = 0; row < weights.num_rows(); ++row) {
    for (auto at = static_cast<std::size_t>(lists.offsets[static_cast<std::size_t>(row)]);
         at < static_cast<std::size_t>(lists.offsets[static_cast<std::size_t>(row) + 1]); ++at) {
      const auto columns = weights.row_columns(row);
      const auto found = std::lower_bound(columns.begin(), columns.end(), lists.columns[at]);
      ASSERT_TRUE(found != columns.end() && *found == lists.columns[at]);
      EXPECT_EQ(weights.row_values(row)[static_cast<std::size_t>(found - columns.begin())], lists.scores[at]);
    }
  }
}

TEST(ItemKnn, KeepsTheBestOfEachCandidateAndScalesRows) {
  const Dataset dataset = test::small_dataset(world(), {.density = 0.3, .seed = 4});
  ItemKnnConfig config{.similarity = {.metric = SimilarityMetric::cosine, .k = 4, .exponent = 0.2},
                       .kept = KeptLists::of_candidates};
  PhaseLog phases;
  const auto dense = [&](const SparseRows& rows) {
    std::vector<double> mine(static_cast<std::size_t>(rows.num_rows() * 30), 0);
    for (Count row = 0; row < rows.num_rows(); ++row) {
      for (std::size_t n = 0; n < rows.row_columns(row).size(); ++n) {
        mine[static_cast<std::size_t>(row * 30 + rows.row_columns(row)[n])] =
            static_cast<double>(rows.row_values(row)[n]);
      }
    }
    return test::all_rows(world(), mine);
  };
  const auto cut = dense(*train_item_knn(world(), dataset, config, "itemknn", phases).item_weights);
  config.similarity.k = 30;
  const auto whole = dense(*train_item_knn(world(), dataset, config, "itemknn", phases).item_weights);
  for (std::size_t i = 0; i < 30; ++i) {
    std::vector<double> kept, all;
    for (std::size_t j = 0; j < 30; ++j) {
      if (cut[j * 30 + i] > 0) kept.push_back(cut[j * 30 + i]);
      all.push_back(whole[j * 30 + i]);
    }
    std::sort(kept.rbegin(), kept.rend());
    std::sort(all.rbegin(), all.rend());
    ASSERT_LE(kept.size(), 4U);
    for (std::size_t n = 0; n < kept.size(); ++n) EXPECT_EQ(kept[n], all[n]);
    if (kept.size() < 4) {
      EXPECT_EQ(all[kept.size()], 0.0);
    }
  }
  config.row_power = 1;
  const auto scaled = dense(*train_item_knn(world(), dataset, config, "itemknn", phases).item_weights);
  for (std::size_t j = 0; j < 30; ++j) {
    double sum = 0, before = 0;
    for (std::size_t i = 0; i < 30; ++i) sum += scaled[j * 30 + i], before += whole[j * 30 + i];
    EXPECT_NEAR(sum, before > 0 ? 1 : 0, 1e-5);
  }
}

}  // namespace
}  // namespace pushcart::similarity_engine_test
