#include <algorithm>
#include <cmath>

#include "pushcart/comm/collectively.hpp"
#include "pushcart/topn/top_items.hpp"
#include "topn/top_buffer.hpp"

namespace pushcart {

namespace {

using detail::ScoredItem;

/// The catalogue's allowed items by popularity, a chunk at a time, on every rank.
class PopularOrder {
 public:
  static constexpr Count chunk_items = 512;

  /// Collective.
  PopularOrder(const Communicator& comm, const Model& popular, const TopRequest& request) : comm_(comm) {
    collectively(comm, "sort items by popularity", [&] { sort_owned(popular, request); });
  }
  /// The next best items of the whole catalogue; empty at its end. Collective.
  std::vector<ScoredItem> next_chunk() {
    const std::size_t rest = std::min<std::size_t>(owned_.size() - used_, chunk_items);
    auto best = comm_.allgather(std::span<const ScoredItem>(owned_).subspan(used_, rest)).data;
    std::sort(best.begin(), best.end(), detail::ranks_before);
    if (best.size() > chunk_items) best.resize(chunk_items);
    for (const ScoredItem& entry : best) used_ += range_.contains(entry.item) ? 1 : 0;
    return best;
  }

 private:
  void sort_owned(const Model& popular, const TopRequest& request) {
    range_ = popular.items.range(comm_.rank());
    for (Count row = 0; row < range_.size(); ++row) {
      const auto position = static_cast<std::size_t>(row);
      if (!request.item_allowed.empty() && !request.item_allowed[position]) continue;
      const float score = popular.item_bias.empty() ? 0.0F : popular.item_bias[position];
      if (std::isnan(score))
        throw NumericError("the popularity of an item is not a number; train the popular model again");
      owned_.push_back({range_.begin + row, score});
    }
    std::sort(owned_.begin(), owned_.end(), detail::ranks_before);
  }

  const Communicator& comm_;
  Range range_;
  std::vector<ScoredItem> owned_;
  std::size_t used_ = 0;
};

/// A list that is being filled.
struct ShortList {
  Count row = 0;                ///< position in the lists
  std::vector<Count> unwanted;  ///< excluded or there already, ascending
  std::vector<ScoredItem> added;
  Count missing = 0;
};

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

void take(const std::vector<ScoredItem>& chunk, ShortList& list) {
  for (const ScoredItem& entry : chunk) {
    if (list.missing == 0) return;
    if (std::binary_search(list.unwanted.begin(), list.unwanted.end(), entry.item)) continue;
    list.added.push_back(entry);
    --list.missing;
  }
}

TopLists with_added(const TopLists& lists, const std::vector<ShortList>& short_lists,
                    const std::string& source) {
  TopLists result;
  result.rows = lists.rows;
  result.source_names = lists.source_names;
  const auto known = std::find(result.source_names.begin(), result.source_names.end(), source);
  const auto label = static_cast<std::uint8_t>(known - result.source_names.begin());
  if (known == result.source_names.end()) result.source_names.push_back(source);
  auto next = short_lists.begin();
  for (Count row = 0; row < lists.num_rows(); ++row) {
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
  return result;
}

}  // namespace

void fill_from_popular(const Communicator& comm, const Model& popular, const TopRequest& request,
                       TopLists& lists, const std::string& source) {
  std::vector<ShortList> short_lists = find_short_lists(request, lists);
  PopularOrder order(comm, popular, request);
  const auto is_short = [](const ShortList& list) { return list.missing > 0; };
  while (comm.any(std::any_of(short_lists.begin(), short_lists.end(), is_short))) {
    const auto chunk = order.next_chunk();
    if (chunk.empty()) break;
    for (ShortList& list : short_lists) take(chunk, list);
  }
  lists = with_added(lists, short_lists, source);
}

}  // namespace pushcart
