#include "pushcart/rerank/rerank_columns.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "pushcart/base/nearest_float.hpp"
#include "pushcart/ids/fetch_values.hpp"

namespace pushcart {

namespace {

std::vector<const FeatureColumn*> single_columns(const FeatureTable& table) {
  std::vector<const FeatureColumn*> columns;
  for (const FeatureColumn& column : table.columns) {
    if (column.width == 1) columns.push_back(&column);
  }
  return columns;
}

/// The families, with a number where an earlier model has the same.
std::vector<std::string> model_names(const std::vector<std::string>& families) {
  std::vector<std::string> names;
  for (auto family = families.begin(); family != families.end(); ++family) {
    const auto number = 1 + std::count(families.begin(), family, *family);
    names.push_back(number == 1 ? *family : fmt::format("{} {}", *family, number));
  }
  return names;
}

/// Share of the user's events with a category that are on items of this one; NaN if there are none.
float category_share(const SparseRows& events, Count row, float category) {
  if (std::isnan(category) || events.row_length(row) == 0) return NAN;
  const auto columns = events.row_columns(row);
  const auto values = events.row_values(row);
  double all = 0, of_category = 0;
  for (std::size_t e = 0; e < columns.size(); ++e) {
    all += static_cast<double>(values[e]);
    if (columns[e] == static_cast<Count>(category)) of_category = static_cast<double>(values[e]);
  }
  return nearest_float(of_category / all);
}

float profile_share(const FeatureColumn& profile, Count row, float part) {
  if (std::isnan(part) || !(part >= 0 && part < static_cast<float>(profile.width))) return NAN;
  return profile.values[static_cast<std::size_t>(row * profile.width + static_cast<Count>(part))];
}

}  // namespace

std::vector<std::string> families_of(std::span<const Model* const> models) {
  std::vector<std::string> families;
  for (const Model* model : models) families.push_back(model->family);
  return families;
}

/// The table while it is filled, column by column.
class RerankColumns::Table {
 public:
  Table(const CandidateSet& candidates, Count first_user, Count num_columns)
      : candidates_(candidates),
        first_user_(first_user),
        width_(static_cast<std::size_t>(num_columns)),
        values_(candidates.pairs.columns.size() * width_) {}

  void add(std::span<const float> by_pair) {
    for (std::size_t pair = 0; pair < by_pair.size(); ++pair) values_[pair * width_ + next_] = by_pair[pair];
    ++next_;
  }
  /// @param value_of  local row of the user, position of the pair -> value
  template <class ValueOf>
  void add_each(ValueOf&& value_of) {
    for (std::size_t u = 0; u < candidates_.users.size(); ++u) {
      const Range range = candidates_.pairs_of(u);
      const Count row = candidates_.users[u] - first_user_;
      for (auto pair = static_cast<std::size_t>(range.begin); pair < static_cast<std::size_t>(range.end);
           ++pair) {
        values_[pair * width_ + next_] = value_of(row, pair);
      }
    }
    ++next_;
  }
  std::vector<float> take() {
    PUSHCART_CHECK(next_ == width_);
    return std::move(values_);
  }

 private:
  const CandidateSet& candidates_;
  const Count first_user_;  ///< that this rank owns
  const std::size_t width_;
  std::size_t next_ = 0;
  std::vector<float> values_;
};

RerankColumns::RerankColumns(const Communicator& comm, const Dataset& dataset,
                             const std::vector<std::string>& families, const Features* features)
    : comm_(comm), dataset_(dataset), features_(features) {
  for (const std::string& name : model_names(families)) {
    names_.push_back(name + ".score");
    names_.push_back(name + ".place");
  }
  names_.insert(names_.end(), {"user.pairs", "item.pairs"});
  if (features_ != nullptr) name_features();
}

void RerankColumns::name_features() {
  user_columns_ = single_columns(features_->of_users);
  item_columns_ = single_columns(features_->of_items);
  for (const FeatureColumn* column : user_columns_) names_.push_back("user." + column->name);
  for (const FeatureColumn* column : item_columns_) names_.push_back("item." + column->name);
  if (features_->categories.num_rows() > 0) item_category_ = features_->of_items.find("category");
  if (item_category_ != nullptr) names_.push_back("pair.category_share");
  item_price_band_ = features_->of_items.find("price_band");
  user_price_bands_ = features_->of_users.find("price_band_share");
  if (item_price_band_ != nullptr && user_price_bands_ != nullptr) names_.push_back("pair.price_band_share");
}

std::vector<float> RerankColumns::table(const CandidateSet& candidates) const {
  const SparseRows& pairs = candidates.pairs;
  Table table(candidates, dataset_.by_user.rows.begin, num_columns());
  for (std::size_t m = 0; m < candidates.scores.size(); ++m) {
    table.add(candidates.scores[m]);
    table.add(candidates.places[m]);
  }
  // Each item is asked for once, however many users have it among their candidates.
  std::vector<Count> items = pairs.columns;
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
  const auto by_pair = [&](std::span<const float> of_owned) {
    const std::vector<float> of_items = fetch_values<float>(comm_, dataset_.items, of_owned, items);
    std::vector<float> values;
    values.reserve(pairs.columns.size());
    for (const Count item : pairs.columns) {
      const auto found = std::lower_bound(items.begin(), items.end(), item);
      values.push_back(of_items[static_cast<std::size_t>(found - items.begin())]);
    }
    return values;
  };
  table.add_each(
      [&](Count row, std::size_t) { return static_cast<float>(dataset_.by_user.row_length(row)); });
  std::vector<float> item_pairs;
  for (Count row = 0; row < dataset_.by_item.num_rows(); ++row)
    item_pairs.push_back(static_cast<float>(dataset_.by_item.row_length(row)));
  table.add(by_pair(item_pairs));
  for (const FeatureColumn* column : user_columns_) {
    table.add_each([&](Count row, std::size_t) { return column->values[static_cast<std::size_t>(row)]; });
  }
  for (const FeatureColumn* column : item_columns_) table.add(by_pair(column->values));
  if (item_category_ != nullptr) {
    const std::vector<float> categories = by_pair(item_category_->values);
    table.add_each([&](Count row, std::size_t pair) {
      return category_share(features_->category_events, row, categories[pair]);
    });
  }
  if (item_price_band_ != nullptr && user_price_bands_ != nullptr) {
    const std::vector<float> bands = by_pair(item_price_band_->values);
    table.add_each(
        [&](Count row, std::size_t pair) { return profile_share(*user_price_bands_, row, bands[pair]); });
  }
  return table.take();
}

}  // namespace pushcart
