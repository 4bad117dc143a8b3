#include <gtest/gtest.h>

#include <boost/archive/binary_iarchive.hpp>
#include <boost/archive/binary_oarchive.hpp>
#include <numeric>
#include <set>
#include <sstream>

#include "ingest/duplicates.hpp"
#include "ingest/intern_table.hpp"
#include "ingest/outliers.hpp"
#include "ingest/spread_ids.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/base/random.hpp"
#include "pushcart/ingest/strength_rules.hpp"
#include "support/world.hpp"

namespace pushcart::test {
namespace {

using namespace pushcart::detail;

TEST(InternTable, NumbersInOrderOfFirstSightEvenIfHashesCollide) {
  InternTable table;
  for (std::uint32_t round = 0; round < 2; ++round) {
    for (std::uint32_t i = 0; i < 400; ++i) EXPECT_EQ(table.find_or_add(i % 3, std::to_string(i)), i);
  }
  InternTable large;
  for (std::uint32_t i = 0; i < 100000; ++i) {
    const auto text = std::string("id\0", 3) + std::to_string(i);
    ASSERT_EQ(large.find_or_add(hash64(text), text), i);
  }
  for (std::uint32_t i = 0; i < 100000; i += 37) {
    const auto text = std::string("id\0", 3) + std::to_string(i);
    ASSERT_EQ(large.find_or_add(hash64(text), text), i);
  }
}

TEST(SpreadIds, AMillionIdsStayBoundedOnEveryRank) {
  const auto& comm = world();
  constexpr Count num_ids = 1000000;
  constexpr Count limit = 20000, batch = 10000;
  SpreadIds ids(comm, limit);
  const Count first = num_ids * comm.rank() / comm.size(), last = num_ids * (comm.rank() + 1) / comm.size();
  std::map<std::string, ProvisionalId> sample;
  const Count longest = comm.allreduce(last - first, Reduce::max);
  Count peak_bytes = 0;
  for (Count begin = 0; begin < longest; begin += batch) {
    for (Count i = first + begin; i < std::min(last, first + begin + batch); ++i) {
      const auto id = "user-" + std::to_string(i);
      ids.find_or_add(hash64(id), id);
      ids.find_or_add(hash64("user-7"), "user-7");
    }
    ids.settle();
    const auto seven = ids[ids.find_or_add(hash64("user-7"), "user-7")];
    const auto [found, fresh] = sample.insert({"user-7", seven});
    EXPECT_EQ(found->second, seven);
    if (!ids.alone()) peak_bytes = std::max(peak_bytes, ids.table().memory_bytes());
    ids.forget_if_large();
  }
  EXPECT_EQ(comm.sum(ids.num_owned()), num_ids);
  if (comm.size() == 7) {
    EXPECT_LT(ids.num_owned(), num_ids / 4);
    EXPECT_LE(ids.peak_table_size(), limit + batch + 1);
    EXPECT_LT(peak_bytes, 8 << 20);
  }
  const auto owned = ids.take_owned();
  const Count bytes_per_id = 2 * (11 + static_cast<Count>(sizeof(Count)));  // room to grow included
  if (comm.size() == 7) {
    EXPECT_LT(owned.memory_bytes(), num_ids / 4 * bytes_per_id);
  }
}

TEST(Duplicates, AgreeWithASetOverAllRanks) {
  const auto& comm = world();
  for (const Count slice_rows : {Count{7}, Count{1} << 22}) {
    RandomStream random(3, 1);
    std::vector<std::uint64_t> lines;
    for (int i = 0; i < 4000; ++i) lines.push_back(random.next_below(2500));
    const std::size_t first =
        lines.size() * static_cast<std::size_t>(comm.rank()) / static_cast<std::size_t>(comm.size());
    const std::size_t last =
        lines.size() * static_cast<std::size_t>(comm.rank() + 1) / static_cast<std::size_t>(comm.size());
    std::vector<RowBatch> batches(2);
    for (std::size_t i = first; i < last; ++i) {
      auto& batch = batches[i < (first + last) / 2 ? 0 : 1];
      batch.rows.emplace_back();
      batch.hashes.push_back(line_hash(std::to_string(lines[i])));
    }
    flag_duplicates(comm, batches, Dedupe::line, slice_rows);
    std::set<std::uint64_t> seen;
    std::vector<bool> expected;
    for (const auto line : lines) expected.push_back(!seen.insert(line).second);
    std::size_t at = first;
    for (const auto& batch : batches) {
      for (const auto& row : batch.rows) EXPECT_EQ(row.faults == fault_bit(Check::duplicate), expected[at++]);
    }
  }
}

TEST(Outliers, MedianIsExactOverRanks) {
  const auto& comm = world();
  for (const int total : {0, 1, 2, 5, 100, 1001}) {
    std::vector<double> all, mine;
    RandomStream random(17, static_cast<std::uint64_t>(total));
    for (int i = 0; i < total; ++i) {
      all.push_back(std::ldexp(random.next_uniform(), static_cast<int>(random.next_below(40)) - 20));
      if (i % comm.size() == comm.rank()) mine.push_back(all.back());
    }
    std::sort(all.begin(), all.end());
    const double expected = all.empty() ? 0 : (all[(all.size() - 1) / 2] + all[all.size() / 2]) / 2;
    const double found = global_median(comm, [&](const auto& use) {
      for (const double value : mine) use(value);
    });
    EXPECT_EQ(found, expected) << total;
  }
}

TEST(StrengthRules, WorkedByHand) {
  IngestConfig config;
  config.half_life_days = 2;
  config.events["view"] = {.weight = 0.5, .dwell_unit_seconds = 10, .dwell_max = 3};
  config.events["purchase"] = {.weight = 4, .cap = Cap::log1p, .quantity = QuantityScale::log1p};
  config.events["cart"] = {.weight = 2, .cap = Cap::min, .cap_value = 5, .quantity = QuantityScale::none};
  config.return_types = {{"refund", "purchase"}};
  const StrengthRules rules(config);
  const auto amount = [&](const char* type, double quantity, double dwell) {
    Event event;
    event.quantity = quantity;
    event.dwell = dwell;
    return StrengthRules::event_amount(rules.of_type(type), event);
  };
  const double none = Event::absent;
  EXPECT_EQ(amount("view", none, none), 0.5F);
  EXPECT_EQ(amount("view", none, 5), 0.25F);
  EXPECT_EQ(amount("view", none, 100), 1.5F);
  EXPECT_FLOAT_EQ(amount("purchase", 3, none), static_cast<float>(4 * std::log(4.0)));
  EXPECT_FLOAT_EQ(amount("purchase", -3, none), static_cast<float>(-4 * std::log(4.0)));
  EXPECT_FLOAT_EQ(amount("refund", 3, none), static_cast<float>(-4 * std::log(4.0)));
  EXPECT_FLOAT_EQ(amount("refund", -3, none), static_cast<float>(-4 * std::log(4.0)));
  EXPECT_EQ(amount("cart", 7, none), 2.0F);
  EXPECT_EQ(amount("cart", -7, none), -2.0F);
  EXPECT_EQ(amount("cart", 0, none), 0.0F);
  EXPECT_EQ(amount("other", 7, none), 7.0F);
  EXPECT_EQ(rules.of_type("refund").column, "purchase");
  EXPECT_DOUBLE_EQ(rules.decay(1000000 - 2 * 86400, 1000000), 0.5);
  EXPECT_DOUBLE_EQ(rules.decay(1000000, 1000000), 1);
  EXPECT_EQ(StrengthRules::saturated(config.events["cart"], 7), 5);
  EXPECT_EQ(StrengthRules::saturated(config.events["cart"], -1), 0);
  EXPECT_DOUBLE_EQ(StrengthRules::saturated(config.events["purchase"], 1), std::log(2.0));
}

TEST(IngestConfig, ReadsRejectLimits) {
  EXPECT_EQ(reject_limit_of("0.1").share, 0.1);
  EXPECT_EQ(reject_limit_of("25%").share, 0.25);
  EXPECT_EQ(reject_limit_of("1000").count, 1000);
  EXPECT_EQ(reject_limit_of("1000").kind, RejectLimit::Kind::count);
  EXPECT_EQ(reject_limit_of("off").kind, RejectLimit::Kind::unlimited);
  for (const char* wrong : {"", "-1", "1.5", "120%", "many", "10x", "nan", "0x1"}) {
    EXPECT_THROW(reject_limit_of(wrong), ConfigError) << wrong;
  }
}

TEST(IngestConfig, RefusesWhatMakesNoSense) {
  IngestConfig good;
  good.inputs = {"a.csv"};
  good.format.columns = {{Role::user, "0"}, {Role::item, "1"}};
  EXPECT_NO_THROW(check_config(good));
  const auto refused = [&](const auto& change) {
    IngestConfig config = good;
    change(config);
    EXPECT_THROW(check_config(config), ConfigError);
  };
  refused([](IngestConfig& c) { c.inputs.clear(); });
  refused([](IngestConfig& c) { c.half_life_days = 3; });
  refused([](IngestConfig& c) { c.window_end = 5; });
  refused([](IngestConfig& c) { c.ratings = RatingsMode::last; });
  refused([](IngestConfig& c) { c.quantity_outlier_z = 3; });
  refused([](IngestConfig& c) { c.bot_events_per_day = 3; });
  refused([](IngestConfig& c) { c.core_users = -1; });
  refused([](IngestConfig& c) { c.events["view"].weight = -1; });
  refused([](IngestConfig& c) { c.events["view"].cap = Cap::min; });
}

TEST(IngestConfig, TravelsByBoostSerialization) {
  IngestConfig config;
  config.inputs = {"a", "b"};
  config.format.columns[Role::user] = "Customer ID";
  config.format.delimiter = ';';
  config.events["view"].weight = 0.25;
  config.max_rejects = reject_limit_of("12");
  config.exclude_items = {"POST"};
  std::stringstream stream;
  boost::archive::binary_oarchive(stream) << std::as_const(config);
  IngestConfig copy;
  boost::archive::binary_iarchive(stream) >> copy;
  EXPECT_EQ(copy.inputs, config.inputs);
  EXPECT_EQ(copy.format.columns, config.format.columns);
  EXPECT_EQ(copy.format.delimiter, ';');
  EXPECT_EQ(copy.events.at("view").weight, 0.25);
  EXPECT_EQ(copy.max_rejects.count, 12);
  EXPECT_EQ(copy.exclude_items, config.exclude_items);
}

}  // namespace
}  // namespace pushcart::test
