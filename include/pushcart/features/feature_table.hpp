#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pushcart/base/string_table.hpp"
#include "pushcart/ids/partition.hpp"
#include "pushcart/matrix/sparse_rows.hpp"

namespace pushcart {

/// A feature of the users or items that this rank owns: `width` floats a row, NaN where it is missing.
struct FeatureColumn {
  std::string name;
  std::string unit;           ///< "events", "days"; "1" = a share or another number without unit
  std::string doc;            ///< what it is, in a line
  std::string missing;        ///< when it is missing
  Count width = 1;            ///< more than 1: a profile, such as a share for each hour of the day
  std::vector<float> values;  ///< row-major
};

/// The same for a text, empty where it is missing.
struct FeatureText {
  std::string name, doc, missing;
  StringTable values;
};

struct FeatureTable {
  std::vector<FeatureColumn> columns;
  std::vector<FeatureText> texts;

  /// nullptr if there is none of this name.
  const FeatureColumn* find(std::string_view name) const {
    for (const auto& column : columns) {
      if (column.name == name) return &column;
    }
    return nullptr;
  }
};

/// What behaviour says of the users and items of a data set, in its order and over its partitions.
struct Features {
  Partition users, items;
  StringTable user_ids, item_ids;
  FeatureTable of_users, of_items;
  SparseRows category_events;  ///< owned users x categories: events on items of the category, > 0
  Partition categories;
  StringTable category_names;  ///< of this rank's range: what the numbers of the columns of categories mean
  std::vector<double> price_limits;  ///< highest price of each price band but the last, ascending
  std::int64_t cutoff_time = 0;      ///< unix seconds: later events do not count; 0 = the log has no times
  std::string settings;              ///< JSON
  std::string dataset_digest;        ///< of the data set whose rows these are
  std::string digest;                ///< of the file; set by stage_features and read_features
};

}  // namespace pushcart
