#include <gtest/gtest.h>
#include <omp.h>

#include "models/similarity/pair_score.hpp"
#include "models/similarity/sweep_kernels.hpp"
#include "pushcart/base/cpu_path.hpp"
#include "pushcart/base/random.hpp"
#include "pushcart/models/item_knn.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart {
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
    SimilarityConfig config{.metric = metric, .values = SimilarityValues::as_is, .k = 9, .shrinkage = 1};
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
  for (const float score : lists.scores) EXPECT_EQ(score, 1.0F);
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
}

TEST(Similarity, KnowsDunningsExample) {
  // Dunning (1993), table 2: "the swiss" comes 110 times in 31777 bigrams, "the" 2552 times, "swiss" 221
  // times.
  similarity::Product product;
  product.formula = similarity::Formula::llr;
  product.num_inner = 31777;
  const similarity::PairScore score(product, {});
  EXPECT_NEAR(score.score({2552, 1}, {221, 1}, 110, 110), 270.72F, 0.01F);
  EXPECT_EQ(score.score({2552, 1}, {221, 1}, 17, 17), 0.0F);  // fewer than by chance
}

template <class T>
void expect_sweep(Count (*sweep)(T*, const unsigned short*, Count, const float*,
                                 const similarity::SweepBound&, const similarity::Candidates&)) {
  constexpr std::size_t num_chunks = 5;
  alignas(64) T counters[64 * num_chunks];
  const float z[num_chunks] = {9.0F, 4.0F, 1e30F, 2.5F, 0.0F};
  const unsigned short chunks[] = {0, 1, 2, 4};
  unsigned short columns[64 * num_chunks];
  unsigned counts[64 * num_chunks];
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    std::vector<std::pair<unsigned, unsigned>> expected;
    for (std::size_t column = 0; column < 64 * num_chunks; ++column) {
      RandomStream random(seed, column);
      counters[column] = static_cast<T>(
          random.next_below(4) == 0 ? random.next_below(static_cast<T>(~T{0}) >> (seed % 4)) : 0);
      const std::size_t chunk = column / 64;
      if (chunk == 3 || counters[column] < 2) continue;
      if (static_cast<double>(counters[column]) >= 1 + 7.0 * static_cast<double>(z[chunk])) {
        expected.emplace_back(column, counters[column]);
      }
    }
    const T kept = counters[3 * 64 + 5];
    const Count found = sweep(counters, chunks, 4, z, {1.0F, 7.0F, 2}, {columns, counts, nullptr});
    std::vector<std::pair<unsigned, unsigned>> result;
    for (Count n = 0; n < found; ++n) result.emplace_back(columns[n], counts[n]);
    EXPECT_EQ(result, expected);
    for (const std::size_t chunk : {0, 1, 2, 4}) {
      for (std::size_t c = 0; c < 64; ++c) EXPECT_EQ(counters[chunk * 64 + c], 0);
    }
    EXPECT_EQ(counters[3 * 64 + 5], kept);
  }
}

TEST(Similarity, SweepsFindWhatPassesOnEveryCpuPath) {
  const CpuPath before = cpu_path();
  for (const CpuPath path : runnable_cpu_paths()) {
    SCOPED_TRACE(std::string(cpu_path_name(path)));
    set_cpu_path(path);
    const auto& kernels = similarity::sweep_kernels();
    expect_sweep<unsigned char>(kernels.bytes);
    expect_sweep<unsigned short>(kernels.shorts);
    expect_sweep<unsigned>(kernels.words);
    alignas(64) float sums[128] = {};
    std::vector<float> z(128, 2.0F);
    sums[3] = 1.9F, sums[70] = 2.1F, sums[71] = -5.0F, sums[127] = 2.0F;
    unsigned counters[128] = {};
    alignas(64) unsigned aligned_counters[128] = {};
    aligned_counters[70] = 4;
    unsigned short columns[128];
    unsigned counts[128];
    float values[128];
    const unsigned short chunks[] = {0, 1};
    EXPECT_EQ(kernels.sums(sums, aligned_counters, chunks, 2, z.data(), {0, 1, 1}, {columns, counts, values}),
              2);
    EXPECT_EQ(columns[0], 70);
    EXPECT_EQ(counts[0], 4U);
    EXPECT_EQ(values[0], 2.1F);
    EXPECT_EQ(columns[1], 127);
    EXPECT_TRUE(std::equal(std::begin(counters), std::end(counters), aligned_counters));
    EXPECT_EQ(*std::max_element(sums, sums + 128), 0.0F);
  }
  set_cpu_path(before);
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
  ItemKnnConfig config{.similarity = {.metric = SimilarityMetric::asymmetric, .k = 4, .exponent = 0.2},
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
    if (kept.size() < 4) EXPECT_EQ(all[kept.size()], 0.0);
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
}  // namespace pushcart
