#include "features/item_side.hpp"

#include <algorithm>
#include <cmath>

#include "features/quantiles.hpp"
#include "pushcart/base/checked.hpp"

namespace pushcart::detail {

namespace {

/// Highest price of each price band but the last. Collective.
std::vector<double> price_limits(const Communicator& comm, const ItemSums& sums, const LogScope& scope) {
  if (!scope.has_prices) return {};
  std::vector<SortedColumn> prices(1);
  for (std::size_t item = 0; item < sums.size(); ++item) {
    prices[0].add(static_cast<float>(mean_price(sums[item])));
  }
  prices[0].sort();
  std::vector<double> shares;
  const auto bands = static_cast<double>(scope.num_bands());
  for (std::size_t band = 1; band < scope.num_bands(); ++band)
    shares.push_back(static_cast<double>(band) / bands);
  const auto limits = quantiles(comm, prices, shares);
  if (std::isnan(limits.front())) return {};
  return {limits.begin(), limits.end()};
}

int band_of(double price, const std::vector<double>& limits) {
  if (std::isnan(price)) return -1;
  const auto as_stored = static_cast<double>(static_cast<float>(price));
  return static_cast<int>(std::lower_bound(limits.begin(), limits.end(), as_stored) - limits.begin());
}

}  // namespace

ItemSide item_side(const Communicator& comm, const ItemSums& sums, const LogScope& scope,
                   const ColumnSet<ItemRow>& columns, const std::vector<Count>& category_of_item) {
  ItemSide side;
  side.price_limits = price_limits(comm, sums, scope);
  std::vector<float> rows(sums.size() * columns.width());
  for (std::size_t item = 0; item < sums.size(); ++item) {
    const ItemRow row{sums[item], band_of(mean_price(sums[item]), side.price_limits), category_of_item[item]};
    columns.fill(row, std::span(rows).subspan(item * columns.width(), columns.width()));
    side.facts.push_back({row.sums.count(ItemCount::users), row.sums.first_time,
                          checked_cast<std::int32_t>(row.category), row.price_band});
  }
  side.columns = columns.cut(rows);
  return side;
}

}  // namespace pushcart::detail
