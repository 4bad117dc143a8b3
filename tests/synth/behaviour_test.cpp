#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "pushcart/checkpoint/file_reader.hpp"
#include "support/world.hpp"
#include "synth/plain_log.hpp"

namespace pushcart {
namespace {

using test::PlainLine;

/// One log for all tests of this file: what it says, and what is true.
struct ShopLog {
  SynthConfig config;
  std::vector<PlainLine> lines;  ///< clean ones, on rank 0
  std::map<std::string, std::size_t> user_rows, item_rows;
  std::vector<float> users_start, users_end, items;
  std::vector<double> popularity;
  std::vector<Count> launch_days, list_items;
  std::vector<float> list_affinity;
  std::vector<std::uint8_t> bots;
  std::vector<std::vector<std::string>> item_table;

  double affinity(std::size_t user, std::size_t item) const {
    const auto k = static_cast<std::size_t>(config.latent_dimensions);
    return std::inner_product(users_end.begin() + static_cast<std::ptrdiff_t>(user * k),
                              users_end.begin() + static_cast<std::ptrdiff_t>((user + 1) * k),
                              items.begin() + static_cast<std::ptrdiff_t>(item * k), 0.0);
  }
};

std::map<std::string, std::size_t> rows_of(const StringTable& ids) {
  std::map<std::string, std::size_t> rows;
  for (Count row = 0; row < ids.size(); ++row) rows[std::string(ids[row])] = static_cast<std::size_t>(row);
  return rows;
}

ShopLog make_shop_log() {
  ShopLog log;
  log.config.users = 600;
  log.config.items = 500;
  log.config.events = 60000;
  log.config.days = 100;
  log.config.truth_list_users = 40;
  const std::string folder = test::scratch_folder("shop");
  PhaseLog phases;
  synthesize(test::world(), log.config, folder, phases);
  const FileReader truth(test::world(), folder + "/truth.h5", "truth");
  log.users_start = truth.read_all<float>("users/factors_start");
  log.users_end = truth.read_all<float>("users/factors");
  log.bots = truth.read_all<std::uint8_t>("users/is_bot");
  log.items = truth.read_all<float>("items/factors");
  log.popularity = truth.read_all<double>("items/popularity");
  log.launch_days = truth.read_all<Count>("items/launch_day");
  log.list_items = truth.read_all<Count>("lists/items");
  log.list_affinity = truth.read_all<float>("lists/affinity");
  log.user_rows = rows_of(truth.read_strings("users/ids", 0, log.config.users));
  log.item_rows = rows_of(truth.read_strings("items/ids", 0, log.config.items));
  if (test::world().is_root()) {
    log.lines = test::clean_lines(test::read_log(folder));
    for (const auto& line : test::lines_of(folder + "/items.csv"))
      log.item_table.push_back(test::split_commas(line));
  }
  return log;
}

const ShopLog& shop_log() {
  static const ShopLog log = make_shop_log();
  return log;
}

/// Mean affinity at the log's end over the people's lines of a type.
double mean_affinity(const ShopLog& log, const std::string& type) {
  double sum = 0, count = 0;
  for (const PlainLine& line : log.lines) {
    const std::size_t user = log.user_rows.at(line.user);
    if (line.type != type || log.bots[user]) continue;
    sum += log.affinity(user, log.item_rows.at(line.item));
    ++count;
  }
  return sum / count;
}

TEST(SynthBehaviour, FollowsTasteMoreTheMoreItCosts) {
  const ShopLog& log = shop_log();
  if (!test::world().is_root()) return;
  double any = 0;
  for (std::size_t user = 0; user < 600; ++user) {
    for (std::size_t item = 0; item < 500; ++item) any += log.affinity(user, item) / (600.0 * 500.0);
  }
  const double viewed = mean_affinity(log, "view"), bought = mean_affinity(log, "purchase");
  EXPECT_GT(viewed, any + 0.8);
  EXPECT_GT(mean_affinity(log, "cart"), viewed + 0.1);
  EXPECT_GT(bought, viewed + 0.2);
}

TEST(SynthBehaviour, TasteTellsPurchasesBetterThanPopularity) {
  // A purchase against an item drawn evenly: how often does the score put the purchase first (AUC)?
  const ShopLog& log = shop_log();
  if (!test::world().is_root()) return;
  double taste = 0, popularity = 0, both = 0, trials = 0;
  std::size_t other = 0;
  for (const PlainLine& line : log.lines) {
    const std::size_t user = log.user_rows.at(line.user), item = log.item_rows.at(line.item);
    if (line.type != "purchase") continue;
    other = (other * 7 + 13) % 500;
    const double a = log.affinity(user, item) - log.affinity(user, other);
    const double p = std::log(log.popularity[item] / log.popularity[other]);
    taste += a > 0, popularity += p > 0, both += 4 * a + p > 0, ++trials;
  }
  EXPECT_GT(trials, 500);
  EXPECT_GT(taste / trials, 0.85);
  EXPECT_GT(popularity / trials, 0.6);
  EXPECT_GT(taste, popularity);
  EXPECT_GT(both, taste);
}

TEST(SynthBehaviour, HasHeavyHeadAndLongTail) {
  const ShopLog& log = shop_log();
  if (!test::world().is_root()) return;
  std::map<std::string, double> views;
  for (const PlainLine& line : log.lines) {
    if (line.type == "view" && !log.bots[log.user_rows.at(line.user)]) ++views[line.item];
  }
  std::vector<double> counts;
  for (const auto& [item, count] : views) counts.push_back(count);
  std::sort(counts.rbegin(), counts.rend());
  ASSERT_GT(counts.size(), 450U);
  const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
  const double head = std::accumulate(counts.begin(), counts.begin() + 50, 0.0) / total;
  const double tail = std::accumulate(counts.begin() + 250, counts.end(), 0.0) / total;
  EXPECT_GT(head, 0.30);
  EXPECT_LT(head, 0.70);
  EXPECT_GT(tail, 0.05);
  EXPECT_LT(tail, 0.30);
  const double slope = std::log(counts[199] / counts[9]) / std::log(200.0 / 10.0);
  EXPECT_LT(slope, -0.5);
  EXPECT_GT(slope, -1.5);
}

TEST(SynthBehaviour, UsersStandTogetherInOrderOfTime) {
  const ShopLog& log = shop_log();
  if (!test::world().is_root()) return;
  std::set<std::string> finished;
  for (std::size_t i = 0; i < log.lines.size(); ++i) {
    const PlainLine& line = log.lines[i];
    EXPECT_GE(line.time, "2025-01-01T");
    EXPECT_LT(line.time, "2025-04-11T");  // 100 days later
    if (i == 0) continue;
    if (line.user == log.lines[i - 1].user) {
      EXPECT_LT(log.lines[i - 1].time, line.time);
    } else {
      EXPECT_TRUE(finished.insert(log.lines[i - 1].user).second) << log.lines[i - 1].user;
    }
  }
}

TEST(SynthBehaviour, FunnelGoesFromViewToCartToPurchaseToReturn) {
  const ShopLog& log = shop_log();
  if (!test::world().is_root()) return;
  // Dirt replaces some lines, so a few steps lack the one before them.
  std::set<std::pair<std::string, std::string>> viewed, carted, bought;
  std::map<std::string, double> steps, with_cause;
  for (const PlainLine& line : log.lines) {
    const auto pair = std::pair(line.user, line.item);
    ++steps[line.type];
    if (line.type == "view") viewed.insert(pair);
    if (line.type == "cart") with_cause["cart"] += viewed.contains(pair), carted.insert(pair);
    if (line.type == "purchase") with_cause["purchase"] += carted.contains(pair), bought.insert(pair);
    if (line.type == "return") with_cause["return"] += bought.contains(pair);
    const bool has_pieces = line.type == "cart" || line.type == "purchase" || line.type == "return";
    EXPECT_EQ(!line.quantity.empty(), has_pieces) << line.text;
    EXPECT_EQ(!line.dwell.empty(), line.type == "view") << line.text;
    EXPECT_EQ(!line.query.empty(), line.type == "search") << line.text;
  }
  for (const std::string type : {"cart", "purchase", "return"}) {
    EXPECT_GT(with_cause[type], 0.9 * steps[type]) << type;
  }
  EXPECT_GT(steps["view"], 3 * steps["cart"]);
  EXPECT_GT(steps["cart"], 1.2 * steps["purchase"]);
  EXPECT_NEAR(steps["return"] / steps["purchase"], log.config.return_share, 0.03);
}

TEST(SynthBehaviour, NewItemsAreNotSeenBeforeTheirLaunch) {
  const ShopLog& log = shop_log();
  if (!test::world().is_root()) return;
  int month, day, num_new_views = 0;
  for (const PlainLine& line : log.lines) {
    std::sscanf(line.time.c_str(), "2025-%2d-%2d", &month, &day);
    const int days_before[] = {0, 31, 59, 90};
    const Count launch = log.launch_days[log.item_rows.at(line.item)];
    EXPECT_GE(days_before[month - 1] + day - 1, launch) << line.text;
    num_new_views += launch > 0;
  }
  EXPECT_GT(num_new_views, 100);
  const auto num_new =
      std::count_if(log.launch_days.begin(), log.launch_days.end(), [](Count d) { return d > 0; });
  EXPECT_NEAR(static_cast<double>(num_new), 50, 25);
}

TEST(SynthBehaviour, TastesDriftByTheStatedAngle) {
  const ShopLog& log = shop_log();
  const std::size_t k = 16;
  double cosine = 0;
  for (std::size_t user = 0; user < 600; ++user) {
    double product = 0, start = 0, end = 0;
    for (std::size_t d = user * k; d < (user + 1) * k; ++d) {
      product += static_cast<double>(log.users_start[d]) * log.users_end[d];
      start += static_cast<double>(log.users_start[d]) * log.users_start[d];
      end += static_cast<double>(log.users_end[d]) * log.users_end[d];
    }
    EXPECT_NEAR(start, 16.0, 1e-3);
    cosine += product / std::sqrt(start * end) / 600;
  }
  // Late tastes are near-independent of early ones: the mean cosine is about cos(0.3 * 90 degrees).
  EXPECT_NEAR(cosine, std::cos(0.3 * M_PI / 2), 0.06);
}

TEST(SynthBehaviour, BestItemsAreThoseOfBruteForce) {
  const ShopLog& log = shop_log();
  for (std::size_t user = 0; user < 40; ++user) {
    std::vector<double> all;
    for (std::size_t item = 0; item < 500; ++item) all.push_back(log.affinity(user, item));
    std::sort(all.rbegin(), all.rend());
    for (std::size_t n = 0; n < 50; ++n) {
      const auto listed = static_cast<std::size_t>(log.list_items[user * 50 + n]);
      EXPECT_NEAR(log.affinity(user, listed), all[n], 1e-5);
      EXPECT_NEAR(log.list_affinity[user * 50 + n], all[n], 1e-5);
    }
  }
}

TEST(SynthBehaviour, NamesAreDistinctAndQueriesFitThem) {
  const ShopLog& log = shop_log();
  if (!test::world().is_root()) return;
  std::map<std::string, std::vector<std::string>> by_id;
  std::set<std::string> names;
  for (std::size_t row = 1; row < log.item_table.size(); ++row) {
    ASSERT_EQ(log.item_table[row].size(), 6U);
    by_id[log.item_table[row][0]] = log.item_table[row];
    EXPECT_TRUE(names.insert(log.item_table[row][1]).second) << log.item_table[row][1];
  }
  EXPECT_EQ(names.size(), 500U);
  for (const PlainLine& line : log.lines) {
    const auto& item = by_id.at(line.item);
    EXPECT_EQ(line.name, item[1]);
    EXPECT_EQ(line.category, item[2]);
    EXPECT_EQ(line.price, item[4]);
    if (line.type != "search") continue;
    std::string words = item[1] + " " + item[2];
    std::transform(words.begin(), words.end(), words.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    std::istringstream query(line.query);
    for (std::string word; query >> word;) EXPECT_NE(words.find(word), std::string::npos) << line.text;
  }
}

}  // namespace
}  // namespace pushcart
