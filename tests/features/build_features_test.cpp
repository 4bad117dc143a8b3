#include "pushcart/features/build_features.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <omp.h>

#include "features/reference_features.hpp"
#include "pushcart/features/features_file.hpp"
#include "pushcart/ingest/clean_log.hpp"
#include "pushcart/matrix/build_dataset.hpp"

namespace pushcart::test {
namespace {

using testing::Contains;
using testing::Field;
using testing::HasSubstr;
using testing::Not;

/// What the program does from the log on.
struct Made {
  Dataset dataset;
  Features features;
  FeatureReport report;
};

Made make(const Communicator& comm, IngestConfig ingest, const FeatureConfig& config,
          std::optional<std::int64_t> train_until, Count core_items = 2) {
  Made made;
  PhaseLog phases;
  CleaningReport cleaning;
  ingest.core_items = core_items;
  made.dataset =
      build_dataset(comm, clean_log(comm, ingest, cleaning, phases), ingest, train_until, cleaning, phases);
  made.dataset.digest = "0123456789abcdef";
  ingest.keep_details = true;
  made.features = build_features(comm, clean_log(comm, ingest, cleaning, phases), ingest, made.dataset,
                                 config, made.report, phases);
  return made;
}

std::vector<std::string> all_texts(const StringTable& mine) {
  std::vector<std::string> texts;
  for (int owner = 0; owner < world().size(); ++owner) {
    const Count size = world().broadcast(mine.size(), owner);
    for (Count row = 0; row < size; ++row) {
      texts.push_back(
          world().broadcast_text(owner == world().rank() ? std::string(mine[row]) : std::string(), owner));
    }
  }
  return texts;
}

/// Every column is as expected, and none is left that is not.
void expect_columns(const FeatureTable& table, const Values& expected, Count num_rows) {
  EXPECT_EQ(table.columns.size(), expected.size());
  for (const auto& column : table.columns) {
    const auto found = world().allgather(std::span<const float>(column.values)).data;
    ASSERT_TRUE(expected.contains(column.name)) << column.name;
    const auto& wanted = expected.at(column.name);
    ASSERT_EQ(found.size(), wanted.size()) << column.name;
    EXPECT_EQ(static_cast<Count>(found.size()), num_rows * column.width) << column.name;
    EXPECT_FALSE(column.unit.empty() || column.doc.empty() || column.missing.empty()) << column.name;
    for (std::size_t r = 0; r < found.size(); ++r) {
      EXPECT_EQ(std::isnan(found[r]), std::isnan(wanted[r])) << column.name << ' ' << r;
      if (std::isnan(wanted[r])) continue;
      EXPECT_NEAR(found[r], wanted[r], 1e-4 + 1e-6 * std::abs(wanted[r])) << column.name << ' ' << r;
    }
  }
}

FeatureReference reference_of(const std::vector<BehaviourRow>& rows, const Made& made, std::int64_t cutoff,
                              const std::vector<std::string>& categories) {
  FeatureReference reference;
  reference.rows = chosen(rows, [&](const auto& row) { return row.time <= cutoff; });
  reference.cutoff = cutoff;
  for (const auto& item : all_texts(made.dataset.item_ids)) reference.known_items.insert(item);
  for (const auto& row : rows) {
    if (reference.known_items.contains(row.item) && !row.category.empty()) {
      reference.category_of[row.item] = row.category;
    }
  }
  for (std::size_t c = 0; c < categories.size(); ++c)
    reference.category_number[categories[c]] = static_cast<double>(c);
  return reference;
}

/// Columns and values of all rows.
std::pair<std::vector<Count>, std::vector<float>> all_rows_of(const SparseRows& mine) {
  return {world().allgather(std::span<const Count>(mine.columns)).data,
          world().allgather(std::span<const float>(mine.values)).data};
}

/// Events of each user and category, as the rows have them.
void expect_category_events(const Made& made, const FeatureReference& reference) {
  std::map<std::pair<std::string, double>, double> expected, found;
  for (const auto& row : reference.rows) {
    const auto category = reference.category_of.find(row.item);
    if (category != reference.category_of.end()) {
      expected[{row.user, reference.category_number.at(category->second)}] += 1;
    }
  }
  const auto users = all_texts(made.features.user_ids);
  std::erase_if(expected, [&](const auto& entry) {
    return std::find(users.begin(), users.end(), entry.first.first) == users.end();
  });
  const SparseRows& mine = made.features.category_events;
  std::vector<double> entries;
  for (Count row = 0; row < mine.num_rows(); ++row) {
    for (Count e = 0; e < mine.row_length(row); ++e) {
      const auto at = static_cast<std::size_t>(e);
      entries.insert(entries.end(),
                     {static_cast<double>(mine.rows.begin + row),
                      static_cast<double>(mine.row_columns(row)[at]), mine.row_values(row)[at]});
    }
  }
  const auto all = world().allgather(std::span<const double>(entries)).data;
  for (std::size_t e = 0; e < all.size(); e += 3)
    found[{users[static_cast<std::size_t>(all[e])], all[e + 1]}] = all[e + 2];
  EXPECT_EQ(found, expected);
}

TEST(BuildFeatures, AgreesWithFormulasByHandOnRandomLogs) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    const auto rows = random_behaviour(seed, 1500);
    const auto ingest = behaviour_log(rows, scratch_folder("random"));
    std::int64_t cutoff = 0;
    for (const auto& row : rows) cutoff = std::max(cutoff, row.time);
    std::optional<std::int64_t> train_until;
    if (seed == 2) train_until = cutoff = 1600000000 + 30 * 86400;
    FeatureConfig config;
    if (seed == 3) {
      config.session_gap_minutes = 10;
      config.utc_offset_hours = -5.5;
      config.price_bands = 3;
      config.cutoff = cutoff = 1600000000 + 35 * 86400 + 77;
    }
    const auto made = make(world(), ingest, config, train_until);
    const auto categories = all_texts(made.features.category_names);
    auto reference = reference_of(rows, made, cutoff, categories);
    if (seed == 3) {
      reference.gap_seconds = 600;
      reference.offset_seconds = -19800;
      reference.num_bands = 3;
    }
    EXPECT_EQ(made.features.cutoff_time, cutoff);
    EXPECT_EQ(made.report.num_events, static_cast<Count>(reference.rows.size()));
    EXPECT_EQ(made.report.later_events, static_cast<Count>(rows.size() - reference.rows.size()));
    EXPECT_EQ(
        made.report.unknown_items,
        static_cast<Count>(FeatureReference::items_in(reference.rows).size() - reference.known_items.size()));
    EXPECT_GT(made.report.unknown_items, 0);
    EXPECT_TRUE(made.report.absent.empty());
    const auto users = all_texts(made.features.user_ids), items = all_texts(made.features.item_ids);
    EXPECT_EQ(users, all_texts(made.dataset.user_ids));
    expect_columns(made.features.of_items, reference.of_items(items), made.dataset.num_items());
    expect_columns(made.features.of_users, reference.of_users(users), made.dataset.num_users());
    expect_category_events(made, reference);
  }
}

