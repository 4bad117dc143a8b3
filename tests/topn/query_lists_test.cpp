#include "pushcart/topn/query_lists.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "models/ngrams_reference.hpp"
#include "pushcart/base/digest.hpp"
#include "support/random_searches.hpp"
#include "support/world.hpp"

namespace pushcart {
namespace {

using test::world;

constexpr Count num_users = 45, num_items = 40, num_queries = 30;

Dataset dataset_with_searches(const Communicator& comm, std::uint64_t seed) {
  Dataset dataset = test::small_dataset(comm, {.num_users = num_users,
                                               .num_items = num_items,
                                               .density = 0.08,
                                               .seed = seed,
                                               .types = {"view", "buy"}});
  test::add_searches(comm, dataset, num_queries, seed);
  return dataset;
}

using Bag = std::map<std::string, double>;

/// The test's texts have words parted by blanks, with no capitals beyond ASCII but one; bytes that are no
/// text are no words.
Bag ngrams_of(const std::string& text) {
  std::vector<std::string> words;
  std::istringstream in(text);
  for (std::string word; in >> word;) {
    if (word[0] == '\xff') continue;
    if (const auto at = word.find("\xc3\x89"); at != std::string::npos) word.replace(at, 2, "\xc3\xa9");
    for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    words.push_back(word);
  }
  Bag ngrams;
  for (const auto& ngram : test::ngrams_by_hand(words, 3, 5))
    ++ngrams[std::to_string(hash_text(ngram) % (1 << 18))];
  return ngrams;
}

/// Cosines of one text with many, TF-IDF by those; what none of them has counts in its length.
std::vector<double> cosines(const std::string& text, const std::vector<std::string>& many) {
  std::map<std::string, double> num_texts;
  for (const auto& one : many)
    for (const auto& [ngram, count] : ngrams_of(one)) ++num_texts[ngram];
  const auto vector = [&](const std::string& one) {
    Bag bag = ngrams_of(one);
    double squares = 0;
    for (auto& [ngram, value] : bag) {
      const double texts = num_texts.contains(ngram) ? num_texts.at(ngram) : 0;
      value = std::sqrt(value) * std::log((1.0 + static_cast<double>(many.size())) / (1.0 + texts));
      squares += value * value;
    }
    for (auto& [ngram, value] : bag) value = squares > 0 ? value / std::sqrt(squares) : 0;
    return bag;
  };
  const Bag left = vector(text);
  std::vector<double> result;
  for (const auto& one : many) {
    const Bag right = vector(one);
    double product = 0;
    for (const auto& [ngram, value] : left) product += right.contains(ngram) ? value * right.at(ngram) : 0;
    result.push_back(product);
  }
  return result;
}

/// All a reference needs, on every rank.
struct Plain {
  std::vector<std::string> queries, names;
  std::vector<std::vector<double>> shares;  // by query and item
  std::vector<double> users;                // by item
};

Plain plain(const Dataset& dataset, const QueryItemConfig& config) {
  Plain all{test::all_texts(dataset.searches->texts), test::all_texts(dataset.item_names), {}, {}};
  all.shares.assign(static_cast<std::size_t>(num_queries),
                    std::vector<double>(static_cast<std::size_t>(num_items)));
  all.users.assign(static_cast<std::size_t>(num_items), 0);
  const SparseRows mine = query_items(world(), dataset, config);
  std::vector<Count> rows;
  for (Count row = 0; row < mine.num_rows(); ++row)
    rows.insert(rows.end(), static_cast<std::size_t>(mine.row_length(row)), mine.rows.begin + row);
  rows = test::all_rows(world(), rows);
  const auto columns = test::all_rows(world(), mine.columns);
  const auto values = test::all_rows(world(), mine.values);
  for (std::size_t n = 0; n < rows.size(); ++n)
    all.shares[static_cast<std::size_t>(rows[n])][static_cast<std::size_t>(columns[n])] =
        static_cast<double>(values[n]);
  for (auto& row : all.shares) {
    double sum = 0;
    for (const double value : row) sum += value;
    for (double& value : row) value = sum > 0 ? value / sum : 0;
  }
  for (const auto& pair : test::all_pairs(world(), dataset)) ++all.users[static_cast<std::size_t>(pair.item)];
  return all;
}

using Scores = std::vector<std::pair<std::string, std::vector<double>>>;  // by source, then item

Scores scores_by_hand(const Plain& all, const std::string& text, const QueryListConfig& config) {
  Scores scores;
  const auto known = std::find(all.queries.begin(), all.queries.end(), text);
  scores.emplace_back("searched", known == all.queries.end()
                                      ? std::vector<double>(all.users.size(), 0)
                                      : all.shares[static_cast<std::size_t>(known - all.queries.begin())]);
  std::vector<double> alike = cosines(text, all.names);
  const auto similar = cosines(text, all.queries);
  for (std::size_t query = 0; query < similar.size(); ++query)
    for (std::size_t item = 0; item < alike.size(); ++item)
      alike[item] +=
          config.similar_weight * std::pow(similar[query], config.similar_power) * all.shares[query][item];
  scores.emplace_back("similar", alike);
  scores.emplace_back("popular", all.users);
  return scores;
}

/// The list holds the best of each source in turn, near ties either way.
void expect_list(const TopLists& lists, std::size_t row, const Scores& scores,
                 std::vector<std::uint8_t> allowed, Count n) {
  auto at = static_cast<std::size_t>(lists.offsets[row]);
  const auto end = static_cast<std::size_t>(lists.offsets[row + 1]);
  const auto num_allowed = static_cast<std::size_t>(std::count(allowed.begin(), allowed.end(), 1));
  EXPECT_EQ(end - at, std::min(num_allowed, static_cast<std::size_t>(n)));
  for (const auto& [source, of_items] : scores) {
    std::vector<double> best;
    for (std::size_t item = 0; item < of_items.size(); ++item)
      if (allowed[item] && (of_items[item] > 1e-9 || source == "popular")) best.push_back(of_items[item]);
    std::sort(best.rbegin(), best.rend());
    for (std::size_t place = 0; place < best.size() && at < end; ++place, ++at) {
      const auto item = static_cast<std::size_t>(lists.items[at]);
      EXPECT_EQ(lists.source_names[lists.sources[at]], source);
      EXPECT_TRUE(allowed[item]) << "item " << item;
      EXPECT_NEAR(static_cast<double>(lists.scores[at]), best[place], 1e-5) << source << " place " << place;
      EXPECT_NEAR(static_cast<double>(lists.scores[at]), of_items[item], 1e-5) << source << " item " << item;
      allowed[item] = 0;
    }
  }
  EXPECT_EQ(at, end);
}

/// Some known, some not, of known words and others. The last rank gives them all.
ServedQueries asked(const Communicator& comm, const Dataset& dataset, const std::vector<std::string>& texts) {
  StringTable mine;
  if (comm.rank() == comm.size() - 1)
    for (const auto& text : texts) mine.push_back(text);
  return served_queries(comm, dataset, mine);
}

std::vector<std::string> texts_to_ask(const Dataset& dataset) {
  const auto known = test::all_texts(dataset.searches->texts);
  return {known[0], known[7],  known[29],     known[7],  "cup of tea",
          "RED",    "lamp 3",  "caf\xc3\xa9", "nothing", "Caf\xc3\x89 chair chair 1",
          "",       "\xff\xfe"};
}

TEST(QueryLists, AreFilledFromEverySourceInTurn) {
  std::set<std::string> sources;
  for (const std::uint64_t seed : {1, 2}) {
    for (const Count n : {3, 12, 100}) {
      const Dataset dataset = dataset_with_searches(world(), seed);
      QueryListConfig config;
      config.n = n;
      config.similar_queries = num_queries;
      if (seed == 2) config.similar_weight = 2, config.similar_power = 1.5;
      config.weights.event_weights = {{"view", 1}, {"buy", 4}};
      const Range owned = dataset.items.range(world().rank());
      for (Count item = owned.begin; item < owned.end; ++item)
        config.item_allowed.push_back(item % 5 == 2 ? 0 : 1);
      const auto allowed = test::all_rows(world(), config.item_allowed);
      const Plain all = plain(dataset, config.weights);
      const auto served = asked(world(), dataset, texts_to_ask(dataset));
      EXPECT_EQ(world().sum(static_cast<Count>(served.queries.size())), 3);
      EXPECT_EQ(served.num_unknown, 8);
      EXPECT_EQ(served.num_repeated, 1);
      PhaseLog phases;
      const TopLists lists = query_lists(world(), dataset, served, config, phases);
      ASSERT_EQ(lists.rows.size(), served.queries.size() + static_cast<std::size_t>(served.unknown.size()));
      for (std::size_t row = 0; row < lists.rows.size(); ++row) {
        const bool is_known = row < served.queries.size();
        EXPECT_EQ(lists.rows[row], is_known ? served.queries[row] : -1);
        const std::string text =
            is_known ? all.queries[static_cast<std::size_t>(lists.rows[row])]
                     : std::string(served.unknown[static_cast<Count>(row - served.queries.size())]);
        SCOPED_TRACE("query '" + text + "', n " + std::to_string(n));
        expect_list(lists, row, scores_by_hand(all, text, config), allowed, n);
      }
      for (const auto source : lists.sources) sources.insert(lists.source_names[source]);
    }
  }
  StringTable mine;
  for (const auto& source : sources) mine.push_back(source);
  const auto found = test::all_texts(mine);
  EXPECT_EQ(std::set<std::string>(found.begin(), found.end()),
            (std::set<std::string>{"searched", "similar", "popular"}));
}

TEST(QueryLists, AreTheSameBitsOnAnyRanks) {
  const Communicator self = world().split(world().rank(), 0);
  QueryListConfig config;
  config.n = 15;
  config.similar_queries = 4;
  PhaseLog phases;
  const auto lists_of = [&](const Communicator& comm) {
    const Dataset dataset = dataset_with_searches(comm, 3);
    const auto known = test::all_texts(dataset_with_searches(world(), 3).searches->texts);
    return query_lists(comm, dataset, asked(comm, dataset, {known[2], "lamp", "blue chair", known[20]}),
                       config, phases);
  };
  const TopLists whole = lists_of(self), mine = lists_of(world());
  // Known rows first: those of all ranks, then the unknown ones, which the last rank has.
  std::vector<Count> items, unknown_items;
  std::vector<float> scores, unknown_scores;
  for (std::size_t row = 0; row < mine.rows.size(); ++row) {
    for (auto at = static_cast<std::size_t>(mine.offsets[row]);
         at < static_cast<std::size_t>(mine.offsets[row + 1]); ++at) {
      (mine.rows[row] < 0 ? unknown_items : items).push_back(mine.items[at]);
      (mine.rows[row] < 0 ? unknown_scores : scores).push_back(mine.scores[at]);
    }
  }
  auto all_items = test::all_rows(world(), items);
  auto all_scores = test::all_rows(world(), scores);
  for (const Count item : test::all_rows(world(), unknown_items)) all_items.push_back(item);
  for (const float score : test::all_rows(world(), unknown_scores)) all_scores.push_back(score);
  EXPECT_EQ(all_items, whole.items);
  EXPECT_EQ(all_scores, whole.scores);
}

TEST(QueryLists, NeedNoSearches) {
  Dataset dataset = dataset_with_searches(world(), 4);
  dataset.searches.reset();
  const auto names = test::all_texts(dataset.item_names);
  QueryListConfig config;
  config.n = 10;
  PhaseLog phases;
  const auto served = asked(world(), dataset, {"red lamp"});
  const TopLists lists = query_lists(world(), dataset, served, config, phases);
  Plain all{{}, names, {}, std::vector<double>(static_cast<std::size_t>(num_items), 0)};
  for (const auto& pair : test::all_pairs(world(), dataset)) ++all.users[static_cast<std::size_t>(pair.item)];
  if (!lists.rows.empty())
    expect_list(lists, 0, scores_by_hand(all, "red lamp", config), std::vector<std::uint8_t>(num_items, 1),
                10);
  EXPECT_EQ(world().sum(lists.num_rows()), 1);
}

/// A word that nobody searched and no name has makes a query less like those that have all others.
TEST(QueryLists, ScoreLessWhatIsLikeAPartOfTheQuery) {
  Dataset dataset = dataset_with_searches(world(), 4);
  dataset.searches.reset();
  QueryListConfig config;
  config.n = 1;
  PhaseLog phases;
  const auto score_of = [&](const std::string& text) {
    const TopLists lists = query_lists(world(), dataset, asked(world(), dataset, {text}), config, phases);
    return test::all_rows(world(), lists.scores).at(0);
  };
  const float whole = score_of("red lamp"), half = score_of("red lamp xyzzy"),
              misspelt = score_of("red lmap");
  EXPECT_LT(half, 0.9F * whole);
  EXPECT_GT(half, 0);
  EXPECT_LT(misspelt, whole);
  EXPECT_GT(misspelt, 0);
}

TEST(QueryLists, RefuseSettingsOutOfRange) {
  const Dataset dataset = dataset_with_searches(world(), 5);
  const auto served = asked(world(), dataset, {"red"});
  PhaseLog phases;
  QueryListConfig config;
  config.n = 0;
  EXPECT_THROW(query_lists(world(), dataset, served, config, phases), ConfigError);
  config.n = 5;
  config.similar_queries = 0;
  EXPECT_THROW(query_lists(world(), dataset, served, config, phases), ConfigError);
  config = {};
  config.similar_weight = -1;
  EXPECT_THROW(query_lists(world(), dataset, served, config, phases), ConfigError);
  config = {};
  config.similar_power = 0;
  EXPECT_THROW(query_lists(world(), dataset, served, config, phases), ConfigError);
}

}  // namespace
}  // namespace pushcart
