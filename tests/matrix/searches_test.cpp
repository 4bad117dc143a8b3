#include <fmt/core.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "ingest/dirty_log.hpp"
#include "pushcart/ingest/clean_log.hpp"
#include "pushcart/matrix/build_dataset.hpp"
#include "pushcart/matrix/dataset_file.hpp"

namespace pushcart::test {
namespace {

struct SearchRow {
  std::string user, item, query;
  std::int64_t time = 0;
};

/// Texts that are easily spoilt; as the data set has them.
const std::vector<std::string> odd_queries{
    "red cup",          "red  cup",     " red cup",    "a,b",           "say \"cup\"",
    "\x01\x7f\t",       "<b>&amp;</b>", "caf\xc3\xa9", "'; drop table", std::string(5000, 'q'),
    "\xf0\x9f\x98\x80", "%41/../.."};

std::vector<SearchRow> random_rows(std::uint64_t seed, int num_rows) {
  RandomStream random(seed, 3);
  std::vector<SearchRow> rows;
  for (int r = 0; r < num_rows; ++r) {
    SearchRow row;
    row.user = fmt::format("u{}", random.next_below(30));
    row.item =
        fmt::format("i{}", random.next_below(4) == 0 ? 20 + random.next_below(60) : random.next_below(20));
    row.time = 1600000000 + static_cast<std::int64_t>(random.next_below(50));
    const auto kind = random.next_below(6);
    if (kind < 2) row.query = odd_queries[random.next_below(odd_queries.size())];
    if (kind == 2) row.query = fmt::format("query {}", random.next_below(200));
    rows.push_back(row);
  }
  return rows;
}

/// In two files, the second compressed. Collective.
IngestConfig log_of(const std::vector<SearchRow>& rows, const std::string& folder) {
  IngestConfig config;
  for (int f = 0; f < 2; ++f) {
    config.inputs.push_back(fmt::format("{}/log-{}.csv{}", folder, f, f == 1 ? ".gz" : ""));
    if (!world().is_root()) continue;
    OutputFile out(config.inputs.back(), f == 1 ? Compression::gzip : Compression::none);
    out.write("user,item,time,query\n");
    const std::size_t half = rows.size() / 2;
    for (std::size_t r = f == 0 ? 0 : half; r < (f == 0 ? half : rows.size()); ++r) {
      out.write(fmt::format("{},{},{},{}\n", rows[r].user, rows[r].item, rows[r].time,
                            quoted_field(rows[r].query)));
    }
    out.finish_and_publish();
  }
  world().barrier();
  for (const Role role : {Role::user, Role::item, Role::time, Role::query}) {
    config.format.columns[role] = std::string(role_name(role));
  }
  config.dedupe = Dedupe::off;
  config.batch_rows = 61;
  return config;
}

Dataset build(const Communicator& comm, const IngestConfig& config, CleaningReport& report,
              std::optional<std::int64_t> cut = {}) {
  PhaseLog phases;
  return build_dataset(comm, clean_log(comm, config, report, phases), config, cut, report, phases);
}

using Line = std::tuple<std::string, std::int64_t, std::string, std::string>;  // user, time, query, item

/// Every search of the data set by names, and that they are in order on the rank of their user.
std::multiset<Line> stored_searches(const Dataset& dataset) {
  const Searches& searches = *dataset.searches;
  const auto items = all_texts(dataset.item_ids), queries = all_texts(searches.texts);
  EXPECT_EQ(searches.offsets.size(), static_cast<std::size_t>(dataset.user_ids.size()) + 1);
  std::string mine;
  for (Count user = 0; user < dataset.user_ids.size(); ++user) {
    std::tuple<std::int64_t, Count, Count> before{};
    for (auto s = static_cast<std::size_t>(searches.offsets[static_cast<std::size_t>(user)]);
         s < static_cast<std::size_t>(searches.offsets[static_cast<std::size_t>(user) + 1]); ++s) {
      const std::tuple now{searches.time[s], searches.query[s], searches.item[s]};
      EXPECT_LE(before, now);
      before = now;
      mine += fmt::format("{}\n{}\n{}\n{}\n", dataset.user_ids[user], searches.time[s],
                          queries.at(static_cast<std::size_t>(searches.query[s])),
                          searches.item[s] < 0 ? "" : items.at(static_cast<std::size_t>(searches.item[s])));
    }
  }
  StringTable one;
  for (std::size_t begin = 0; begin < mine.size();) {
    const auto end = mine.find('\n', begin);
    one.push_back(std::string_view(mine).substr(begin, end - begin));
    begin = end + 1;
  }
  const auto all = all_texts(one);
  std::multiset<Line> lines;
  for (std::size_t i = 0; i < all.size(); i += 4)
    lines.insert({all[i], std::stoll(all[i + 1]), all[i + 2], all[i + 3]});
  return lines;
}

/// What must be stored: rows until the cut of users in the core; items outside of it are not named.
std::multiset<Line> searches_by_hand(const std::vector<SearchRow>& rows, std::int64_t cut, std::size_t core) {
  std::set<std::pair<std::string, std::string>> pairs;
  for (const auto& row : rows) {
    if (row.time <= cut) pairs.insert({row.user, row.item});
  }
  std::map<std::string, std::size_t> users, items;
  for (std::size_t before = 0; before != pairs.size();) {
    before = pairs.size();
    users.clear();
    items.clear();
    for (const auto& [user, item] : pairs) ++users[user], ++items[item];
    std::erase_if(pairs,
                  [&](const auto& pair) { return users[pair.first] < core || items[pair.second] < core; });
  }
  std::multiset<Line> lines;
  for (const auto& row : rows) {
    if (row.time > cut || row.query.empty() || !users.contains(row.user)) continue;
    lines.insert({row.user, row.time, row.query, items.contains(row.item) ? row.item : ""});
  }
  return lines;
}

void expect_numbered_by_searches(const Dataset& dataset, const std::multiset<Line>& lines) {
  std::map<std::string, Count> counts;
  for (const auto& line : lines) ++counts[std::get<2>(line)];
  std::vector<std::string> expected;
  for (const auto& [query, count] : counts) expected.push_back(query);
  std::stable_sort(expected.begin(), expected.end(),
                   [&](const auto& a, const auto& b) { return counts[a] > counts[b]; });
  EXPECT_EQ(all_texts(dataset.searches->texts), expected);
}

TEST(Searches, AreThoseOfTheLogOfUsersAndItemsThatAreLeft) {
  const auto rows = random_rows(1, 900);
  auto config = log_of(rows, scratch_folder("searches"));
  for (const std::size_t core : {0, 3}) {
    for (const std::int64_t cut : {std::int64_t{1600000030}, std::int64_t{1700000000}}) {
      config.core_users = config.core_items = static_cast<Count>(core);
      CleaningReport report;
      const auto dataset = build(world(), config, report, cut);
      const auto expected = searches_by_hand(rows, cut, core);
      ASSERT_TRUE(dataset.searches.has_value());
      EXPECT_GT(expected.size(), 100U);
      EXPECT_EQ(stored_searches(dataset), expected);
      expect_numbered_by_searches(dataset, expected);
      EXPECT_EQ(report.num_searches, static_cast<Count>(expected.size()));
      EXPECT_EQ(report.num_queries, dataset.searches->queries.num_rows());
    }
  }
  const auto some = searches_by_hand(rows, 1700000000, 3);
  EXPECT_TRUE(std::any_of(some.begin(), some.end(), [](const Line& line) {
    return std::get<3>(line).empty();
  })) << "no search whose item has left";
}

TEST(Searches, AreReadBackAndHaveTheSameBitsOnAnyRanks) {
  const auto rows = random_rows(2, 500);
  const auto folder = scratch_folder("searches-file");
  const auto config = log_of(rows, folder);
  CleaningReport report;
  auto dataset = build(world(), config, report);
  write_dataset(world(), folder + "/data.h5", dataset);
  const auto stored = read_dataset(world(), folder + "/data.h5");
  ASSERT_TRUE(stored.searches.has_value());
  EXPECT_EQ(stored_searches(stored), searches_by_hand(rows, 1700000000, 0));
  EXPECT_EQ(all_texts(stored.searches->texts), all_texts(dataset.searches->texts));

  const auto alone = world().split(world().rank(), 0);
  auto made_alone = build(alone, config, report);
  write_dataset(alone, fmt::format("{}/alone-{}.h5", folder, world().rank()), made_alone);
  EXPECT_EQ(made_alone.digest, dataset.digest);
}

TEST(Searches, AreNotThereUnlessTheColumnIsMapped) {
  const auto rows = random_rows(3, 100);
  const auto folder = scratch_folder("no-searches");
  auto config = log_of(rows, folder);
  CleaningReport report;
  config.format.columns.erase(Role::query);
  auto dataset = build(world(), config, report);
  EXPECT_FALSE(dataset.searches.has_value());
  write_dataset(world(), folder + "/data.h5", dataset);
  EXPECT_FALSE(read_dataset(world(), folder + "/data.h5").searches.has_value());
}

TEST(Searches, AColumnWithoutAnyQueryIsNoSearches) {
  auto rows = random_rows(4, 100);
  for (auto& row : rows) row.query.clear();
  const auto folder = scratch_folder("empty-searches");
  CleaningReport report;
  auto dataset = build(world(), log_of(rows, folder), report);
  write_dataset(world(), folder + "/data.h5", dataset);
  const auto stored = read_dataset(world(), folder + "/data.h5");
  ASSERT_TRUE(stored.searches.has_value());
  EXPECT_EQ(stored.searches->queries.num_rows(), 0);
  EXPECT_TRUE(stored_searches(stored).empty());
}

}  // namespace
}  // namespace pushcart::test