TEST(BuildFeatures, NumbersCategoriesByTheirItems) {
  const auto rows = random_behaviour(7, 800);
  const auto made = make(world(), behaviour_log(rows, scratch_folder("categories")), {}, {});
  const auto found = all_texts(made.features.category_names);
  const auto reference = reference_of(rows, made, made.features.cutoff_time, found);
  std::map<std::string, int> items;
  for (const auto& [item, category] : reference.category_of) ++items[category];
  std::vector<std::pair<int, std::string>> order;
  for (const auto& [category, count] : items) order.emplace_back(-count, category);
  std::sort(order.begin(), order.end());
  std::vector<std::string> expected;
  for (const auto& [count, category] : order) expected.push_back(category);
  EXPECT_EQ(found, expected);
}

TEST(BuildFeatures, KeepsTheMostFrequentQueryWords) {
  std::vector<BehaviourRow> rows;
  const auto add = [&](const std::string& user, const std::string& query) {
    rows.push_back({user, fmt::format("i{}", rows.size() % 2), "view",
                    1600000000 + static_cast<std::int64_t>(rows.size()), NAN, NAN, NAN, query, ""});
  };
  add("a", "Blue CUP");
  add("a", "cup, red");
  add("a", "tea: red blue cup");
  add("b", "");
  add("b", "");
  add("c", "\xc3\x89T\xc3\x89 b a");
  add("c", "");
  FeatureConfig config;
  config.top_terms = 3;
  const auto made = make(world(), behaviour_log(rows, scratch_folder("words")), config, {});
  ASSERT_EQ(made.features.of_users.texts.size(), 1U);
  const auto users = all_texts(made.features.user_ids);
  const auto terms = all_texts(made.features.of_users.texts.front().values);
  const std::map<std::string, std::string> expected{
      {"a", "cup blue red"}, {"b", ""}, {"c", "a b \xc3\xa9t\xc3\xa9"}};
  ASSERT_EQ(users.size(), expected.size());
  for (std::size_t u = 0; u < users.size(); ++u) EXPECT_EQ(terms[u], expected.at(users[u])) << users[u];
}

