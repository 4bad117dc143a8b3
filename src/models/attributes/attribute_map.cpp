#include "pushcart/models/attribute_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "models/attributes/regression.hpp"
#include "models/attributes/tags.hpp"
#include "models/attributes/value_rows.hpp"
#include "pushcart/base/parallel.hpp"
#include "pushcart/base/suggest.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/ids/number_texts.hpp"
#include "pushcart/matrix/numbered_texts.hpp"

namespace pushcart {

namespace {

using attributes::Regression;
using attributes::Share;
using attributes::ValueRows;

std::size_t at(Count n) {
  return static_cast<std::size_t>(n);
}

const StringTable& texts_of(const std::vector<TextColumn>& columns, const std::string& name,
                            std::string_view option) {
  std::vector<std::string> known;
  for (const TextColumn& column : columns) {
    if (column.name == name) return column.values;
    known.push_back(column.name);
  }
  if (known.empty()) {
    throw ConfigError(fmt::format(
        "{} {}: the dataset has no such attributes; ingest it with --users or --items", option, name));
  }
  throw ConfigError(fmt::format("{}: the dataset has no '{}'; did you mean '{}'? (known: {})", option, name,
                                nearest_word(name, known), fmt::join(known, ", ")));
}

void check(const AttributeConfig& config, const std::vector<std::string>& columns, std::string_view option) {
  if (config.separator.empty()) throw ConfigError("--tag-separator: must not be empty");
  if (!(config.ridge > 0) || !std::isfinite(config.ridge)) {
    throw ConfigError(fmt::format("--attribute-ridge {}: must be a number above 0", config.ridge));
  }
  for (auto name = columns.begin(); name != columns.end(); ++name) {
    if (std::find(columns.begin(), name, *name) != name) {
      throw ConfigError(fmt::format("{}: '{}' is given twice", option, *name));
    }
  }
}

/// The values of this rank's rows that learned something: each once, with how many of the rows have it.
struct LocalValues {
  StringTable values;
  std::vector<Count> num_rows;
};

LocalValues local_values(const StringTable& texts, const std::string& separator,
                         std::span<const char> learned) {
  LocalValues local;
  std::unordered_map<std::string, std::size_t> positions;
  std::unordered_set<std::size_t> of_row;
  for (Count row = 0; row < texts.size(); ++row) {
    if (!learned[at(row)]) continue;
    of_row.clear();
    for_each_tag(texts[row], separator, [&](std::string_view value) {
      const auto [found, is_new] = positions.try_emplace(std::string(value), local.num_rows.size());
      if (is_new) {
        local.values.push_back(value);
        local.num_rows.push_back(0);
      }
      if (of_row.insert(found->second).second) ++local.num_rows[found->second];
    });
  }
  return local;
}

/// Those that enough rows of the job have, on all ranks in the order of their numbers.
StringTable known_values(const Communicator& comm, const LocalValues& local, std::string_view option) {
  constexpr Count fewest_rows = 2;
  const TextNumbers numbers =
      number_texts(comm, local.values, local.num_rows, {fewest_rows, std::numeric_limits<Count>::max()});
  if (numbers.total > max_attribute_values) {
    throw ConfigError(
        fmt::format("{}: {} values, of at most {}; leave out columns that name almost every row", option,
                    numbers.total, max_attribute_values));
  }
  std::vector<Count> cuts(at(comm.size()) + 1, numbers.total);
  cuts.front() = 0;
  const StringTable at_root = numbered_texts(comm, Partition(std::move(cuts)), local.values, numbers.index);
  std::vector<char> bytes = at_root.bytes();
  std::vector<Count> offsets = at_root.offsets();
  comm.broadcast_resized(bytes, 0);
  comm.broadcast_resized(offsets, 0);
  return {std::move(bytes), std::move(offsets)};
}

}  // namespace

Count AttributeMap::num_values() const {
  Count sum = 0;
  for (const Column& column : columns) sum += column.values.size();
  return sum;
}

AttributeMap map_without_factors(const Communicator& comm, const std::vector<TextColumn>& attributes,
                                 const std::vector<std::string>& columns, const AttributeConfig& config,
                                 std::string_view option, std::span<const char> learned) {
  AttributeMap map{{}, config.separator, config.ridge, {}};
  collectively(comm, "checking the attributes", [&] {
    check(config, columns, option);
    for (const std::string& name : columns) texts_of(attributes, name, option);
  });
  for (const std::string& name : columns) {
    const LocalValues local = local_values(texts_of(attributes, name, option), config.separator, learned);
    map.columns.push_back({name, known_values(comm, local, option)});
  }
  if (map.num_values() > max_attribute_values) {
    throw ConfigError(fmt::format("{}: {} values in all columns, of at most {}", option, map.num_values(),
                                  max_attribute_values));
  }
  return map;
}

AttributeMap fit_attribute_map(const Communicator& comm, const std::vector<TextColumn>& attributes,
                               const std::vector<std::string>& columns, const AttributeConfig& config,
                               std::string_view option, const FactorTable& factors,
                               std::span<const char> learned) {
  PUSHCART_CHECK(static_cast<Count>(learned.size()) == factors.rows.size());
  AttributeMap map = map_without_factors(comm, attributes, columns, config, option, learned);
  const Regression regression(comm, map, attributes, {learned.begin(), learned.end()});
  map.factors = regression.fit(factors);
  return map;
}

Count attribute_map_bytes(Count num_values, Count rows, Count k) {
  const Count size = 1 + num_values;
  // The normal equations as they are solved, the map, and what it says of the rows.
  return size * (size + k) * Count{sizeof(double)} + (size + rows) * k * Count{sizeof(float)};
}

FactorTable mapped_factors(const AttributeMap& map, const std::vector<TextColumn>& attributes, Range rows) {
  const Count k = map.factors.num_columns;
  FactorTable mapped{rows, k, std::vector<float>(at(rows.size() * k))};
  const ValueRows value_rows(map, attributes);
  constexpr Count rows_a_task = 64;
  parallel_for((rows.size() + rows_a_task - 1) / rows_a_task, [&](Count task) {
    std::vector<Share> shares;
    std::vector<double> sum;
    for (Count row = task * rows_a_task; row < std::min((task + 1) * rows_a_task, rows.size()); ++row) {
      value_rows.shares_of(row, shares);
      sum.assign(at(k), 0.0);
      for (const Share& share : shares) {
        const auto part = map.factors.row(share.row);
        for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += share.weight * static_cast<double>(part[c]);
      }
      std::transform(sum.begin(), sum.end(), mapped.row(row).begin(),
                     [](double v) { return static_cast<float>(v); });
    }
  });
  return mapped;
}

}  // namespace pushcart
