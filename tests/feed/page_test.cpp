#include "pushcart/feed/page.hpp"

#include <gtest/gtest.h>

#include "feed/page/page_parts.hpp"
#include "feed/page/svg_axes.hpp"
#include "feed/small_shop.hpp"
#include "pushcart/base/error.hpp"

namespace pushcart::test {
namespace {

PageData page_of(const Communicator& comm, Count max_users = 2000) {
  const SmallShop shop;
  const auto dataset = shop.dataset(comm);
  PageData data;
  data.title = "Shop <of> \"odd\" names & more";
  data.summary = gather_data_summary(comm, dataset);
  data.views = gather_page_users(comm, dataset, shop.top_lists(comm, dataset), max_users);
  data.cleaning = {{"rows_read", 12345},
                   {"earliest_time", 1700000000},
                   {"checks", {{"bot", {{"rows_with_fault", 3}, {"rows_dropped", 2}}}}},
                   {"examples", {{{"file", "<a>.csv"}, {"line", 7}, {"reason", "</script>"}}}}};
  data.evaluation = {{"recall@20", {{"value", 0.17}, {"low", 0.16}, {"high", 0.18}}},
                     {"coverage@20", {{"value", 0.5}}},
                     {"broken@20", {{"value", nullptr}}},
                     {"baseline", {{"recall@20", {{"value", 0.05}, {"low", 0.04}, {"high", 0.06}}}}},
                     {"users", 29858}};
  data.training = {{{"sweep", 1}, {"objective", 250.5}}, {{"sweep", 2}, {"objective", 200.25}}};
  data.features = {
      {"users",
       {{{"feature", "events_<b>"}, {"unit", "events"}, {"missing", 0.25}, {"50%", 3}, {"max", nullptr}}}},
      {"items", {{{"feature", "trend"}, {"unit", "1"}, {"missing", 0.5}, {"50%", 1.125}, {"max", 2.5}}}}};
  return data;
}

std::size_t count_of(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

/// The name of the first element that is closed without having been opened, or left open; empty if all is
/// well.
std::string unbalanced_element(std::string html) {
  for (const char* raw : {"style", "script"}) {  // their content is no markup
    const std::string close = std::string("</") + raw + ">";
    for (auto at = html.find(std::string("<") + raw); at != std::string::npos;
         at = html.find(std::string("<") + raw, at + 1)) {
      const auto begin = html.find('>', at) + 1;
      html.erase(begin, html.find(close, begin) - begin);
    }
  }
  std::vector<std::string> open;
  for (auto at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    const auto end = html.find('>', at);
    const bool closing = html[at + 1] == '/';
    const auto begin = at + (closing ? 2 : 1);
    const auto name = html.substr(begin, html.find_first_of(" >/\n", begin) - begin);
    if (name == "!DOCTYPE" || name == "meta" || name == "input" || html[end - 1] == '/') continue;
    if (!closing) {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return name;
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back();
}

TEST(Page, IsTheSameForAnyNumberOfRanks) {
  const auto many = page_of(world());
  const auto self = world().split(world().rank(), 0);
  const auto alone = page_of(self);
  if (world().is_root()) {
    EXPECT_EQ(page_html(many), page_html(alone));
  } else {
    EXPECT_TRUE(many.views.users.empty());
  }
}

TEST(Page, DataIsInsideAndCannotBreakOut) {
  const auto self = world().split(world().rank(), 0);
  const auto html = page_html(page_of(self));
  EXPECT_EQ(unbalanced_element(html), "");
  EXPECT_EQ(count_of(html, "<script"), 2U);
  EXPECT_EQ(count_of(html, "</script"), 2U);
  EXPECT_EQ(html.find("<of>"), std::string::npos);
  EXPECT_EQ(html.find("<i5>"), std::string::npos);
  EXPECT_EQ(html.find("<b>,"), std::string::npos);
  EXPECT_NE(html.find("&lt;a&gt;.csv"), std::string::npos);
  EXPECT_EQ(html.find("http://"), std::string::npos);  // nothing to fetch
  EXPECT_EQ(html.find("https://"), std::string::npos);

  const auto begin = html.find('>', html.find("<script type=\"application/json\"")) + 1;
  const auto views = nlohmann::json::parse(html.substr(begin, html.find("</script>", begin) - begin));
  ASSERT_EQ(views["users"].size(), 5U);
  EXPECT_EQ(views["users"][3][0], "</script><b>");
  EXPECT_EQ(views["users"][0][1], 2);  // alice has two items, the later one first
  EXPECT_EQ(views["users"][0][2], (nlohmann::json{{2, 1, 1700086400}, {0, 3, 1700000000}}));
  EXPECT_EQ(views["users"][0][3][0][0], 1);
  EXPECT_EQ(views["items"].size(), 5U);
  EXPECT_EQ(views["items"][3],
            (nlohmann::json{"i4", "bad\xEF\xBF\xBD utf8 </script>", 1, nlohmann::json::array()}));
  EXPECT_EQ(views["timed"], true);
}

TEST(Page, NamesTheItemsThatSpeakForEachRecommendation) {
  const auto self = world().split(world().rank(), 0);
  const SmallShop shop;
  const auto dataset = shop.dataset(self);
  auto data = page_of(self);
  data.views = gather_page_users(self, dataset, shop.explained_lists(self, dataset));
  const auto views = nlohmann::json::parse(page_json(data.views));
  EXPECT_EQ(views["explained"], true);
  // Positions in the page's table of items; what speaks for the item comes behind, what speaks against it
  // does not.
  EXPECT_EQ(views["users"][0][3], (nlohmann::json{{1, 0.5, 0, 0}, {3, 0.1, 0, 1}, {4, -2e-7, 1}}));
  EXPECT_EQ(nlohmann::json::parse(page_json(page_of(self).views))["explained"], false);
}

TEST(Page, SaysHowManyUsersItHolds) {
  const auto self = world().split(world().rank(), 0);
  const auto data = page_of(self, 2);
  ASSERT_EQ(data.views.users.size(), 2U);
  EXPECT_EQ(data.views.users[0].id, "alice");  // the heaviest and the lightest that have lists
  EXPECT_EQ(data.views.users[1].id, "last");
  EXPECT_NE(page_html(data).find("This page holds 2 of 6 users"), std::string::npos);
}

TEST(Page, ShowsWhatIsPopularByCategoryBesidePopularity) {
  auto data = page_of(world().split(world().rank(), 0));
  EXPECT_EQ(page_html(data).find("popularity by category"), std::string::npos);
  data.evaluation["category_baseline"] = {{"recall@20", {{"value", 0.085}, {"low", 0.08}, {"high", 0.09}}}};
  const auto html = page_html(data);
  EXPECT_EQ(unbalanced_element(html), "");
  EXPECT_NE(html.find("popularity by category baseline</span>"), std::string::npos);
  EXPECT_NE(html.find("<b>0.085</b> <span class=\"soft\">0.08 to 0.09</span></td><td class=\"n\">2×<"),
            std::string::npos);
  data.evaluation["baseline_model"] = "random";  // as beside cold items
  EXPECT_NE(page_html(data).find("recall@20: model 0.17, random 0.05, popularity by category 0.085"),
            std::string::npos);
  EXPECT_NE(html.find("recall@20: model 0.17, popularity 0.05, popularity by category 0.085"),
            std::string::npos);
  // The widest interval ends at the end of its scale, and the third mark is on it too.
  EXPECT_NE(html.find("<circle class=\"s2\" cx=\"94.8\" cy=\"36\""), std::string::npos);
}

TEST(Page, ShowsMetricsBesideTheBaselineAndReportsAsTables) {
  const auto html = page_html(page_of(world().split(world().rank(), 0)));
  EXPECT_NE(html.find("<b>0.17</b> <span class=\"soft\">0.16 to 0.18</span>"), std::string::npos);
  EXPECT_NE(html.find("<b>0.05</b> <span class=\"soft\">0.04 to 0.06</span>"), std::string::npos);
  EXPECT_NE(html.find(">3.4×<"), std::string::npos);
  EXPECT_NE(html.find("rows with fault"), std::string::npos);
  EXPECT_NE(html.find("12,345"), std::string::npos);
  EXPECT_NE(html.find("2023-11-14T22:13:20Z"), std::string::npos);
  EXPECT_NE(html.find("sweep 2: 200.2"), std::string::npos);
}

TEST(Page, ShowsHowFeaturesAreSpreadIfThereAreAny) {
  auto data = page_of(world().split(world().rank(), 0));
  const auto html = page_html(data);
  EXPECT_NE(html.find("href=\"#features\""), std::string::npos);
  EXPECT_NE(
      html.find("<td>events_&lt;b&gt;</td><td>events</td><td class=\"n\">0.25</td><td class=\"n\">3</td>"),
      std::string::npos);
  EXPECT_NE(html.find("<td class=\"n\">1.125</td><td class=\"n\">2.5</td>"), std::string::npos);
  data.features = nullptr;
  EXPECT_EQ(page_html(data).find("id=\"features\""), std::string::npos);
}

TEST(Page, NothingToShowIsStillAPage) {
  const auto html = page_html(PageData{});
  EXPECT_EQ(unbalanced_element(html), "");
  EXPECT_NE(html.find("0 of 0 users"), std::string::npos);
  EXPECT_EQ(html.find("nan"), std::string::npos);
}

TEST(Page, AFailedWriteLeavesTheOlderPage) {
  const auto folder = scratch_folder("page");
  if (!world().is_root()) return;
  const auto path = folder + "/report.html";
  stage_page(path, PageData{}).publish();
  const auto before = file_text(path);
  EXPECT_EQ(before, page_html(PageData{}));
  std::filesystem::create_directories(path + ".partial/full");
  PageData other;
  other.title = "other";
  EXPECT_THROW(static_cast<void>(stage_page(path, other)), StorageError);
  EXPECT_EQ(file_text(path), before);
}

TEST(DataSummary, CountsPairsByTypeAndDay) {
  const auto dataset = SmallShop().dataset(world());
  const auto summary = gather_data_summary(world(), dataset);
  EXPECT_EQ(summary.num_users, 6);
  EXPECT_EQ(summary.num_items, 5);
  EXPECT_EQ(summary.num_interactions, 7);
  EXPECT_EQ(summary.types, (std::vector<std::string>{"view", "purchase"}));
  EXPECT_EQ(summary.type_pairs, (std::vector<Count>{5, 4}));
  EXPECT_EQ(summary.days_per_bin, 1);
  EXPECT_EQ(summary.bins[0], (std::vector<Count>{1, 1, 1, 0, 2}));
  EXPECT_EQ(summary.bins[1], (std::vector<Count>{1, 0, 1, 0, 2}));
  EXPECT_EQ(summary.popularity_ranks, (std::vector<Count>{1, 2, 3, 4, 5}));
  EXPECT_EQ(summary.popularity, (std::vector<Count>{3, 1, 1, 1, 1}));
  EXPECT_DOUBLE_EQ(summary.top_percent_share, 3.0 / 7);
}

TEST(DataSummary, ManyDaysShareAtMostSixtyBars) {
  auto dataset = SmallShop().dataset(world());
  for (auto& column : dataset.events) {
    for (auto& time : column.last_time) time = time == 1700000000 ? 1000000000 : time;
  }
  const auto summary = gather_data_summary(world(), dataset);
  EXPECT_GT(summary.days_per_bin, 100);
  EXPECT_LE(summary.bins[0].size(), 60U);
  Count total = 0;
  for (Count count : summary.bins[0]) total += count;
  EXPECT_EQ(total, 5);
}

TEST(DataSummary, ALogWithoutTimesHasNoBars) {
  auto dataset = SmallShop().dataset(world());
  for (auto& column : dataset.events) std::fill(column.last_time.begin(), column.last_time.end(), 0);
  const auto summary = gather_data_summary(world(), dataset);
  EXPECT_TRUE(summary.bins[0].empty());
  EXPECT_EQ(unbalanced_element(summary_section(summary)), "");
  EXPECT_NE(summary_section(summary).find("the log has no times"), std::string::npos);
}

TEST(UserViews, SimilarItemsComeWithTheirNames) {
  const SmallShop shop;
  const auto dataset = shop.dataset(world());
  TopLists similar;
  similar.source_names = {"cosine"};
  const Range owned = dataset.items.range(world().rank());
  for (Count item = owned.begin; item < owned.end; ++item) {
    similar.rows.push_back(item);
    similar.items.push_back((item + 4) % 5);
    similar.scores.push_back(0.5F);
    similar.sources.push_back(0);
    similar.offsets.push_back(static_cast<Count>(similar.items.size()));
  }
  // User 3 has item 4 and no list; item 3, similar to it, comes along.
  const auto views = gather_user_views(world(), dataset, {}, std::vector<Count>{3}, {}, &similar);
  if (!world().is_root()) return;
  ASSERT_EQ(views.items.size(), 2U);
  EXPECT_EQ(views.items[0].id, "i4");
  EXPECT_EQ(views.items[1].similar.front().item, 3);
  EXPECT_THROW(views.item(0), InternalError);
}

TEST(UserViews, SpacedUsersHoldFirstAndLast) {
  const auto dataset = SmallShop().dataset(world());
  const auto chosen = [&](Count max_users) { return spaced_users(world(), dataset, {}, max_users); };
  EXPECT_EQ(chosen(0), std::vector<Count>{});
  EXPECT_EQ(chosen(1), std::vector<Count>{0});
  EXPECT_EQ(chosen(2), (std::vector<Count>{0, 5}));
  EXPECT_EQ(chosen(3), (std::vector<Count>{0, 2, 5}));
  EXPECT_EQ(chosen(100), (std::vector<Count>{0, 1, 2, 3, 4, 5}));
}

TEST(SvgAxes, TicksAreRoundAndInside) {
  EXPECT_EQ((Axis{0, 10, 0, 1}.ticks(5)), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ((Axis{0.1, 0.9, 0, 1}.ticks(2)), (std::vector<double>{0.5}));
  EXPECT_EQ((Axis{1, 1200, 0, 1, true}.ticks(5)), (std::vector<double>{1, 10, 100, 1000}));
  EXPECT_DOUBLE_EQ((Axis{1, 100, 0, 50, true}.at(10)), 25);
  EXPECT_DOUBLE_EQ((Axis{0, 4, 100, 0}.at(1)), 75);
}

TEST(Numbers, AreGroupedForPeople) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(-1234567), "-1,234,567");
  EXPECT_EQ(grouped(-123), "-123");
  EXPECT_EQ(short_number(0.123456), "0.1235");
  EXPECT_EQ(short_number(1234567.8), "1,234,568");
}

}  // namespace
}  // namespace pushcart::test
