#include <algorithm>

#include "pushcart/topn/list_chooser.hpp"
#include "topn/mark_items.hpp"

namespace pushcart {

std::vector<SourceShare> source_shares(const Communicator& comm, const Partition& items,
                                       const TopLists& lists) {
  std::vector<SourceShare> shares;
  for (std::size_t source = 0; source < lists.source_names.size(); ++source) {
    SourceShare share{lists.source_names[source], 0, 0, 0};
    std::vector<Count> listed;
    for (std::size_t row = 0; row < lists.rows.size(); ++row) {
      const std::size_t before = listed.size();
      for (auto entry = static_cast<std::size_t>(lists.offsets[row]);
           entry < static_cast<std::size_t>(lists.offsets[row + 1]); ++entry) {
        if (lists.sources[entry] == source) listed.push_back(lists.items[entry]);
      }
      share.lists += listed.size() > before ? 1 : 0;
    }
    std::vector<std::uint8_t> marks(static_cast<std::size_t>(items.range(comm.rank()).size()), 0);
    detail::mark_items(comm, items, listed, marks);
    share.places = comm.sum(static_cast<Count>(listed.size()));
    share.lists = comm.sum(share.lists);
    share.items = comm.sum(std::count(marks.begin(), marks.end(), std::uint8_t{1}));
    shares.push_back(share);
  }
  return shares;
}

}  // namespace pushcart
