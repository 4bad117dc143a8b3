#include "pushcart/base/days.hpp"
#include "pushcart/base/error.hpp"
#include "pushcart/topn/filters.hpp"
#include "topn/mark_items.hpp"

namespace pushcart {

std::vector<std::uint8_t> items_without_pairs(const Dataset& dataset) {
  std::vector<std::uint8_t> without;
  for (Count item = 0; item < dataset.by_item.num_rows(); ++item) {
    without.push_back(dataset.by_item.row_length(item) == 0 ? 1 : 0);
  }
  return without;
}

std::vector<std::uint8_t> new_items(const Communicator& comm, const Dataset& dataset, double days) {
  if (days <= 0) return items_without_pairs(dataset);
  if (dataset.cutoff_time == 0) throw ConfigError("--new-days: the dataset has no times");
  std::vector<Count> not_new;
  for (std::size_t entry = 0; entry < dataset.by_user.columns.size(); ++entry) {
    const auto age = static_cast<double>(dataset.cutoff_time - dataset.last_time[entry]);
    if (age > days * static_cast<double>(day_seconds)) not_new.push_back(dataset.by_user.columns[entry]);
  }
  std::vector<std::uint8_t> marks(static_cast<std::size_t>(dataset.by_item.num_rows()), 0);
  detail::mark_items(comm, dataset.items, not_new, marks);
  for (std::uint8_t& mark : marks) mark = mark ? 0 : 1;
  return marks;
}

}  // namespace pushcart
