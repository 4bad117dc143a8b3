#pragma once

#include <fmt/core.h>

#include <cmath>
#include <string>
#include <vector>

#include "ingest/dirty_log.hpp"

namespace pushcart::test {

/// A line of a made log. NaN = the field is empty.
struct BehaviourRow {
  std::string user, item, type;
  std::int64_t time = 0;
  float quantity = NAN, price = NAN, dwell = NAN;
  std::string query, category;
};

inline std::string field_of(float value) {
  return std::isnan(value) ? std::string() : fmt::format("{}", value);
}

/// Few users and items, so that they meet often; times close together, so that there are sessions and ties.
/// Nothing that cleaning drops. The same on all ranks.
inline std::vector<BehaviourRow> random_behaviour(std::uint64_t seed, int num_rows) {
  static constexpr std::array<const char*, 5> types{"view", "view", "cart", "purchase", "return"};
  RandomStream random(seed, 11);
  std::vector<BehaviourRow> rows;
  for (int r = 0; r < num_rows; ++r) {
    BehaviourRow row;
    row.user = fmt::format("u{}", random.next_below(25));
    const auto item = random.next_below(5) == 0 ? 20 + random.next_below(120) : random.next_below(20);
    row.item = fmt::format("i{}", item);
    row.type = types[random.next_below(types.size())];
    const auto day = random.next_below(40);
    row.time = 1600000000 + static_cast<std::int64_t>(day * 86400 + random.next_below(40) * 600);
    if (random.next_below(2) == 0) row.quantity = static_cast<float>(1 + random.next_below(4));
    if (random.next_below(9) == 0) row.quantity = -row.quantity;
    if (random.next_below(3) != 0)
      row.price = 0.07F * static_cast<float>(1 + item) + static_cast<float>(random.next_below(3));
    if (random.next_below(3) != 0) row.dwell = 0.3F * static_cast<float>(random.next_below(400));
    static constexpr std::array<const char*, 4> queries{"red cup", "Cup, blue", "caf\xc3\xa9",
                                                        "red red RED tea"};
    if (random.next_below(4) == 0) row.query = queries[random.next_below(queries.size())];
    if (item % 4 != 0) row.category = fmt::format("c{}", item % 5);
    rows.push_back(row);
  }
  return rows;
}

/// In two files, the second compressed. Collective over the world.
inline IngestConfig behaviour_log(const std::vector<BehaviourRow>& rows, const std::string& folder) {
  IngestConfig config;
  for (std::size_t f = 0; f < 2; ++f) {
    config.inputs.push_back(fmt::format("{}/log-{}.csv{}", folder, f, f == 1 ? ".gz" : ""));
    if (!world().is_root()) continue;
    OutputFile out(config.inputs.back(), f == 1 ? Compression::gzip : Compression::none);
    out.write("user,item,type,time,quantity,price,dwell,query,category\n");
    const std::size_t half = rows.size() / 2;
    for (std::size_t r = f == 0 ? 0 : half; r < (f == 0 ? half : rows.size()); ++r) {
      const auto& row = rows[r];
      out.write(fmt::format("{},{},{},{},{},{},{},{},{}\n", row.user, row.item, row.type, row.time,
                            field_of(row.quantity), field_of(row.price), field_of(row.dwell),
                            quoted_field(row.query), row.category));
    }
    out.finish_and_publish();
  }
  world().barrier();
  for (const Role role : {Role::user, Role::item, Role::type, Role::time, Role::quantity, Role::price,
                          Role::dwell, Role::query, Role::category}) {
    config.format.columns[role] = std::string(role_name(role));
  }
  config.dedupe = Dedupe::off;
  config.batch_rows = 61;
  return config;
}

}  // namespace pushcart::test
