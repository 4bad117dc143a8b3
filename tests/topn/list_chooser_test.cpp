#include "pushcart/topn/list_chooser.hpp"

#include <gtest/gtest.h>

#include <set>

#include "topn/reference.hpp"

namespace pushcart::test {
namespace {

constexpr std::int64_t shop_day = 86'400, shop_cutoff = 1'700'000'000;
constexpr Count shop_users = 45, shop_items = 70;

/// The category of an item; "" = it has none.
std::string category_of_shop(Count item) {
  return item % 5 == 4 ? "" : "c" + std::to_string(item % 7);
}

/// Users with 0 to 12 pairs; items from 60 on have none. User 1 has only items without a category.
Dataset shop_with_new_items() {
  std::vector<Interaction> pairs;
  for (Count user = 0; user < shop_users; ++user) {
    RandomStream random(11, static_cast<std::uint64_t>(user));
    std::set<Count> items;
    for (Count n = 0; n < user % 13; ++n)
      items.insert(static_cast<Count>(random.next_below(60) * random.next_below(60) / 60));
    if (user == 1) items = {4, 9};
    for (const Count item : items) {
      pairs.push_back({user, item, shop_cutoff - shop_day * static_cast<std::int64_t>(random.next_below(60)),
                       1.0F + static_cast<float>(random.next_below(3))});
    }
  }
  pairs.push_back({shop_users - 1, 59, shop_cutoff, 1.0F});
  Dataset dataset = dataset_of(world(), shop_users, shop_items, pairs);
  TextColumn kind{"kind", {}};
  const Range owned = dataset.items.range(world().rank());
  for (Count item = owned.begin; item < owned.end; ++item) kind.values.push_back(category_of_shop(item));
  dataset.item_attributes.push_back(kind);
  return dataset;
}

struct PlainEntry {
  Count item = 0;
  float score = 0;
  std::string source;
  bool operator==(const PlainEntry&) const = default;
};
using PlainList = std::vector<PlainEntry>;

void PrintTo(const PlainEntry& entry, std::ostream* out) {
  *out << entry.item << ' ' << entry.score << ' ' << entry.source;
}

/// The lists by the words of list_chooser.hpp, from tables that every rank has whole.
class PlainChooser {
 public:
  PlainChooser(const Dataset& dataset, const ChooserConfig& config, const Model& personal)
      : dataset_(dataset), config_(config), personal_(personal), personal_items_(personal) {
    for (const ListSource& fallback : config.fallbacks) fallback_items_.emplace_back(*fallback.model);
    if (config.new_items.model) new_items_.emplace(*config.new_items.model);
    popularity_.assign(static_cast<std::size_t>(shop_items), 0);
    is_new_.assign(static_cast<std::size_t>(shop_items), true);
    for (const Interaction& pair : all_pairs(world(), dataset)) {
      has_[pair.user].push_back(pair.item);
      ++popularity_[static_cast<std::size_t>(pair.item)];
      const auto age = static_cast<double>(shop_cutoff - pair.last_time);
      if (config.new_items.days == 0 || age > config.new_items.days * static_cast<double>(shop_day))
        is_new_[static_cast<std::size_t>(pair.item)] = false;
    }
  }

  /// @param hidden  what the user may not see  @param user  -1 = unknown
  PlainList list(Count user, Count n, const std::set<Count>& hidden) const {
    Count num_new = 0;
    PlainList newcomers;
    if (config_.new_items.share > 0 && user >= 0) {
      const RandomStream draw(config_.new_items.seed,
                              hash_text("place for a new item: u" + std::to_string(user)));
      num_new = std::min(n, static_cast<Count>(std::floor(config_.new_items.share * static_cast<double>(n) +
                                                          draw.uniform(0))));
      take(
          by_model(*config_.new_items.model, *new_items_, user), "new", num_new, true,
          [&](Count item) { return !hidden.count(item) && is_new(item); }, newcomers);
    }
    const bool apart = config_.new_items.share > 0;
    const auto may = [&](Count item) { return !hidden.count(item) && !(apart && is_new(item)); };
    const Count others = n - static_cast<Count>(newcomers.size());
    PlainList list;
    const auto pairs = has_.count(user) ? static_cast<Count>(has_.at(user).size()) : 0;
    if (user >= 0 && pairs >= config_.min_evidence)
      take(by_model(personal_, personal_items_, user), personal_.family, others, false, may, list);
    for (std::size_t i = 0; user >= 0 && i < config_.fallbacks.size(); ++i) {
      const ListSource& fallback = config_.fallbacks[i];
      if (pairs < fallback.min_evidence) continue;
      take(by_model(*fallback.model, fallback_items_[i], user), fallback.label, others, true, may, list);
    }
    if (!config_.category_attribute.empty() && pairs > 0)
      take(by_category(user), "category", others, true, may, list);
    take(by_popularity(), "popular", others, false, may, list);
    list.insert(list.end(), newcomers.begin(), newcomers.end());
    take(
        by_popularity(), "popular", n, false, [&](Count item) { return !hidden.count(item); }, list);
    return list;
  }

