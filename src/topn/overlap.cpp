#include <algorithm>

#include "pushcart/base/error.hpp"
#include "pushcart/comm/exact_sum.hpp"
#include "pushcart/topn/top_items.hpp"

namespace pushcart {

double overlap(std::span<const Count> list, std::span<const Count> other) {
  if (list.empty() && other.empty()) return 1;
  std::vector<Count> items(list.begin(), list.end()), others(other.begin(), other.end()), both;
  std::sort(items.begin(), items.end());
  std::sort(others.begin(), others.end());
  std::set_intersection(items.begin(), items.end(), others.begin(), others.end(), std::back_inserter(both));
  return static_cast<double>(both.size()) / static_cast<double>(std::max(items.size(), others.size()));
}

double mean_overlap(const Communicator& comm, const TopLists& lists, const TopLists& others) {
  PUSHCART_CHECK(lists.rows == others.rows);
  std::vector<double> shares;
  for (std::size_t row = 0; row < lists.rows.size(); ++row) {
    const auto items = [row](const TopLists& of) {
      return std::span(of.items).subspan(static_cast<std::size_t>(of.offsets[row]),
                                         static_cast<std::size_t>(of.offsets[row + 1] - of.offsets[row]));
    };
    shares.push_back(overlap(items(lists), items(others)));
  }
  const Count num_lists = comm.sum(static_cast<Count>(shares.size()));
  return num_lists > 0 ? exact_sum(comm, shares, 1)[0] / static_cast<double>(num_lists) : 1;
}

}  // namespace pushcart