TEST(BuildFeatures, HasTheSameBitsOnAnyRanksAndThreadsAndComesBackFromItsFile) {
  const auto folder = scratch_folder("bits");
  const auto ingest = behaviour_log(random_behaviour(9, 2500), folder);
  auto together = make(world(), ingest, {}, {});
  const auto store = [&](const Communicator& comm, Features& features, const std::string& name) {
    auto writer = stage_features(comm, folder + name, features, distributions_of(comm, features));
    writer.publish();
  };
  store(world(), together.features, "/together.h5");
  const auto one = world().split(world().rank(), 0);
  if (world().is_root()) {
    omp_set_num_threads(3);
    auto alone = make(one, ingest, {}, {});
    store(one, alone.features, "/alone.h5");
    omp_set_num_threads(1);
    EXPECT_EQ(alone.features.digest, together.features.digest);
  }
  world().barrier();
  const auto read = read_features(world(), folder + "/together.h5");
  EXPECT_EQ(read.digest, together.features.digest);
  EXPECT_EQ(read.dataset_digest, "0123456789abcdef");
  EXPECT_EQ(read.price_limits, together.features.price_limits);
  EXPECT_EQ(all_texts(read.user_ids), all_texts(together.features.user_ids));
  EXPECT_EQ(all_texts(read.category_names), all_texts(together.features.category_names));
  EXPECT_EQ(all_rows_of(read.category_events), all_rows_of(together.features.category_events));
  ASSERT_EQ(read.of_users.columns.size(), together.features.of_users.columns.size());
  const auto bits = [](const FeatureColumn& column) {
    std::vector<std::uint32_t> result;
    for (const float value : world().allgather(std::span<const float>(column.values)).data) {
      result.push_back(std::bit_cast<std::uint32_t>(value));
    }
    return result;
  };
  for (std::size_t c = 0; c < read.of_users.columns.size(); ++c) {
    const auto &a = read.of_users.columns[c], &b = together.features.of_users.columns[c];
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.doc, b.doc);
    EXPECT_EQ(a.unit, b.unit);
    EXPECT_EQ(a.missing, b.missing);
    EXPECT_EQ(bits(a), bits(b)) << a.name;
  }
}

