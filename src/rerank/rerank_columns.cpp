#include "pushcart/rerank/rerank_columns.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "pushcart/base/nearest_float.hpp"
#include "pushcart/ids/fetched_rows.hpp"
#include "rerank/user_profile.hpp"

namespace pushcart {

namespace {

std::vector<const FeatureColumn*> single_columns(const FeatureTable& table) {
  std::vector<const FeatureColumn*> columns;
  for (const FeatureColumn& column : table.columns) {
    if (column.width == 1) columns.push_back(&column);
  }
  return columns;
}

/// Position among columns that have it.
std::size_t position_of(const std::vector<const FeatureColumn*>& columns, const FeatureColumn* column) {
  return static_cast<std::size_t>(std::find(columns.begin(), columns.end(), column) - columns.begin());
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
    add_by_user([](Count row) { return row; }, value_of);
  }
  /// @param make      local row of a user -> what is known of the user
  /// @param value_of  that, position of the pair -> value
  template <class Make, class ValueOf>
  void add_by_user(Make&& make, ValueOf&& value_of) {
    for (std::size_t u = 0; u < candidates_.users.size(); ++u) {
      const Range range = candidates_.pairs_of(u);
      const auto known = make(candidates_.users[u] - first_user_);
      for (auto pair = static_cast<std::size_t>(range.begin); pair < static_cast<std::size_t>(range.end);
           ++pair) {
        values_[pair * width_ + next_] = value_of(known, pair);
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
  if (features_ != nullptr) {
    name_features();
    name_similarities();
  }
  pack_items();
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

void RerankColumns::name_similarities() {
  for (const std::string what : {"text", "category"}) {
    const FeatureColumn* column = features_->of_items.find(what + "_vector");
    if (column == nullptr) continue;
    item_vectors_.push_back(column);
    names_.push_back("pair." + what + "_similarity");
  }
}

/// Puts all that is told of an item side by side.
void RerankColumns::pack_items() {
  const auto num_items = static_cast<std::size_t>(dataset_.by_item.num_rows());
  item_width_ = 1;
  for (const auto* columns : {&item_columns_, &item_vectors_}) {
    for (const FeatureColumn* column : *columns) item_width_ += static_cast<std::size_t>(column->width);
  }
  item_rows_.reserve(num_items * item_width_);
  for (std::size_t item = 0; item < num_items; ++item) {
    item_rows_.push_back(static_cast<float>(dataset_.by_item.row_length(static_cast<Count>(item))));
    for (const auto* columns : {&item_columns_, &item_vectors_}) {
      for (const FeatureColumn* column : *columns) {
        const auto width = static_cast<std::size_t>(column->width);
        const auto values = std::span(column->values).subspan(item * width, width);
        item_rows_.insert(item_rows_.end(), values.begin(), values.end());
      }
    }
  }
}

Count RerankColumns::owned_bytes() const {
  return static_cast<Count>(item_rows_.size() * sizeof(float));
}

Count RerankColumns::fetched_bytes(Count num_pairs, Count num_history) const {
  constexpr Count of_pair{sizeof(std::span<const float>)}, of_request{sizeof(int) + sizeof(Count)};
  const Count told_of = num_told_of(num_pairs, num_history);
  return num_pairs * of_pair + told_of * Count{sizeof(Count)} +
         std::min(dataset_.num_items(), told_of) * (of_request + 2 * row_bytes());  // as they arrive, by item
}

Count RerankColumns::served_bytes(Count num_pairs, Count num_history) const {
  const Count fetched = std::min(dataset_.num_items(), num_told_of(num_pairs, num_history));
  const Count served = std::min(comm_.sum(fetched), comm_.size() * dataset_.items.range(comm_.rank()).size());
  // They are gone before the fetched rows are put in order, which takes as much as was fetched.
  return served * Count{sizeof(Count)} + std::max<Count>(0, served - fetched) * row_bytes();
}

/// Items of candidates and of what their users have, with repeats.
Count RerankColumns::num_told_of(Count num_pairs, Count num_history) const {
  return num_pairs + (item_vectors_.empty() ? 0 : num_history);
}

/// The candidates, and where there are profiles all that their users have.
std::vector<Count> RerankColumns::items_told_of(const CandidateSet& candidates) const {
  if (item_vectors_.empty()) return candidates.pairs.columns;
  const auto history_of = [&](Count user) {
    return dataset_.by_user.row_columns(user - dataset_.by_user.rows.begin);
  };
  std::size_t size = candidates.pairs.columns.size();
  for (const Count user : candidates.users) size += history_of(user).size();
  std::vector<Count> items;
  items.reserve(size);  // while it grows it would take more than planned
  items.insert(items.end(), candidates.pairs.columns.begin(), candidates.pairs.columns.end());
  for (const Count user : candidates.users) {
    const auto history = history_of(user);
    items.insert(items.end(), history.begin(), history.end());
  }
  return items;
}

std::vector<float> RerankColumns::table(const CandidateSet& candidates) const {
  const SparseRows& pairs = candidates.pairs;
  Table table(candidates, dataset_.by_user.rows.begin, num_columns());
  for (std::size_t m = 0; m < candidates.scores.size(); ++m) {
    table.add(candidates.scores[m]);
    table.add(candidates.places[m]);
  }
  const FetchedRows items(comm_, dataset_.items, item_rows_, item_width_, items_told_of(candidates));
  std::vector<std::span<const float>> item_of_pair;
  item_of_pair.reserve(pairs.columns.size());
  for (const Count item : pairs.columns) item_of_pair.push_back(items.row(item));
  const auto add_item_number = [&](std::size_t number) {
    table.add_each([&](Count, std::size_t pair) { return item_of_pair[pair][number]; });
  };
  table.add_each(
      [&](Count row, std::size_t) { return static_cast<float>(dataset_.by_user.row_length(row)); });
  add_item_number(0);
  for (const FeatureColumn* column : user_columns_) {
    table.add_each([&](Count row, std::size_t) { return column->values[static_cast<std::size_t>(row)]; });
  }
  for (std::size_t c = 0; c < item_columns_.size(); ++c) add_item_number(1 + c);
  if (item_category_ != nullptr) {
    const std::size_t category = 1 + position_of(item_columns_, item_category_);
    table.add_each([&](Count row, std::size_t pair) {
      return category_share(features_->category_events, row, item_of_pair[pair][category]);
    });
  }
  if (item_price_band_ != nullptr && user_price_bands_ != nullptr) {
    const std::size_t band = 1 + position_of(item_columns_, item_price_band_);
    table.add_each([&](Count row, std::size_t pair) {
      return profile_share(*user_price_bands_, row, item_of_pair[pair][band]);
    });
  }
  detail::VectorPlace place{1 + item_columns_.size(), 0};
  for (const FeatureColumn* column : item_vectors_) {
    place.width = static_cast<std::size_t>(column->width);
    table.add_by_user([&](Count row) { return detail::UserProfile(dataset_, row, items, place); },
                      [&](const detail::UserProfile& profile, std::size_t pair) {
                        return profile.similarity(item_of_pair[pair]);
                      });
    place.first += place.width;
  }
  return table.take();
}

}  // namespace pushcart
