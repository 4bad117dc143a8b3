#include <array>

#include "pushcart/topn/top_lists.hpp"

namespace pushcart {

std::string reason_kind_name(ReasonKind kind) {
  constexpr std::array<const char*, num_reason_kinds> names{"item", "bias", "neighbours", "rest"};
  return names[static_cast<std::size_t>(kind)];
}

Range reasons_of(const TopLists& lists, Count entry) {
  if (!lists.reasons) return {};
  return {lists.reasons->offsets[static_cast<std::size_t>(entry)],
          lists.reasons->offsets[static_cast<std::size_t>(entry) + 1]};
}

std::vector<Count> items_that_speak_for(const TopLists& lists, Count entry) {
  std::vector<Count> items;
  const Range reasons = reasons_of(lists, entry);
  const Count itself = lists.items[static_cast<std::size_t>(entry)];
  for (auto n = static_cast<std::size_t>(reasons.begin); n < static_cast<std::size_t>(reasons.end); ++n) {
    const Count own = lists.reasons->items[n];
    if (lists.reasons->kinds[n] == ReasonKind::item && lists.reasons->contributions[n] > 0 && own != itself)
      items.push_back(own);
  }
  return items;
}

}  // namespace pushcart