/// Numbers that no float holds are cut to its range, so that no sum is infinite.
TEST(BuildFeatures, StaysFiniteWhateverTheNumbers) {
  const auto folder = scratch_folder("extremes");
  auto ingest = behaviour_log({}, folder);
  ingest.inputs = {folder + "/log.csv"};
  if (world().is_root()) {
    OutputFile out(ingest.inputs.front());
    out.write("user,item,type,time,quantity,price,dwell,query,category\n");
    for (const char* numbers : {"1e300,1e300,1e300", "-1e308,1e308,0", "1e-300,1e-320,1e-9", ",,"}) {
      for (const char* type : {"purchase", "view", "return"}) {
        out.write(fmt::format("u,i,{},1600000000,{},,\nu,j,{},1600000001,1,2,3,,\n", type, numbers, type));
      }
    }
    out.finish_and_publish();
  }
  world().barrier();
  const auto made = make(world(), ingest, {}, {}, 0);
  for (const auto* table : {&made.features.of_users, &made.features.of_items}) {
    for (const auto& column : table->columns) {
      for (const float value : column.values) EXPECT_FALSE(std::isinf(value)) << column.name;
    }
  }
  EXPECT_EQ(made.features.users.num_rows(), 1);
}

TEST(BuildFeatures, LeavesOutWhatTheLogCannotSayAndNamesIt) {
  auto rows = random_behaviour(4, 300);
  for (auto& row : rows) {
    if (row.type == "cart") row.type = "wish";
  }
  auto ingest = behaviour_log(rows, scratch_folder("absent"));
  for (const Role role : {Role::time, Role::price, Role::dwell, Role::query, Role::category}) {
    ingest.format.columns.erase(role);
  }
  const auto made = make(world(), ingest, {}, {});
  for (const char* name :
       {"users/events_7d", "users/sessions", "users/monetary", "users/dwell_per_session",
        "users/top_query_terms", "users/view_to_cart", "users/top_category", "users/hour_share",
        "items/trend", "items/price_band", "items/age", "items/category"}) {
    EXPECT_THAT(made.report.absent, Contains(Field(&AbsentFeature::name, name)));
  }
  for (const auto& absent : made.report.absent) EXPECT_FALSE(absent.reason.empty()) << absent.name;
  for (const char* name : {"events", "events_wish", "items", "view_to_purchase"}) {
    EXPECT_NE(made.features.of_users.find(name), nullptr) << name;
  }
  for (const char* name : {"sessions", "monetary", "view_to_cart", "events_7d"}) {
    EXPECT_EQ(made.features.of_users.find(name), nullptr) << name;
  }
}

/// An item's only term is its category, so its vector has one entry, in the place of that category by number
/// of items: 1 if only the category was asked for, less where it stands beside texts that the item might
/// have.
void expect_vectors_of_categories(const FeatureConfig& config, float length) {
  const std::map<std::string, int> items_of{{"tea", 12}, {"mugs", 9}, {"pots", 5}, {"", 4}};
  std::vector<BehaviourRow> rows;
  for (const auto& [category, num_items] : items_of) {
    for (int item = 0; item < num_items; ++item) {
      for (const char* user : {"a", "b"}) {
        rows.push_back({user, fmt::format("{}-{}", category, item), "view",
                        1600000000 + static_cast<std::int64_t>(rows.size()), NAN, NAN, NAN, "", category});
      }
    }
  }
  const auto made = make(world(), behaviour_log(rows, scratch_folder("text")), config, {});
  ASSERT_TRUE(made.report.text.has_value());
  EXPECT_EQ(made.report.text->num_terms, 3);
  EXPECT_EQ(made.report.text->num_items_without, 4);
  EXPECT_NEAR(made.report.text->kept_share_of_all, 1, 1e-5);
  const auto* vectors = made.features.of_items.find("text_vector");
  const auto* shares = made.features.of_items.find("text_kept_share");
  ASSERT_NE(vectors, nullptr);
  ASSERT_NE(shares, nullptr);
  ASSERT_EQ(vectors->width, 6);
  for (Count item = 0; item < made.features.item_ids.size(); ++item) {
    const std::string id(made.features.item_ids[item]);
    const auto category = id.substr(0, id.find('-'));
    const int column = category == "tea" ? 0 : category == "mugs" ? 1 : 2;
    EXPECT_EQ(std::isnan(shares->values[static_cast<std::size_t>(item)]), category.empty());
    for (int c = 0; c < 6; ++c) {
      const float value = vectors->values[static_cast<std::size_t>(item * 6 + c)];
      EXPECT_EQ(std::isnan(value), category.empty());
      if (!category.empty()) {
        EXPECT_NEAR(value, c == column ? length : 0, 1e-4) << id;
      }
    }
  }
}