  bool is_new(Count item) const { return is_new_[static_cast<std::size_t>(item)]; }

 private:
  using Ranking = std::vector<std::pair<double, Count>>;  // minus score, item

  template <class May>
  static void take(Ranking ranking, const std::string& source, Count n, bool only_above_zero, const May& may,
                   PlainList& list) {
    std::sort(ranking.begin(), ranking.end());
    for (const auto& [minus_score, item] : ranking) {
      if (static_cast<Count>(list.size()) >= n) return;
      const bool there =
          std::any_of(list.begin(), list.end(), [item = item](const auto& e) { return e.item == item; });
      if (there || !may(item) || (only_above_zero && minus_score >= 0)) continue;
      list.push_back({item, static_cast<float>(-minus_score), source});
    }
  }
  Ranking by_model(const Model& model, const WholeItems& items, Count user) const {
    Ranking ranking;
    for (Count item = 0; item < shop_items; ++item)
      ranking.push_back({-static_cast<double>(plain_score(model, dataset_, items, user, item)), item});
    return ranking;
  }
  Ranking by_popularity() const {
    Ranking ranking;
    for (Count item = 0; item < shop_items; ++item)
      ranking.push_back({-popularity_[static_cast<std::size_t>(item)], item});
    return ranking;
  }
  /// Of allowed items: all but those that nobody may see, which the request says, and new ones if kept apart.
  Ranking by_category(Count user) const {
    std::map<std::string, double> own, total;
    double all_own = 0;
    for (const Count item : has_.at(user)) {
      if (category_of_shop(item).empty()) continue;
      own[category_of_shop(item)] += 1;
      all_own += 1;
    }
    const auto counts = [&](Count item) {
      const bool apart = config_.new_items.share > 0 && is_new(item);
      return !category_of_shop(item).empty() &&
             (allowed.empty() || allowed[static_cast<std::size_t>(item)]) && !apart;
    };
    for (Count item = 0; item < shop_items; ++item) {
      if (counts(item)) total[category_of_shop(item)] += popularity_[static_cast<std::size_t>(item)];
    }
    Ranking ranking;
    for (Count item = 0; item < shop_items; ++item) {
      const std::string category = category_of_shop(item);
      if (!counts(item) || !own.count(category) || popularity_[static_cast<std::size_t>(item)] == 0) continue;
      ranking.push_back(
          {-(own[category] / all_own * popularity_[static_cast<std::size_t>(item)] / total[category]), item});
    }
    return ranking;
  }

  const Dataset& dataset_;
  const ChooserConfig& config_;
  const Model& personal_;
  WholeItems personal_items_;
  std::vector<WholeItems> fallback_items_;
  std::optional<WholeItems> new_items_;
  std::vector<double> popularity_;
  std::vector<bool> is_new_;
  std::map<Count, std::vector<Count>> has_;

 public:
  std::vector<std::uint8_t> allowed;  ///< by item; empty = all
};

/// A model whose scores of a third of the users are all 0.
Model shop_model(const Dataset& dataset, const std::string& family, std::uint64_t seed) {
  const auto cells = normal_cells(seed);
  Model model = factor_model(
      dataset, 4, [=](Count user, Count column) { return user % 3 == 2 ? 0.0F : cells(user, column); },
      normal_cells(seed + 1));
  model.family = family;
  return model;
}

PlainList entries_of(const TopLists& lists, std::size_t row) {
  PlainList list;
  for (auto e = static_cast<std::size_t>(lists.offsets[row]);
       e < static_cast<std::size_t>(lists.offsets[row + 1]); ++e)
    list.push_back({lists.items[e], lists.scores[e], lists.source_names[lists.sources[e]]});
  return list;
}

struct Shop {
  Dataset dataset = shop_with_new_items();
  Model personal = shop_model(dataset, "als", 1), content = shop_model(dataset, "content", 3),
        other = shop_model(dataset, "spectral", 5);

