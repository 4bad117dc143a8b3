#include "topn/short_lists.hpp"

#include <algorithm>

namespace pushcart::detail {

bool ShortList::wants(Count item) const {
  return !std::binary_search(unwanted.begin(), unwanted.end(), item);
}

void ShortList::add(const ScoredItem& entry) {
  added.push_back(entry);
  --missing;
}

std::vector<ShortList> find_short_lists(const TopRequest& request, const TopLists& lists) {
  std::vector<ShortList> result;
  for (Count row = 0; row < lists.num_rows(); ++row) {
    const auto begin = lists.offsets[static_cast<std::size_t>(row)],
               end = lists.offsets[static_cast<std::size_t>(row) + 1];
    if (end - begin >= request.n) continue;
    ShortList list{
        row, {lists.items.begin() + begin, lists.items.begin() + end}, {}, request.n - (end - begin)};
    if (row < request.excluded.num_rows()) {
      const auto excluded = request.excluded.row_columns(row);
      list.unwanted.insert(list.unwanted.end(), excluded.begin(), excluded.end());
    }
    std::sort(list.unwanted.begin(), list.unwanted.end());
    result.push_back(std::move(list));
  }
  return result;
}

void append_added(TopLists& lists, const std::vector<ShortList>& short_lists, const std::string& source) {
  TopLists result;
  result.rows = std::move(lists.rows);
  result.scoring = lists.scoring;
  result.source_names = lists.source_names;
  const auto known = std::find(result.source_names.begin(), result.source_names.end(), source);
  const auto label = static_cast<std::uint8_t>(known - result.source_names.begin());
  if (known == result.source_names.end()) result.source_names.push_back(source);
  auto next = short_lists.begin();
  for (Count row = 0; row < result.num_rows(); ++row) {
    const auto begin = lists.offsets[static_cast<std::size_t>(row)],
               end = lists.offsets[static_cast<std::size_t>(row) + 1];
    result.items.insert(result.items.end(), lists.items.begin() + begin, lists.items.begin() + end);
    result.scores.insert(result.scores.end(), lists.scores.begin() + begin, lists.scores.begin() + end);
    result.sources.insert(result.sources.end(), lists.sources.begin() + begin, lists.sources.begin() + end);
    if (next != short_lists.end() && next->row == row) {
      for (const ScoredItem& entry : next->added) {
        result.items.push_back(entry.item);
        result.scores.push_back(entry.score);
        result.sources.push_back(label);
      }
      ++next;
    }
    result.offsets.push_back(static_cast<Count>(result.items.size()));
  }
  lists = std::move(result);
}

}  // namespace pushcart::detail
