#include "pushcart/models/sessions.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "models/sessions_reference.hpp"
#include "pushcart/base/indices_of.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/models/blend.hpp"
#include "pushcart/models/fold_in.hpp"
#include "pushcart/models/model_file.hpp"
#include "pushcart/topn/explain.hpp"
#include "pushcart/topn/pair_scores.hpp"
#include "pushcart/topn/top_items.hpp"
#include "support/small_dataset.hpp"
#include "support/world.hpp"

namespace pushcart::sessions_test {
namespace {

using test::PlainSessions;
using test::SessionLog;
using test::world;

SessionsConfig config_of(SessionPreset preset) {
  SessionsConfig config;
  config.preset = preset;
  config.profile.gap_minutes = 45;
  config.neighbours = 1000;
  return config;
}

/// Each unlike the others in what it tries.
std::vector<SessionsConfig> configs() {
  std::vector<SessionsConfig> all{config_of(SessionPreset::markov), config_of(SessionPreset::knn),
                                  config_of(SessionPreset::knn),    config_of(SessionPreset::markov),
                                  config_of(SessionPreset::knn),    config_of(SessionPreset::knn)};
  all[2].step_decay = 0.6;
  all[2].backward = 0.3;
  all[2].half_life_days = 0.5;
  all[3].step_decay = 0.8;
  all[3].max_steps = 2;
  all[3].to_exponent = 0.4;
  all[3].kept = KeptLists::of_candidates;
  all[4].event_weights = {{"view", 0.5}, {"cart", 2}};
  all[4].profile.gap_minutes = 10;
  all[5].event_weights = {{"cart", 1}};
  all[5].profile.gap_minutes = 100000;
  return all;
}

TEST(Sessions, WeighWhatCameNextAndBeside) {
  const SessionLog log = test::session_log(3);
  const Dataset dataset = test::dataset_of(world(), log);
  for (const SessionsConfig& config : configs()) {
    PhaseLog phases;
    SessionsReport report;
    const Model model = train_sessions(world(), dataset, config, phases, &report);
    const PlainSessions plain(log, config);
    const SparseRows& rows = *model.item_weights;
    ASSERT_EQ(rows.rows, dataset.items.range(world().rank()));
    Count num_weights = 0;
    for (Count row = 0; row < rows.num_rows(); ++row) {
      std::vector<double> dense(static_cast<std::size_t>(log.num_items), 0);
      for (std::size_t n = 0; n < rows.row_columns(row).size(); ++n)
        dense[static_cast<std::size_t>(rows.row_columns(row)[n])] =
            static_cast<double>(rows.row_values(row)[n]);
      for (Count i = 0; i < log.num_items; ++i) {
        const double expected = plain.weight(rows.rows.begin + row, i);
        EXPECT_NEAR(dense[static_cast<std::size_t>(i)], expected, 1e-5 * (1 + expected));
        num_weights += expected > 0 ? 1 : 0;
      }
    }
    EXPECT_GT(world().sum(num_weights), 60);
    EXPECT_EQ(world().sum(num_weights), world().sum(rows.num_entries()));
    EXPECT_GT(report.num_sessions, 20);
    EXPECT_GE(report.num_transitions, world().sum(num_weights));
  }
}

/// Each visit is written once as visited and once as near, though there are as many transitions as pairs.
TEST(Sessions, WriteVisitsOfOneTimeOnce) {
  constexpr Count num_items = 300;
  SessionLog log;
  log.num_users = 1;
  log.num_items = num_items;
  log.cutoff = 1'700'000'000;
  for (Count item = 0; item < num_items; ++item) log.events.push_back({0, item, 0, log.cutoff});
  SessionsConfig config = config_of(SessionPreset::knn);
  config.neighbours = num_items;
  PhaseLog phases;
  SessionsReport report;
  const Model model = train_sessions(world(), test::dataset_of(world(), log), config, phases, &report);
  EXPECT_EQ(report.num_visits, num_items);
  EXPECT_EQ(report.num_transitions, num_items * (num_items - 1));
  EXPECT_EQ(report.num_entries, 2 * num_items);
  EXPECT_EQ(world().sum(model.item_weights->num_entries()), report.num_transitions);
  for (const float weight : model.item_weights->values) EXPECT_FLOAT_EQ(weight, 1);
}

/// Visits at times of their own have at most 2 max_steps others near, whatever the order of the items.
TEST(Sessions, WriteWhatIsNearAMomentOnly) {
  SessionLog log;
  log.num_users = 1;
  log.num_items = 5000;
  log.cutoff = 1'700'000'000 + 60 * log.num_items;
  for (Count n = 0; n < log.num_items; ++n)
    log.events.push_back({0, n * 1737 % log.num_items, 0, 1'700'000'000 + 60 * n});
  SessionsConfig config = config_of(SessionPreset::knn);
  config.max_steps = 3;
  PhaseLog phases;
  SessionsReport report;
  const Model model = train_sessions(world(), test::dataset_of(world(), log), config, phases, &report);
  constexpr Count pairs = 2 * (4999 + 4998 + 4997);
  EXPECT_EQ(report.num_transitions, pairs);
  EXPECT_EQ(report.num_entries, pairs + 2 * 5000);
  EXPECT_EQ(world().sum(model.item_weights->num_entries()), pairs);
}

/// Who looks at two items and puts a third into the cart, and who only puts into the cart.
TEST(Sessions, LeaveOutVisitsThatWeighTooLittleForAFloat) {
  SessionLog log;
  log.num_users = 2;
  log.num_items = 5;
  log.cutoff = 1'700'000'200;
  log.events = {{0, 0, 0, 1'700'000'000},
                {0, 1, 0, 1'700'000'060},
                {0, 2, 1, 1'700'000'120},
                {1, 3, 1, 1'700'000'000},
                {1, 4, 1, 1'700'000'060}};
  SessionsConfig config = config_of(SessionPreset::knn);
  config.event_weights = {{"view", 1}, {"cart", 1e-60}};
  PhaseLog phases;
  SessionsReport report;
  const Model model = train_sessions(world(), test::dataset_of(world(), log), config, phases, &report);
  EXPECT_EQ(report.num_visits, 5);
  EXPECT_EQ(report.num_transitions, 2);
  EXPECT_EQ(report.num_entries, 2 * (1 + 2));
  EXPECT_EQ(world().sum(model.item_weights->num_entries()), 2);
}

TEST(Sessions, KeepTheBestOfHistoriesOrOfCandidates) {
  const SessionLog log = test::session_log(4);
  const Dataset dataset = test::dataset_of(world(), log);
  for (const KeptLists kept : {KeptLists::of_history, KeptLists::of_candidates}) {
    SessionsConfig config = config_of(SessionPreset::knn);
    config.step_decay = 0.7;
    config.backward = 0.4;
    config.kept = kept;
    config.neighbours = 3;
    PhaseLog phases;
    const Model model = train_sessions(world(), dataset, config, phases);
    const PlainSessions plain(log, config);
    std::map<std::pair<Count, Count>, float> found;
    struct Entry {
      Count from, to;
      float value;
    };
    std::vector<Entry> mine;
    const SparseRows& rows = *model.item_weights;
    for (Count row = 0; row < rows.num_rows(); ++row) {
      for (std::size_t n = 0; n < rows.row_columns(row).size(); ++n)
        mine.push_back({rows.rows.begin + row, rows.row_columns(row)[n], rows.row_values(row)[n]});
    }
    for (const Entry& entry : test::all_rows(world(), mine)) {
      const bool of_history = kept == KeptLists::of_history;
      found[of_history ? std::pair(entry.from, entry.to) : std::pair(entry.to, entry.from)] = entry.value;
    }
    for (Count side = 0; side < log.num_items; ++side) {
      std::vector<double> all, chosen;
      for (Count other = 0; other < log.num_items; ++other) {
        const double weight =
            kept == KeptLists::of_history ? plain.weight(side, other) : plain.weight(other, side);
        if (weight > 0) all.push_back(weight);
        if (found.contains({side, other})) chosen.push_back(weight);
      }
      std::sort(all.rbegin(), all.rend());
      std::sort(chosen.rbegin(), chosen.rend());
      ASSERT_EQ(chosen.size(), std::min<std::size_t>(3, all.size()));
      for (std::size_t n = 0; n < chosen.size(); ++n) EXPECT_NEAR(chosen[n], all[n], 1e-6);
    }
  }
}

/// All pairs of owned users and items.
SparseRows every_pair(const Dataset& dataset) {
  SparseRows pairs;
  pairs.rows = dataset.users.range(world().rank());
  pairs.num_columns = dataset.num_items();
  for (Count row = 0; row < pairs.num_rows(); ++row) {
    for (Count item = 0; item < dataset.num_items(); ++item) pairs.columns.push_back(item);
    pairs.offsets.push_back(static_cast<Count>(pairs.columns.size()));
  }
  pairs.values.assign(pairs.columns.size(), 1.0F);
  return pairs;
}

double plain_score(const PlainSessions& plain, const SessionLog& log, Count user, Count item) {
  double score = 0;
  for (Count j = 0; j < log.num_items; ++j) score += plain.counts(user, j) * plain.weight(j, item);
  return score;
}

TEST(Sessions, ServeTheCurrentSession) {
  const SessionLog log = test::session_log(5);
  const Dataset dataset = test::dataset_of(world(), log);
  const SparseRows pairs = every_pair(dataset);
  for (const double earlier : {0.0, 0.25}) {
    for (const double decay : {0.0, 0.7, 1.0}) {
      SessionsConfig config = config_of(SessionPreset::knn);
      config.profile.decay = decay;
      config.profile.earlier = earlier;
      PhaseLog phases;
      Model model = train_sessions(world(), dataset, config, phases);
      const std::string path = test::scratch_folder("sessions") + "/model.h5";
      write_model(world(), path, model);
      const Model stored = read_model(world(), path, dataset);
      EXPECT_EQ(stored.session_profile, config.profile);
      EXPECT_EQ(pair_scores(world(), stored, dataset, pairs), pair_scores(world(), model, dataset, pairs));
      // Newcomers with the same events are served alike.
      const Model folded = fold_in(world(), model, dataset, dataset, phases);
      EXPECT_EQ(pair_scores(world(), folded, dataset, pairs), pair_scores(world(), model, dataset, pairs));

      const PlainSessions plain(log, config);
      const auto users = indices_of(pairs.rows);
      TopLists lists =
          top_items(world(), stored, dataset,
                    {.users = users, .n = log.num_items, .excluded = {}, .item_allowed = {}}, phases);
      for (std::size_t row = 0; row < users.size(); ++row) {
        std::vector<char> seen(static_cast<std::size_t>(log.num_items), 0);
        for (auto e = static_cast<std::size_t>(lists.offsets[row]);
             e < static_cast<std::size_t>(lists.offsets[row + 1]); ++e) {
          EXPECT_NEAR(static_cast<double>(lists.scores[e]),
                      plain_score(plain, log, users[row], lists.items[e]), 1e-5);
          seen[static_cast<std::size_t>(lists.items[e])] = 1;
        }
        for (Count item = 0; item < log.num_items; ++item) EXPECT_TRUE(seen[static_cast<std::size_t>(item)]);
      }
      const auto scores = pair_scores(world(), stored, dataset, pairs);
      for (std::size_t n = 0; n < scores.size(); ++n) {
        const Count user = pairs.rows.begin + static_cast<Count>(n) / log.num_items;
        EXPECT_NEAR(static_cast<double>(scores[n]), plain_score(plain, log, user, pairs.columns[n]), 1e-5);
      }
      // The reasons of a score are its session's items, and add up to it.
      const ExplainReport report =
          explain(world(), stored, dataset, dataset, lists, {.num_reasons = 100}, phases);
      EXPECT_LT(report.largest_gap, 1e-5);
      for (std::size_t row = 0; row < users.size(); ++row) {
        for (Count e = lists.offsets[row]; e < lists.offsets[row + 1]; ++e) {
          const Range reasons = reasons_of(lists, e);
          for (auto n = static_cast<std::size_t>(reasons.begin); n < static_cast<std::size_t>(reasons.end);
               ++n) {
            const Count own = lists.reasons->items[n], item = lists.items[static_cast<std::size_t>(e)];
            EXPECT_NEAR(static_cast<double>(lists.reasons->contributions[n]),
                        plain.counts(users[row], own) * plain.weight(own, item), 1e-5);
          }
        }
      }
    }
  }
}

TEST(Sessions, BlendWithWhatLooksAtWholeHistories) {
  const SessionLog log = test::session_log(6);
  const Dataset dataset = test::dataset_of(world(), log);
  const SparseRows pairs = every_pair(dataset);
  PhaseLog phases;
  const Model sessions = train_sessions(world(), dataset, config_of(SessionPreset::knn), phases);
  SessionsConfig other = config_of(SessionPreset::markov);
  const Model markov = train_sessions(world(), dataset, other, phases);
  ItemKnnConfig knn;
  knn.similarity.k = 10;
  const Model long_term = train_item_knn(world(), dataset, knn, "itemknn", phases);
  const auto weights = [&](double first, double step) {
    std::vector<float> result;
    for (const Count user : indices_of(pairs.rows))
      result.push_back(static_cast<float>(first + step * static_cast<double>(user % 3)));
    return result;
  };
  const auto expect_sum = [&](const Model& a, const Model& b, std::vector<float> a_weights,
                              std::vector<float> b_weights, const std::vector<float>& lead) {
    const std::vector<BlendPart> parts{{&a, a_weights}, {&b, b_weights}};
    const Model blend = blend_models(world(), dataset, parts);
    const auto of_a = pair_scores(world(), a, dataset, pairs), of_b = pair_scores(world(), b, dataset, pairs);
    const auto found = pair_scores(world(), blend, dataset, pairs);
    for (std::size_t n = 0; n < found.size(); ++n) {
      const auto user = n / static_cast<std::size_t>(log.num_items);
      EXPECT_NEAR(found[n], (a_weights[user] * of_a[n] + b_weights[user] * of_b[n]) / lead[user], 1e-4);
    }
    return blend;
  };
  // The session's part is each user's own, so its weight may be, too.
  const Model mixed = expect_sum(sessions, long_term, weights(1, 0.5), weights(0.7, 0), weights(0.7, 0));
  EXPECT_TRUE(mixed.user_items && mixed.item_weights && !mixed.session_profile);
  const Model alike = expect_sum(sessions, markov, weights(0.5, 0), weights(2, 0), weights(0.5, 0));
  EXPECT_EQ(alike.session_profile, sessions.session_profile);
  EXPECT_FALSE(alike.user_items);
}

TEST(Sessions, GiveTheSameBitsOnAnyRanks) {
  const Communicator alone = world().split(world().rank(), 0);
  const SessionLog log = test::session_log(7);
  const auto train = [&](const Communicator& comm) {
    const Dataset dataset = test::dataset_of(comm, log);
    PhaseLog phases;
    SessionsConfig config = configs()[2];
    config.neighbours = 9;
    config.block_columns = comm.size() == 1 ? 65536 : 7;
    const Model model = train_sessions(comm, dataset, config, phases);
    return std::pair(test::all_rows(comm, model.item_weights->columns),
                     test::all_rows(comm, model.item_weights->values));
  };
  const auto expected = train(alone);
  ASSERT_GT(expected.first.size(), 100U);
  EXPECT_EQ(train(world()), expected);
}

TEST(Sessions, RefuseSettingsWithoutSense) {
  const Dataset dataset = test::dataset_of(world(), test::session_log(8));
  const auto reason_of = [](const Dataset& of, const SessionsConfig& config) {
    PhaseLog phases;
    try {
      train_sessions(world(), of, config, phases);
    } catch (const std::exception& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const auto expect_reason = [&](const char* option, auto&& change) {
    SessionsConfig config = config_of(SessionPreset::knn);
    change(config);
    EXPECT_NE(reason_of(dataset, config).find(option), std::string::npos) << option;
  };
  expect_reason("--session-gap-minutes", [](auto& c) { c.profile.gap_minutes = 0; });
  expect_reason("--session-gap-minutes", [](auto& c) { c.event_weights = {{"cart", 0}}; });
  expect_reason("--step-decay", [](auto& c) { c.step_decay = 1.5; });
  expect_reason("--backward", [](auto& c) { c.backward = -1; });
  expect_reason("--from-exponent", [](auto& c) { c.from_exponent = 3; });
  expect_reason("--to-exponent", [](auto& c) { c.to_exponent = NAN; });
  expect_reason("--max-steps", [](auto& c) { c.max_steps = 0; });
  expect_reason("--neighbours", [](auto& c) { c.neighbours = 0; });
  expect_reason("--session-half-life-days", [](auto& c) { c.half_life_days = -1; });
  expect_reason("--profile-decay", [](auto& c) { c.profile.decay = 2; });
  expect_reason("--profile-earlier", [](auto& c) { c.profile.earlier = -0.5; });
  expect_reason("--event-weight", [](auto& c) { c.event_weights = {{"purchase", 1}}; });
  const Dataset without_times = test::small_dataset(world(), {});
  EXPECT_NE(reason_of(without_times, {}).find("need times"), std::string::npos);

  PhaseLog phases;
  const Model model = train_sessions(world(), dataset, config_of(SessionPreset::knn), phases);
  Dataset newcomers = dataset;
  newcomers.cutoff_time = 0;
  EXPECT_THROW(fold_in(world(), model, dataset, newcomers, phases), ConfigError);
  EXPECT_THROW(session_profile_of("{}", "model.h5"), InputError);
  EXPECT_THROW(session_profile_of(R"({"gap_minutes": 30, "decay": 7, "earlier": 0})", "model.h5"),
               InputError);
}

}  // namespace
}  // namespace pushcart::sessions_test
