#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "pushcart/base/random.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/ingest/cleaning_report.hpp"
#include "pushcart/ingest/ingest_config.hpp"
#include "support/world.hpp"

namespace pushcart::test {

/// A line of a made log, and what it says.
struct DirtyRow {
  std::string user, item, type;
  std::int64_t time = 0;
  double quantity = 1;
  double price = 1;
  bool parseable = true;
  std::string text;
  std::size_t file = 0;
  Count line = 0;  ///< from 1, header included
};

/// A log with every fault that cleaning knows, the same on all ranks.
struct DirtyLog {
  std::vector<std::string> files;  ///< in the order of reading
  std::vector<DirtyRow> rows;      ///< in input order
};

struct DirtyLogShape {
  std::uint64_t seed = 1;
  int num_rows = 3000;
  int num_files = 3;  ///< every second one is compressed
  int num_users = 60;
  int num_items = 40;
};

inline constexpr std::int64_t dirty_log_now = 1700000000;

inline std::string quoted_field(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

inline std::string dirty_id(std::string_view kind, std::uint64_t number) {
  switch (number % 5) {
    case 0:
      return fmt::format("{} {}", kind, number);
    case 1:
      return fmt::format("{}\"{}\"", kind, number);
    case 2:
      return fmt::format("{},\xc3\xbc{}", kind, number);
    case 3:
      return fmt::format("{}\x01{}", kind, number);
    default:
      return fmt::format("{}{}", kind, std::string(number % 7 * 40, 'x')) + std::to_string(number);
  }
}

inline DirtyRow random_row(RandomStream& random, const DirtyLogShape& shape) {
  static constexpr std::array<const char*, 4> types{"view", "cart", "purchase", "return"};
  const auto skewed = [&](int bound) {
    return static_cast<std::uint64_t>(std::pow(random.next_uniform(), 2.0) * bound);
  };
  DirtyRow row;
  row.user = random.next_below(40) == 0 ? "" : dirty_id("u", skewed(shape.num_users));
  row.item = random.next_below(40) == 0 ? "" : dirty_id("i", skewed(shape.num_items));
  row.type = types[random.next_below(types.size())];
  row.time = 1600000000 + static_cast<std::int64_t>(random.next_below(900)) * 40000;
  if (random.next_below(50) == 0)
    row.time = dirty_log_now + 1 + static_cast<std::int64_t>(random.next_below(9));
  if (random.next_below(60) == 0) row.time = 1000;
  row.quantity = static_cast<double>(1 + random.next_below(6));
  if (random.next_below(8) == 0) row.quantity = -row.quantity;
  if (random.next_below(80) == 0) row.quantity *= 1000;
  row.price = 0.5 * static_cast<double>(1 + random.next_below(20));
  if (random.next_below(30) == 0) row.price = random.next_below(2) == 0 ? 0 : -4.5;
  row.text = fmt::format("{},{},{},{},{},{}", quoted_field(row.user), quoted_field(row.item), row.type,
                         row.time, row.quantity, row.price);
  if (random.next_below(50) == 0) {
    row.parseable = false;
    row.text = random.next_below(2) == 0 ? "garbage " + std::to_string(random.next_below(5)) : row.text + "x";
  }
  return row;
}

/// Written by rank 0 into `folder`. Collective.
inline DirtyLog write_dirty_log(const std::string& folder, const DirtyLogShape& shape) {
  DirtyLog log;
  RandomStream random(shape.seed, 7);
  for (int r = 0; r < shape.num_rows; ++r) {
    const bool repeats = r > 0 && random.next_below(25) == 0;
    log.rows.push_back(repeats ? log.rows[random.next_below(static_cast<std::uint64_t>(r))]
                               : random_row(random, shape));
  }
  std::size_t next = 0;
  for (int f = 0; f < shape.num_files; ++f) {
    const bool compressed = f % 2 == 1;
    log.files.push_back(fmt::format("{}/log-{}.csv{}", folder, f, compressed ? ".gz" : ""));
    const std::size_t end =
        f + 1 == shape.num_files ? log.rows.size() : next + random.next_below(log.rows.size() / 2);
    std::string text = "user,item,type,time,quantity,price\n";
    Count line = 1;
    for (; next < std::min(end, log.rows.size()); ++next) {
      if (random.next_below(30) == 0) {
        text += "\n";  // an empty line is a line, but no row
        ++line;
      }
      text += log.rows[next].text + (random.next_below(9) == 0 ? "\r\n" : "\n");
      log.rows[next].file = static_cast<std::size_t>(f);
      log.rows[next].line = ++line;
    }
    if (!world().is_root()) continue;
    OutputFile out(log.files.back(), compressed ? Compression::gzip : Compression::none);
    out.write(text);
    out.finish_and_publish();
  }
  world().barrier();
  return log;
}

/// A configuration that reads it, with the checks that need no setting.
inline IngestConfig dirty_log_config(const DirtyLog& log) {
  IngestConfig config;
  config.inputs = log.files;
  for (const Role role : {Role::user, Role::item, Role::type, Role::time, Role::quantity, Role::price}) {
    config.format.columns[role] = std::string(role_name(role));
  }
  config.now = dirty_log_now;
  config.max_rejects.kind = RejectLimit::Kind::unlimited;
  config.batch_rows = 97;
  return config;
}

/// What cleaning must find, worked out row by row over the whole log: the first check in order that applies.
struct ReferenceCleaning {
  std::vector<std::set<Check>> faults;  ///< by row
  std::vector<const DirtyRow*> kept;    ///< in input order
  std::vector<const DirtyRow*> dropped;
  std::vector<Check> causes;  ///< of the dropped ones
};

inline double median_of(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
}

/// Rows further than `threshold` from the eligible ones, by robust z.
inline std::set<std::size_t> outliers_by_hand(const std::vector<double>& values,
                                              const std::vector<bool>& eligible, double threshold) {
  std::vector<double> chosen, deviations;
  for (std::size_t r = 0; r < values.size(); ++r) {
    if (eligible[r] && !std::isnan(values[r])) chosen.push_back(values[r]);
  }
  const double median = median_of(chosen);
  for (const double value : chosen) deviations.push_back(std::abs(value - median));
  double scale = median_of(deviations);
  if (scale == 0) {
    std::erase(deviations, 0.0);
    scale = median_of(deviations);
  }
  std::set<std::size_t> outliers;
  for (std::size_t r = 0; r < values.size(); ++r) {
    if (scale > 0 && 0.6745 * std::abs(values[r] - median) / scale > threshold) outliers.insert(r);
  }
  return outliers;
}

inline ReferenceCleaning clean_by_hand(const DirtyLog& log, const IngestConfig& config,
                                       const std::set<std::string>& excluded_items = {}) {
  ReferenceCleaning result;
  const auto num_rows = log.rows.size();
  result.faults.resize(num_rows);
  std::set<std::string> lines;
  std::set<std::tuple<std::string, std::string, std::string, std::int64_t>> events;
  for (std::size_t r = 0; r < num_rows; ++r) {
    const auto& row = log.rows[r];
    auto& faults = result.faults[r];
    if (config.dedupe == Dedupe::line && !lines.insert(row.text).second) faults.insert(Check::duplicate);
    if (!row.parseable) {
      faults.insert(Check::unparseable);
      continue;
    }
    if (row.user.empty()) faults.insert(Check::missing_user);
    if (row.item.empty()) faults.insert(Check::missing_item);
    if (config.dedupe == Dedupe::event && !row.user.empty() && !row.item.empty() &&
        !events.insert({row.user, row.item, row.type, row.time}).second) {
      faults.insert(Check::duplicate);
    }
    if (row.price <= 0) faults.insert(Check::bad_price);
    if (row.time > config.now) faults.insert(Check::future_time);
    if (row.time < config.min_time) faults.insert(Check::ancient_time);
    if (row.time < config.window_begin || row.time >= config.window_end) faults.insert(Check::outside_window);
    if (excluded_items.contains(row.item)) faults.insert(Check::excluded_item);
  }
  const auto eligible = [&](Check before) {
    std::vector<bool> chosen;
    for (const auto& faults : result.faults) chosen.push_back(faults.empty() || *faults.begin() >= before);
    return chosen;
  };
  const auto flag_outliers = [&](Check check, double threshold, const auto& value_of) {
    if (threshold <= 0) return;
    std::vector<double> values;
    for (const auto& row : log.rows) values.push_back(row.parseable ? std::abs(value_of(row)) : std::nan(""));
    for (const auto r : outliers_by_hand(values, eligible(check), threshold)) result.faults[r].insert(check);
  };
  flag_outliers(Check::quantity_outlier, config.quantity_outlier_z,
                [](const DirtyRow& row) { return row.quantity; });
  flag_outliers(Check::price_outlier, config.price_outlier_z, [](const DirtyRow& row) { return row.price; });

  const auto counted = eligible(Check::bot);
  std::map<std::string, std::map<std::int64_t, Count>> days;
  std::map<std::string, std::set<std::string>> items;
  for (std::size_t r = 0; r < num_rows; ++r) {
    const auto& row = log.rows[r];
    if (!counted[r] || !row.parseable) continue;
    ++days[row.user][row.time / 86400];
    items[row.user].insert(row.item);
  }
  for (std::size_t r = 0; r < num_rows; ++r) {
    const auto& row = log.rows[r];
    if (!row.parseable || row.user.empty()) continue;
    bool bot = config.bot_distinct_items > 0 &&
               static_cast<Count>(items[row.user].size()) > config.bot_distinct_items;
    for (const auto& [day, count] : days[row.user]) {
      bot = bot || (config.bot_events_per_day > 0 && count > config.bot_events_per_day);
    }
    if (bot) result.faults[r].insert(Check::bot);
  }
  for (std::size_t r = 0; r < num_rows; ++r) {
    if (result.faults[r].empty()) {
      result.kept.push_back(&log.rows[r]);
    } else {
      result.dropped.push_back(&log.rows[r]);
      result.causes.push_back(*result.faults[r].begin());
    }
  }
  return result;
}

}  // namespace pushcart::test
