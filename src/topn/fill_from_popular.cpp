#include <algorithm>
#include <cmath>

#include "pushcart/comm/collectively.hpp"
#include "pushcart/topn/top_items.hpp"
#include "topn/short_lists.hpp"

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

void take(const std::vector<ScoredItem>& chunk, detail::ShortList& list) {
  for (const ScoredItem& entry : chunk) {
    if (list.missing == 0) return;
    if (list.wants(entry.item)) list.add(entry);
  }
}

}  // namespace

void fill_from_popular(const Communicator& comm, const Model& popular, const TopRequest& request,
                       TopLists& lists, const std::string& source) {
  auto short_lists = detail::find_short_lists(request, lists);
  PopularOrder order(comm, popular, request);
  const auto is_short = [](const detail::ShortList& list) { return list.missing > 0; };
  while (comm.any(std::any_of(short_lists.begin(), short_lists.end(), is_short))) {
    const auto chunk = order.next_chunk();
    if (chunk.empty()) break;
    for (detail::ShortList& list : short_lists) take(chunk, list);
  }
  detail::append_added(lists, short_lists, source);
}

}  // namespace pushcart
