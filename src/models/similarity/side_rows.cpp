#include "models/similarity/side_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "pushcart/base/suggest.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/matrix/assemble.hpp"

namespace pushcart::similarity {

namespace {

/// The dataset's own table, which outlives the product.
std::shared_ptr<const SparseRows> borrow(const SparseRows& rows) {
  return {std::shared_ptr<const SparseRows>(), &rows};
}

struct WeightedColumn {
  double weight;
  const EventColumn* column;
};

std::vector<WeightedColumn> chosen_columns(const Dataset& dataset, const SideChoice& choice) {
  std::map<std::string, double> weights;
  for (const auto& type : choice.types) {
    const auto given = choice.weights.find(type);
    weights[type] = given == choice.weights.end() ? 1.0 : given->second;
  }
  if (choice.types.empty()) weights = choice.weights;
  std::vector<std::string> known;
  for (const EventColumn& column : dataset.events) known.push_back(column.type);
  std::vector<WeightedColumn> columns;
  for (const auto& [type, weight] : weights) {
    const auto found = std::find(known.begin(), known.end(), type);
    const std::string_view option = choice.types.empty() ? "--event-weight" : choice.option;
    if (found == known.end()) {
      throw ConfigError(fmt::format("{}: the dataset has no event type '{}'; did you mean '{}'? (known: {})",
                                    option, type, nearest_word(type, known), fmt::join(known, ", ")));
    }
    if (!std::isfinite(weight) || weight < 0) {
      throw ConfigError(fmt::format("{}: {}={} must be a number >= 0", option, type, weight));
    }
    columns.push_back({weight, &dataset.events[static_cast<std::size_t>(found - known.begin())]});
  }
  return columns;
}

UserRows all_pairs(const Dataset& dataset, bool with_times) {
  UserRows result{borrow(dataset.by_user), {}};
  if (with_times) {
    for (const std::int64_t time : dataset.last_time) {
      result.times.push_back(seconds_before(dataset.cutoff_time, time));
    }
  }
  return result;
}

UserRows chosen_pairs(const Dataset& dataset, const SideChoice& choice) {
  check_window(dataset, choice.with_times);
  const auto columns = chosen_columns(dataset, choice);
  if (columns.empty()) return all_pairs(dataset, choice.with_times);
  const SparseRows& rows = dataset.by_user;
  SparseRows chosen;
  chosen.rows = rows.rows;
  chosen.num_columns = rows.num_columns;
  std::vector<std::int32_t> times;
  for (Count row = 0; row < rows.num_rows(); ++row) {
    for (auto entry = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(row)]);
         entry < static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(row) + 1]); ++entry) {
      double value = 0;
      std::int64_t latest = std::numeric_limits<std::int64_t>::min();
      for (const auto& [weight, column] : columns) {
        const double part = weight * static_cast<double>(column->strength[entry]);
        value += part;
        if (part > 0) latest = std::max(latest, column->last_time[entry]);
      }
      if (!(static_cast<float>(value) > 0)) continue;
      chosen.columns.push_back(rows.columns[entry]);
      chosen.values.push_back(static_cast<float>(value));
      if (choice.with_times) times.push_back(seconds_before(dataset.cutoff_time, latest));
    }
    chosen.offsets.push_back(static_cast<Count>(chosen.columns.size()));
  }
  return {std::make_shared<const SparseRows>(std::move(chosen)), std::move(times)};
}

/// A number an entry, brought to the transposed table in its order.
std::vector<float> transpose_numbers(const Communicator& comm, const SparseRows& pattern,
                                     std::vector<float> numbers, const Partition& columns, Count num_rows) {
  SparseRows carrier{pattern.rows, pattern.num_columns, pattern.offsets, pattern.columns, std::move(numbers)};
  return transpose(comm, carrier, columns, num_rows).values;
}

/// The statistic of its row for every entry.
std::vector<float> row_statistic(const SparseRows& rows, InnerStatistic statistic) {
  std::vector<float> result;
  for (Count row = 0; row < rows.num_rows(); ++row) {
    const auto length = static_cast<double>(rows.row_length(row));
    double value = 0;
    if (statistic != InnerStatistic::length) {
      for (const float v : rows.row_values(row)) value += static_cast<double>(v);
    }
    if (statistic == InnerStatistic::length) value = length;
    if (statistic == InnerStatistic::mean) value /= length;
    result.insert(result.end(), static_cast<std::size_t>(rows.row_length(row)), static_cast<float>(value));
  }
  return result;
}

}  // namespace

void check_window(const Dataset& dataset, bool with_times) {
  if (with_times && dataset.cutoff_time == 0) {
    throw ConfigError("--window-days needs times, and the dataset has none; ingest it with a time column");
  }
}

std::int32_t seconds_before(std::int64_t cutoff, std::int64_t time) {
  const std::int64_t seconds = cutoff - time;
  if (seconds < 0 || seconds > std::numeric_limits<std::int32_t>::max()) {
    throw InputError(
        fmt::format("--window-days: an event {} seconds before the last one is too far away", seconds));
  }
  return static_cast<std::int32_t>(seconds);
}

std::vector<std::int32_t> transpose_times(const Communicator& comm, const SparseRows& pattern,
                                          const std::vector<std::int32_t>& times, const Partition& columns,
                                          Count num_rows) {
  // Whole numbers below 2^31 travel as two floats that hold their halves exactly.
  std::vector<float> high, low;
  for (const std::int32_t time : times) {
    high.push_back(static_cast<float>(time >> 16));
    low.push_back(static_cast<float>(time & 0xffff));
  }
  high = transpose_numbers(comm, pattern, std::move(high), columns, num_rows);
  low = transpose_numbers(comm, pattern, std::move(low), columns, num_rows);
  std::vector<std::int32_t> result;
  for (std::size_t entry = 0; entry < high.size(); ++entry) {
    result.push_back((static_cast<std::int32_t>(high[entry]) << 16) + static_cast<std::int32_t>(low[entry]));
  }
  return result;
}

SideRows side_rows(const Communicator& comm, const Dataset& dataset, const SideChoice& choice, Outer outer,
                   InnerStatistic statistic) {
  const UserRows by_user =
      collectively(comm, "choosing events", [&] { return chosen_pairs(dataset, choice); });
  if (comm.sum(by_user.rows->num_entries()) == 0) {
    throw ConfigError(fmt::format("{}: these events leave no pair to compare by", choice.option));
  }
  const bool is_own = by_user.rows.get() != &dataset.by_user;
  auto by_item = is_own ? std::make_shared<const SparseRows>(
                              transpose(comm, *by_user.rows, dataset.items, dataset.num_users()))
                        : borrow(dataset.by_item);
  SideRows result;
  if (outer == Outer::items) {
    result.rows = by_item;
    if (statistic != InnerStatistic::none) {
      result.inner = transpose_numbers(comm, *by_user.rows, row_statistic(*by_user.rows, statistic),
                                       dataset.items, dataset.num_users());
    }
    if (choice.with_times) {
      result.times = transpose_times(comm, *by_user.rows, by_user.times, dataset.items, dataset.num_users());
    }
    return result;
  }
  result.rows = by_user.rows;
  result.times = by_user.times;
  if (statistic != InnerStatistic::none) {
    result.inner = transpose_numbers(comm, *by_item, row_statistic(*by_item, statistic), dataset.users,
                                     dataset.num_items());
  }
  return result;
}

}  // namespace pushcart::similarity