TEST(BuildFeatures, MakesVectorsOfTheItemsTextsAndCategories) {
  FeatureConfig config;
  config.text.dimensions = 6;
  config.text.svd.tolerance = 1e-5;
  expect_vectors_of_categories(config, std::sqrt(1.0F / 3));  // words and n-grams of names, and categories
  config.text.terms.fields = {{TextKind::tags, "category"}};
  expect_vectors_of_categories(config, 1);
}

TEST(BuildFeatures, NamesVectorsThatThereCannotBe) {
  FeatureConfig config;
  config.text.dimensions = 6;  // of names and categories, which this log does not have
  config.category_dimensions = 3;
  auto ingest = behaviour_log(random_behaviour(6, 200), scratch_folder("no text"));
  ingest.format.columns.erase(Role::category);
  const auto made = make(world(), ingest, config, {});
  for (const std::string name : {"text_vector", "text_kept_share", "category_vector"}) {
    EXPECT_THAT(made.report.absent, Contains(Field(&AbsentFeature::name, "items/" + name)));
    EXPECT_EQ(made.features.of_items.find(name), nullptr);
  }
  EXPECT_FALSE(made.report.text.has_value());
  EXPECT_FALSE(made.report.category_vectors.has_value());
  const auto plain = make(world(), ingest, {}, {});
  EXPECT_THAT(plain.report.absent, Not(Contains(Field(&AbsentFeature::name, "items/text_vector"))));
}

TEST(BuildFeatures, RefusesSettingsThatMakeNoSense) {
  const auto reason_of = [](const FeatureConfig& config) -> std::string {
    try {
      check_config(config);
    } catch (const ConfigError& error) {
      return error.what();
    }
    return {};
  };
  EXPECT_EQ(reason_of({}), "");
  FeatureConfig config;
  config.window_days = {7, 1};
  EXPECT_THAT(reason_of(config), HasSubstr("--windows"));
  config = {};
  config.window_days = {0, 1};
  EXPECT_THAT(reason_of(config), HasSubstr("--windows"));
  config = {};
  config.session_gap_minutes = 0;
  EXPECT_THAT(reason_of(config), HasSubstr("--session-gap-minutes"));
  config = {};
  config.utc_offset_hours = 15;
  EXPECT_THAT(reason_of(config), HasSubstr("--utc-offset-hours"));
  config = {};
  config.price_bands = 1;
  EXPECT_THAT(reason_of(config), HasSubstr("--price-bands"));
  config = {};
  config.cart_type = "view";
  EXPECT_THAT(reason_of(config), HasSubstr("--cart-type"));
  config = {};
  config.text.dimensions = -1;
  EXPECT_THAT(reason_of(config), HasSubstr("--text-vectors"));
  config = {};
  config.category_dimensions = -1;
  EXPECT_THAT(reason_of(config), HasSubstr("--category-vectors"));
  config.category_dimensions = 4;
  EXPECT_EQ(reason_of(config), "");
  config.text.svd.tolerance = 0;
  EXPECT_THAT(reason_of(config), HasSubstr("--tolerance"));
}

TEST(BuildFeatures, RefusesAPlanOverTheBudget) {
  const auto ingest = behaviour_log(random_behaviour(5, 200), scratch_folder("budget"));
  FeatureConfig config;
  config.memory_per_rank = 1000;
  EXPECT_THROW(make(world(), ingest, config, {}), ConfigError);
}

}  // namespace
}  // namespace pushcart::test
