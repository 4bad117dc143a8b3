#include "pushcart/plan/job_plan.hpp"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <omp.h>

#include "models/linear/ease_plan.hpp"
#include "models/similarity/block_ring.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/node_window.hpp"
#include "pushcart/matrix/cut_dataset.hpp"
#include "pushcart/models/als.hpp"
#include "pushcart/models/content_plan.hpp"
#include "pushcart/models/linear_plan.hpp"
#include "pushcart/models/sessions_plan.hpp"
#include "pushcart/models/similarity_plan.hpp"
#include "pushcart/topn/list_plan.hpp"
#include "pushcart/topn/top_items.hpp"
#include "support/attributes.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::test {
namespace {

SmallDataset shape() {
  return {.num_users = 700, .num_items = 300, .density = 0.05, .types = {"view", "cart"}, .has_times = true};
}

const Communicator& alone() {
  static const Communicator self = world().split(world().rank(), 0);
  return self;
}

/// The same data set as one rank holds it.
Dataset whole() {
  return small_dataset(alone(), shape());
}

PlannedNodes one_node() {
  return {.ranks_per_node = world().size(), .shared_bytes = free_shared_bytes()};
}

/// With two numbers an item that say which item it is.
Dataset with_vectors(Dataset dataset) {
  ItemVectors set{"look", 2, {}};
  for (Count item = dataset.by_item.rows.begin; item < dataset.by_item.rows.end; ++item) {
    for (const int sign : {1, -1}) set.values.push_back(static_cast<float>(sign * item));
  }
  dataset.item_vectors.push_back(std::move(set));
  return dataset;
}

TEST(CutDataset, GivesWhatTheRanksOfAJobHold) {
  const Dataset mine = with_vectors(small_dataset(world(), shape()));
  const std::vector<Dataset> parts = cut_dataset(with_vectors(whole()), world().size());
  ASSERT_EQ(static_cast<int>(parts.size()), world().size());
  const Dataset& part = parts[static_cast<std::size_t>(world().rank())];
  EXPECT_EQ(part.users, mine.users);
  EXPECT_EQ(part.items, mine.items);
  EXPECT_EQ(part.user_ids, mine.user_ids);
  EXPECT_EQ(part.item_ids, mine.item_ids);
  EXPECT_EQ(part.item_names, mine.item_names);
  for (const auto rows : {&Dataset::by_user, &Dataset::by_item}) {
    EXPECT_EQ((part.*rows).offsets, (mine.*rows).offsets);
    EXPECT_EQ((part.*rows).columns, (mine.*rows).columns);
    EXPECT_EQ((part.*rows).values, (mine.*rows).values);
  }
  EXPECT_EQ(part.last_time, mine.last_time);
  ASSERT_EQ(part.events.size(), mine.events.size());
  EXPECT_EQ(part.events[1].strength, mine.events[1].strength);
  ASSERT_EQ(part.item_vectors.size(), 1U);
  EXPECT_EQ(part.item_vectors[0].values, mine.item_vectors[0].values);
  EXPECT_EQ(memory_bytes(sizes_of(part)) - memory_bytes(sizes_of(small_dataset(world(), shape()))),
            part.items.range(world().rank()).size() * 2 * Count{sizeof(float)});
}

Dataset with_attributes(Dataset dataset) {
  dataset.user_attributes = attribute_columns(dataset.by_user.rows);
  dataset.item_attributes = attribute_columns(dataset.by_item.rows);
  return dataset;
}

/// Trains for real and compares with the plan of one rank for all.
void expect_as_trained(const AlsConfig& config, const char* what) {
  const Dataset mine = with_attributes(small_dataset(world(), shape()));
  PhaseLog phases;
  const AlsResult trained = train_als(world(), mine, config, {}, phases);
  const Dataset all = with_attributes(whole());
  const MappedValues mapped = mapped_values(alone(), all, config);
  const AlsPlan plan = plan_als(cut_dataset(all, world().size()), config, one_node(), mapped);
  const AlsRankPlan& here = plan.ranks[static_cast<std::size_t>(world().rank())];
  EXPECT_EQ(plan.exchange, trained.report.exchange) << what;
  EXPECT_EQ(here.memory.total_bytes(), trained.report.planned_bytes) << what;
  EXPECT_EQ(config.sweeps * (here.received_bytes + here.heavy_received_bytes),
            trained.report.counted_traffic.received_bytes)
      << what;
  if (config.solver == AlsSolver::exact) {
    EXPECT_NEAR(here.solving_work * config.sweeps, trained.report.counted_work,
                1e-6 * trained.report.counted_work)
        << what;
  }
}

TEST(PlanAls, IsWhatTheTrainingPlansAndCounts) {
  for (const ExchangeMethod method : {ExchangeMethod::automatic, ExchangeMethod::replicate,
                                      ExchangeMethod::sparse, ExchangeMethod::stream}) {
    for (const AlsSolver solver : {AlsSolver::automatic, AlsSolver::exact}) {
      AlsConfig config;
      config.k = 8;
      config.sweeps = 2;
      config.exchange = method;
      config.solver = solver;
      config.batch_bytes = 4096;
      expect_as_trained(config, "plain");
      config.gather_precision = GatherPrecision::bfloat16;
      expect_as_trained(config, "bf16");
    }
  }
}

TEST(PlanAls, HasTheMapsFromAttributes) {
  AlsConfig config;
  config.k = 8;
  config.sweeps = 2;
  config.exchange = ExchangeMethod::sparse;
  const std::vector<std::string> gender{"gender"}, both{"gender", "tastes"};
  for (const AttributeFit fit : {AttributeFit::after, AttributeFit::joint}) {
    config.attribute_map = fit;
    for (const auto& [users, items] : {std::pair{gender, std::vector<std::string>()},
                                       std::pair{std::vector<std::string>(), both}, std::pair{both, both}}) {
      config.attributes.users = users;
      config.attributes.items = items;
      const MappedValues mapped = mapped_values(alone(), with_attributes(whole()), config);
      EXPECT_EQ(mapped.users.value_or(0), users.empty() ? 0 : users.size() == 1 ? 2 : 5);
      EXPECT_EQ(mapped.items.value_or(0), items.empty() ? 0 : 5);
      expect_as_trained(config, fit == AttributeFit::joint ? "joint" : "after");
    }
  }
  config.attributes.users = {"colour"};
  EXPECT_THROW(mapped_values(alone(), with_attributes(whole()), config), CollectiveError);
}

TEST(PlanAls, CountsHeavyRowsByCholeskyExactly) {
  AlsConfig config;
  config.k = 8;
  config.sweeps = 2;
  config.solver = AlsSolver::exact;
  config.split_length = 40;
  for (const ExchangeMethod method : {ExchangeMethod::sparse, ExchangeMethod::stream}) {
    config.exchange = method;
    const AlsPlan plan = plan_als(cut_dataset(whole(), world().size()), config, one_node());
    EXPECT_GT(plan.num_heavy_rows, 0);
    expect_as_trained(config, "heavy");
  }
}

TEST(PlanAls, ChoosesStreamInABudgetAsTheTrainingDoes) {
  AlsConfig config;
  config.k = 64;
  config.sweeps = 1;
  const AlsPlan free = plan_als(cut_dataset(whole(), world().size()), config, {world().size(), 0});
  Count most = 0;
  for (const AlsRankPlan& rank : free.ranks) most = std::max(most, rank.memory.total_bytes());
  config.memory_budget_bytes = most - 20000;
  const AlsPlan tight = plan_als(cut_dataset(whole(), world().size()), config, {world().size(), 0});
  if (world().size() == 1) return;
  EXPECT_EQ(free.exchange, ExchangeMethod::sparse);
  EXPECT_EQ(tight.exchange, ExchangeMethod::stream);
}

/// Rows of the Gram matrix on this rank. @return whether the plan names them. Collective.
bool expect_rows_to_arrive(const MemoryPlan& plan, Count sent, Count received, const char* what) {
  const Count as_they_leave = 8 * sent + 4 * sent, as_they_come = 8 * received + 4 * sent;
  const Count most_beyond = world().allreduce(as_they_come - as_they_leave, Reduce::max);
  EXPECT_EQ(most_beyond > 0, world().size() > 1) << what;
  const auto is_rows = [](const MemoryPlan::Part& part) {
    return part.what == "rows of the Gram matrix on their way";
  };
  const auto found = std::ranges::find_if(plan.parts(), is_rows);
  if (found == plan.parts().end()) return false;  // the cutting of rows takes more
  EXPECT_EQ(found->num_bytes, std::max(as_they_leave, as_they_come)) << what;
  return true;
}

/// Trains for real and compares with the plan of one rank for all.
void expect_as_trained(const EaseConfig& config, const char* what) {
  PhaseLog phases;
  const EaseResult trained = train_ease(world(), small_dataset(world(), shape()), config, phases);
  const std::vector<Dataset> parts = cut_dataset(whole(), world().size());
  const auto here = static_cast<std::size_t>(world().rank());
  const LinearRankPlan plan = plan_ease(alone(), whole(), parts, config)[here];
  EXPECT_EQ(plan.received_bytes, trained.report.received_bytes) << what;
  EXPECT_EQ(plan.num_weights, trained.model.item_weights->num_entries()) << what;
  EXPECT_EQ(plan.operations, trained.report.operations) << what;
  // The training supposes that no sum of the Gram matrix is zero.
  EXPECT_LE(plan.memory.total_bytes(), trained.report.planned_bytes) << what;
  linear::EaseSizes sizes = linear::ease_sizes(parts[here], world().rank(), whole().by_user.num_entries());
  const Count size = trained.report.num_items;
  EXPECT_EQ(linear::plan_memory(sizes, config, size).total_bytes(), trained.report.planned_bytes) << what;
  const Count sent = trained.report.most_sent_entries, received = trained.report.most_received_entries;
  sizes.sent_entries = sent;
  sizes.received_entries = received;
  EXPECT_EQ(plan.memory.total_bytes(), linear::plan_memory(sizes, config, size).total_bytes()) << what;
  const bool are_named = expect_rows_to_arrive(plan.memory, sent, received, what);
  const bool in_one_batch = config.batch_bytes == EaseConfig{}.batch_bytes;
  EXPECT_TRUE(are_named || !in_one_batch || world().size() == 1) << what;
}

TEST(PlanEase, IsWhatTheTrainingPlansAndCounts) {
  EaseConfig config;
  config.neighbours = 1;
  expect_as_trained(config, "all items");
  config.batch_bytes = 1 << 16;
  expect_as_trained(config, "in batches");
  config.neighbours = 60;
  config.head_items = 120;
  expect_as_trained(config, "a head");
}

void expect_as_trained(const SpectralConfig& config, const char* what) {
  PhaseLog phases;
  const SpectralResult trained = train_spectral(world(), small_dataset(world(), shape()), config, phases);
  const SpectralReport& report = trained.report;
  const LinearRankPlan plan =
      plan_spectral(alone(), whole(), cut_dataset(whole(), world().size()), config,
                    {report.rounds, report.products})[static_cast<std::size_t>(world().rank())];
  EXPECT_EQ(plan.received_bytes, report.received_bytes) << what;
  EXPECT_EQ(spectral_columns(config, shape().num_users, shape().num_items),
            trained.model.user_factors.num_columns)
      << what;
  const Count num_weights = trained.model.item_weights ? trained.model.item_weights->num_entries() : 0;
  EXPECT_EQ(plan.num_weights, num_weights) << what;
  // The training supposes that every item has as many neighbours as are kept.
  const Count all = world().sum(num_weights), most = shape().num_items * config.neighbours;
  if (all == 0 || all == most) {
    EXPECT_EQ(plan.memory.total_bytes(), report.planned_bytes) << what;
  } else {
    EXPECT_LT(plan.memory.total_bytes(), report.planned_bytes) << what;
  }
}

TEST(PlanSpectral, IsWhatTheTrainingPlansAndCounts) {
  SpectralConfig config;
  config.k = 8;
  config.tolerance = 0.1;
  config.neighbours = 5;
  expect_as_trained(config, "cut");
  config.neighbours = 295;
  expect_as_trained(config, "few others");
  config.batch_bytes = 1 << 14;
  expect_as_trained(config, "in batches");
  config.preset = SpectralPreset::pure_svd;
  expect_as_trained(config, "factors only");
}

/// Bytes of the blocks that a ring really brings from other ranks.
Count bytes_of_ring(const similarity::Product& product, const SimilarityConfig& config) {
  using namespace similarity;
  const RingOrder order = ring_order(world(), product.right, cut_into_blocks(product, config.block_columns),
                                     config.block_columns);
  BlockRing ring(world(), product.right, order);
  while (ring.next()) {
  }
  return ring.received_bytes();
}

Count bytes_of_ring(const Dataset& mine, const SimilarityConfig& config, similarity::Neighbourhood what) {
  return bytes_of_ring(similarity::make_product(world(), mine, config, what), config);
}

TEST(PlanNearestItems, IsWhatTheEngineMovesAndDoes) {
  const Dataset mine = small_dataset(world(), shape()), all = whole();
  const auto parts = cut_dataset(all, world().size());
  for (const SimilarityMetric metric :
       {SimilarityMetric::cosine, SimilarityMetric::tfidf, SimilarityMetric::bm25, SimilarityMetric::llr}) {
    for (const Count k : {5, 299}) {
      const SimilarityConfig config{.metric = metric, .k = k, .exponent = 0.4, .block_columns = 64};
      PhaseLog phases;
      SimilarityReport report;
      const Neighbours found = nearest_items(world(), mine, config, phases, &report);
      const auto plans = plan_nearest_items(alone(), all, parts, config);
      const SimilarityRankPlan& here = plans[static_cast<std::size_t>(world().rank())];
      const std::string what = fmt::format("{} {}", similarity_metric_name(metric), k);
      EXPECT_EQ(here.received_bytes, bytes_of_ring(mine, config, similarity::Neighbourhood::of_items))
          << what;
      EXPECT_EQ(here.multiply_adds, static_cast<double>(report.multiply_adds)) << what;
      EXPECT_GE(here.num_neighbours, static_cast<Count>(found.columns.size())) << what;
      if (k == 5) {
        EXPECT_EQ(here.num_neighbours, static_cast<Count>(found.columns.size())) << what;
      }
    }
  }
}

TEST(PlanUserKnn, IsWhatTheTrainingMovesAndKeeps) {
  const Dataset mine = small_dataset(world(), shape()), all = whole();
  const auto parts = cut_dataset(all, world().size());
  for (const Count kept : {20, 300}) {
    for (const Count k : {3, 60}) {
      const UserKnnConfig config{{.k = k, .block_columns = 64}, kept};
      const auto plans = plan_user_knn(alone(), all, parts, config);
      const SimilarityRankPlan& here = plans[static_cast<std::size_t>(world().rank())];
      const std::string what = fmt::format("{} items by {} neighbours", kept, k);
      similarity::Product items;  // of which only the items travel
      items.right = similarity::plain_operand(std::make_shared<const SparseRows>(mine.by_item),
                                              config.similarity.values);
      EXPECT_EQ(here.received_bytes,
                bytes_of_ring(mine, config.similarity, similarity::Neighbourhood::of_users) +
                    bytes_of_ring(items, config.similarity))
          << what;
      PhaseLog phases;
      const Count entries = train_user_knn(world(), mine, config, phases).user_items->num_entries();
      EXPECT_EQ(here.num_neighbours, entries) << what;                 // so few users are all looked at
      EXPECT_GT(here.memory.total_bytes(), 2 * entries * 12) << what;  // what is found, and the model
    }
  }
}

TEST(PlanUserKnn, AsksSomeUsersIfTheyAreMany) {
  const Dataset mine = small_dataset(world(), shape()), all = whole();
  const auto parts = cut_dataset(all, world().size());
  const UserKnnConfig config{{.k = 5, .block_columns = 64}, 20};
  PhaseLog phases;
  const Model model = train_user_knn(world(), mine, config, phases);
  const SparseRows& found = *model.user_items;
  for (const Count sample : {1, 3, 7}) {
    const Count size = found.num_rows(), step = (size + sample - 1) / sample;
    Count num_items = 0, num_asked = 0;
    for (Count row = 0; row < size; ++row) {
      if (row % step != step / 2) continue;
      num_items += found.row_length(row);
      ++num_asked;
    }
    EXPECT_LE(num_asked, sample);
    const auto plans = plan_user_knn(alone(), all, parts, config, {sample * world().size(), 1});
    EXPECT_EQ(plans[static_cast<std::size_t>(world().rank())].num_neighbours,
              num_asked == 0 ? 0 : num_items * size / num_asked);
  }
}

/// Step by step: what the training said here, and the ranks of the plan together.
void expect_as_said(const std::vector<AnnouncedMemory>& planned, const KeptAnnouncements& said) {
  ASSERT_EQ(planned.size(), said.steps().size());
  for (std::size_t n = 0; n < planned.size(); ++n) {
    EXPECT_EQ(planned[n].step, said.steps()[n].step);
    EXPECT_EQ(planned[n].words, said.steps()[n].words);
  }
}

TEST(PlanSessions, IsWhatTheTrainingSaysAndCounts) {
  const Dataset mine = small_dataset(world(), shape());
  const auto parts = cut_dataset(whole(), world().size());
  for (const SessionPreset preset : {SessionPreset::markov, SessionPreset::knn}) {
    for (const Count neighbours : {5, 299}) {
      SessionsConfig config;
      config.preset = preset;
      config.neighbours = neighbours;
      config.block_columns = 64;
      config.profile.gap_minutes = 2 * 24 * 60;
      config.half_life_days = neighbours == 5 ? 40 : 0;
      PhaseLog phases;
      SessionsReport report;
      const KeptAnnouncements said;
      const Model model = train_sessions(world(), mine, config, phases, &report);
      const SessionsPlan plan = plan_sessions(parts, config);
      const SimilarityRankPlan& here = plan.ranks[static_cast<std::size_t>(world().rank())];
      const std::string what = fmt::format("{} {}", session_preset_name(preset), neighbours);
      SCOPED_TRACE(what);
      EXPECT_EQ(here.received_bytes, report.received_bytes);
      EXPECT_EQ(here.num_neighbours, model.item_weights->num_entries());
      EXPECT_EQ(here.multiply_adds, static_cast<double>(report.similarity.multiply_adds));
      EXPECT_EQ(here.memory.total_bytes(), std::max(said.steps().front().here.total_bytes(),
                                                    said.steps().back().here.total_bytes()));
      expect_as_said(plan.steps, said);
    }
  }
}

TEST(PlanSessions, OfCandidatesReceivesAboutWhatTheTrainingDoes) {
  SessionsConfig config;
  config.kept = KeptLists::of_candidates;
  config.neighbours = 20;
  config.profile.gap_minutes = 2 * 24 * 60;
  PhaseLog phases;
  SessionsReport report;
  const Model model = train_sessions(world(), small_dataset(world(), shape()), config, phases, &report);
  const SessionsPlan plan = plan_sessions(cut_dataset(whole(), world().size()), config);
  Count received = 0, entries = 0;
  for (const SimilarityRankPlan& rank : plan.ranks) {
    received += rank.received_bytes;
    entries += rank.num_neighbours;
  }
  const auto counted = static_cast<double>(world().sum(report.received_bytes));
  EXPECT_NEAR(static_cast<double>(received), counted, 0.1 * counted);
  // Which rank has an item's weights is not known; all of them are.
  EXPECT_NEAR(entries, world().sum(model.item_weights->num_entries()), world().size());
}

TEST(PlanSessions, RefusesWhatTheTrainingRefuses) {
  SessionsConfig config;
  config.max_steps = 0;
  EXPECT_THROW(plan_sessions(cut_dataset(whole(), 2), config), ConfigError);
  SmallDataset timeless = shape();
  timeless.has_times = false;
  EXPECT_THROW(plan_sessions(cut_dataset(small_dataset(alone(), timeless), 2), {}), ConfigError);
}

void expect_as_trained(const ContentConfig& config) {
  PhaseLog phases;
  const KeptAnnouncements said;
  const auto [model, report] =
      train_content(world(), with_vectors(with_attributes(small_dataset(world(), shape()))), config, phases);
  const auto parts = cut_dataset(with_vectors(with_attributes(whole())), world().size());
  const ContentPlan plan = plan_content(parts, config, {report.rounds, report.products});
  const LinearRankPlan& here = plan.ranks[static_cast<std::size_t>(world().rank())];
  EXPECT_EQ(plan.num_columns, model.item_factors.num_columns);
  EXPECT_EQ(plan.num_singular_vectors, static_cast<Count>(report.singular_values.size()));
  EXPECT_EQ(here.multiply_adds, static_cast<double>(report.similarity.multiply_adds));
  expect_as_said(plan.steps, said);
  const Count num_weights = model.item_weights ? model.item_weights->num_entries() : 0;
  if (config.kept == KeptLists::of_history || config.neighbours == 0) {
    EXPECT_EQ(here.received_bytes, report.received_bytes);
    EXPECT_EQ(here.num_weights, num_weights);
    return;
  }
  Count received = 0;
  for (const LinearRankPlan& rank : plan.ranks) received += rank.received_bytes;
  const auto counted = static_cast<double>(world().sum(report.received_bytes));
  EXPECT_NEAR(static_cast<double>(received), counted, 0.1 * counted);
}

TEST(PlanContent, IsWhatTheTrainingSaysAndCounts) {
  ContentConfig config;
  config.k = 3;
  config.block_columns = 64;
  config.neighbours = 5;
  config.fields = {{TextKind::tags, "tastes"}, {TextKind::words, "name"}};
  for (const KeptLists kept : {KeptLists::of_history, KeptLists::of_candidates}) {
    config.kept = kept;
    SCOPED_TRACE(kept_lists_name(kept));
    expect_as_trained(config);
  }
  config.kept = KeptLists::of_history;
  config.neighbours = 299;
  expect_as_trained(config);
  config.vectors = {{"look"}};
  config.batch_bytes = 1 << 12;
  expect_as_trained(config);
  config.neighbours = 0;
  expect_as_trained(config);
  config.k = 0;
  expect_as_trained(config);
  config.fields.front().column = "colour";
  EXPECT_THROW(plan_content(cut_dataset(with_attributes(whole()), 2), config, {}), Error);
}

TEST(PlanJob, OfItemWeightsLendsRowsAsTheSearchDoes) {
  PlannedJob job;
  job.num_ranks = world().size();
  job.nodes = one_node();
  job.family = PlannedFamily::itemknn;
  job.item_knn.k = 10;
  job.similar_by = SimilarityMetric::llr;
  job.n = 7;
  const JobPlan plan = plan_job(alone(), whole(), job, {});
  ASSERT_EQ(plan.phases.size(), 3U);
  EXPECT_EQ(plan.phases[0].name, "train itemknn");
  EXPECT_EQ(plan.phases[1].name, "recommend");
  EXPECT_EQ(plan.phases[2].name, "similar");
  EXPECT_EQ(plan.phases[1].bytes, Exactness::estimate);
  EXPECT_EQ(plan.phases[2].bytes, Exactness::exact);
  EXPECT_THROW(plan_job(AssumedData{.users = 10, .items = 10, .pairs = 10, .log_lines = 10}, job, {}),
               ConfigError);
}

TEST(PlanLists, BytesAreThoseThatTheSearchCounts) {
  const Dataset mine = small_dataset(world(), shape());
  AlsConfig config;
  config.k = 8;
  config.sweeps = 1;
  PhaseLog phases;
  const Model model = train_als(world(), mine, config, {}, phases).model;
  TopRequest request;
  request.n = 7;
  for (Count user = mine.by_user.rows.begin; user < mine.by_user.rows.end; ++user)
    request.users.push_back(user);
  request.excluded = mine.by_user;
  request.excluded.rows = {0, mine.by_user.num_rows()};
  const TopLists lists = top_items(world(), model, mine, request, phases);

  PlannedJob job;
  job.num_ranks = world().size();
  job.nodes = one_node();
  job.als = config;
  job.n = request.n;
  const JobPlan plan = plan_job(alone(), whole(), job, {});
  ASSERT_EQ(plan.phases.back().name, "recommend");
  EXPECT_EQ(plan.phases.back().ranks[static_cast<std::size_t>(world().rank())].received_bytes,
            lists.scoring.received_bytes);
}

}  // namespace
}  // namespace pushcart::test