  TopLists lists(const ChooserConfig& config, const TopRequest& request, Count num_unknown = 0) const {
    PhaseLog phases;
    const ListChooser chooser(world(), dataset, config, request.item_allowed, phases);
    return chooser.lists(
        request,
        [&](const TopRequest& wanted) { return top_items(world(), personal, dataset, wanted, phases); },
        num_unknown);
  }

  void expect_plain(const ChooserConfig& config, TopRequest request) const {
    const TopLists made = lists(config, request, 2);
    PlainChooser plain(dataset, config, personal);
    plain.allowed = all_rows(world(), request.item_allowed);
    ASSERT_EQ(made.rows.size(), request.users.size() + 2);
    for (std::size_t row = 0; row < made.rows.size(); ++row) {
      std::set<Count> hidden;
      for (Count item = 0; item < shop_items; ++item) {
        if (!plain.allowed.empty() && !plain.allowed[static_cast<std::size_t>(item)]) hidden.insert(item);
      }
      const auto r = static_cast<Count>(row);
      if (r < request.excluded.num_rows())
        hidden.insert(request.excluded.row_columns(r).begin(), request.excluded.row_columns(r).end());
      const Count user = row < request.users.size() ? request.users[row] : -1;
      EXPECT_EQ(made.rows[row], user);
      EXPECT_EQ(entries_of(made, row), plain.list(user, request.n, hidden)) << "user " << user;
    }
  }
};

TEST(ListChooser, FillsListsAsAPlainReferenceDoes) {
  const Shop shop;
  std::vector<ChooserConfig> configs(10);
  configs[1].min_evidence = 5;
  configs[2].min_evidence = 5;
  configs[2].fallbacks = {{&shop.content, "content"}, {&shop.other, "spectral"}};
  configs[3].min_evidence = 1000;
  configs[3].category_attribute = "kind";
  configs[4] = configs[2];
  configs[4].category_attribute = "kind";
  configs[4].new_items = {0.13, 0, 1, &shop.content};
  configs[5] = configs[3];
  configs[5].new_items = {0.4, 20, 7, &shop.other};
  configs[6].min_evidence = 0;
  configs[6].new_items = {1, 0, 1, &shop.content};
  configs[7].fallbacks = {{&shop.content, "content"}};
  configs[7].new_items = {0.5, 1000, 3, &shop.content};  // all items are new
  configs[8].category_attribute = "kind";
  configs[8].new_items = {0, 20, 7, &shop.other};
  configs[9].min_evidence = 9;
  configs[9].fallbacks = {{&shop.content, "content", 7}, {&shop.other, "spectral", 3}};
  configs[9].category_attribute = "kind";
  for (std::size_t c = 0; c < configs.size(); ++c) {
    for (const Count n : {1, 7, 100}) {  // 100: more than the catalogue
      SCOPED_TRACE("settings " + std::to_string(c) + ", n " + std::to_string(n));
      TopRequest request = all_users(shop.dataset, n);
      shop.expect_plain(configs[c], request);
      exclude_seen(shop.dataset, request);
      shop.expect_plain(configs[c], request);
      const Range owned = shop.dataset.items.range(world().rank());
      for (Count item = owned.begin; item < owned.end; ++item) request.item_allowed.push_back(item % 3 != 1);
      shop.expect_plain(configs[c], request);
    }
  }
}

TEST(ListChooser, LeavesListsEmptyWhereNothingMayBeInThem) {
  const Shop shop;
  TopRequest request = all_users(shop.dataset, 5);
  request.item_allowed.assign(static_cast<std::size_t>(shop.dataset.items.range(world().rank()).size()), 0);
  ChooserConfig config;
  config.fallbacks = {{&shop.content, "content"}};
  config.category_attribute = "kind";
  config.new_items = {0.5, 0, 1, &shop.content};
  const TopLists lists = shop.lists(config, request, 1);
  EXPECT_EQ(lists.num_rows(), static_cast<Count>(request.users.size()) + 1);
  EXPECT_TRUE(lists.items.empty());
}

TEST(ListChooser, GivesNewItemsTheirShareOfThePlaces) {
  Shop shop;
  shop.content = factor_model(  // new items speak to everybody
      shop.dataset, 1, [](Count, Count) { return 1.0F; },
      [](Count item, Count) { return static_cast<float>(item + 1); });
  for (const double share : {0.0, 0.05, 0.3, 1.0}) {
    ChooserConfig config;
    config.new_items = {share, 0, 1, &shop.content};
    const TopRequest request = all_users(shop.dataset, 10);
    const TopLists lists = shop.lists(config, request);
    for (const SourceShare& given : source_shares(world(), shop.dataset.items, lists)) {
      if (given.label != "new") continue;
      const double expected = share * 10 * static_cast<double>(shop_users);
      EXPECT_NEAR(static_cast<double>(given.places), expected,
                  share == 0.05 ? 4 * std::sqrt(45 * 0.25) : 0.1);
      EXPECT_EQ(given.items, share == 0.05 ? 1 : share == 0.3 ? 3 : 10);  // the same order for everybody
    }
    for (std::size_t row = 0; row < lists.rows.size(); ++row) {
      Count num_new = 0;
      for (const PlainEntry& entry : entries_of(lists, row)) num_new += entry.source == "new" ? 1 : 0;
      EXPECT_GE(num_new, static_cast<Count>(share * 10));
      EXPECT_LE(num_new, static_cast<Count>(std::ceil(share * 10)));
    }
    config.new_items.seed = 2;
    const bool are_alike =
        all_rows(world(), shop.lists(config, request).items) == all_rows(world(), lists.items);
    EXPECT_EQ(are_alike, share != 0.05);  // the seed decides who gets the half place
  }
}

TEST(ListChooser, CountsWhatSourcesGave) {
  const Shop shop;
  ChooserConfig config;
  config.min_evidence = 6;
  config.category_attribute = "kind";
  const TopLists lists = shop.lists(config, all_users(shop.dataset, 4));
  struct Place {
    Count row, item, source;
  };
  std::vector<Place> mine;
  for (std::size_t row = 0; row < lists.rows.size(); ++row) {
    for (auto e = static_cast<std::size_t>(lists.offsets[row]);
         e < static_cast<std::size_t>(lists.offsets[row + 1]); ++e)
      mine.push_back({lists.rows[row], lists.items[e], lists.sources[e]});
  }
  const auto all = all_rows(world(), mine);
  const auto shares = source_shares(world(), shop.dataset.items, lists);
  ASSERT_EQ(shares.size(), 3U);
  for (std::size_t s = 0; s < shares.size(); ++s) {
    std::set<Count> rows, items;
    Count places = 0;
    for (const Place& place : all) {
      if (place.source != static_cast<Count>(s)) continue;
      ++places;
      rows.insert(place.row);
      items.insert(place.item);
    }
    EXPECT_EQ(shares[s].label, lists.source_names[s]);
    EXPECT_GT(places, 0);
    EXPECT_EQ(shares[s].places, places);
    EXPECT_EQ(shares[s].lists, static_cast<Count>(rows.size()));
    EXPECT_EQ(shares[s].items, static_cast<Count>(items.size()));
  }
}

TEST(ListChooser, RefusesSettingsOutOfRange) {
  const Shop shop;
  const TopRequest request = all_users(shop.dataset, 4);
  const auto with = [](auto change) {
    ChooserConfig config;
    change(config);
    return config;
  };
  EXPECT_THROW(shop.lists(with([](auto& c) { c.min_evidence = -1; }), request), ConfigError);
  EXPECT_THROW(shop.lists(with([&](auto& c) {
                            c.fallbacks = {{&shop.content, "content", -1}};
                          }),
                          request),
               ConfigError);
  EXPECT_THROW(shop.lists(with([](auto& c) { c.new_items.share = -0.1; }), request), ConfigError);
  EXPECT_THROW(shop.lists(with([](auto& c) { c.new_items.share = 1.1; }), request), ConfigError);
  EXPECT_THROW(shop.lists(with([](auto& c) { c.new_items.share = NAN; }), request), ConfigError);
  EXPECT_THROW(shop.lists(with([](auto& c) { c.new_items.days = -1; }), request), ConfigError);
  EXPECT_THROW(shop.lists(with([](auto& c) { c.category_attribute = "colour"; }), request), ConfigError);
  Shop timeless;
  timeless.dataset.cutoff_time = 0;
  EXPECT_THROW(timeless.lists(with([&](auto& c) {
                                c.new_items = {0.1, 5, 1, &shop.content};
                              }),
                              request),
               ConfigError);
}

}  // namespace
}  // namespace pushcart::test
