#include <algorithm>

#include "pushcart/topn/top_items.hpp"
#include "topn/short_lists.hpp"

namespace pushcart {

namespace {

/// What the users of the short lists still want.
TopRequest request_of(const std::vector<detail::ShortList>& short_lists, const TopRequest& request,
                      const TopLists& lists) {
  TopRequest part;
  part.n = request.n;
  part.item_allowed = request.item_allowed;
  for (const detail::ShortList& list : short_lists) {
    part.users.push_back(lists.rows[static_cast<std::size_t>(list.row)]);
    part.excluded.columns.insert(part.excluded.columns.end(), list.unwanted.begin(), list.unwanted.end());
    part.excluded.offsets.push_back(part.excluded.num_entries());
  }
  part.excluded.rows = {0, static_cast<Count>(short_lists.size())};
  part.excluded.values.assign(part.excluded.columns.size(), 1.0F);
  return part;
}

}  // namespace

void fill_from_model(const Communicator& comm, const Model& model, const Dataset& dataset,
                     const TopRequest& request, TopLists& lists, const std::string& source, Count min_pairs,
                     PhaseLog& phases) {
  auto short_lists = detail::find_short_lists(request, lists);
  std::erase_if(short_lists, [&](const detail::ShortList& list) {
    const Count user = lists.rows[static_cast<std::size_t>(list.row)];
    return user < 0 || dataset.by_user.row_length(user - dataset.by_user.rows.begin) < min_pairs;
  });
  TopRequest part = request_of(short_lists, request, lists);
  part.excluded.num_columns = dataset.num_items();
  const TopLists best = top_items(comm, model, dataset, part, phases);
  for (std::size_t r = 0; r < short_lists.size(); ++r) {
    for (Count entry = best.offsets[r]; entry < best.offsets[r + 1] && short_lists[r].missing > 0; ++entry) {
      const detail::ScoredItem found{best.items[static_cast<std::size_t>(entry)],
                                     best.scores[static_cast<std::size_t>(entry)]};
      if (found.score > 0) short_lists[r].add(found);
    }
  }
  detail::append_added(lists, short_lists, source);
}

}  // namespace pushcart
