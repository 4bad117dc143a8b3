#pragma once

#include "pushcart/topn/top_items.hpp"

namespace pushcart::detail {

/// The part of a request for some of its users: `rows` are positions in its list. Local.
TopRequest part_of(const TopRequest& request, Range rows);
/// The same for positions one by one, ascending. Local.
TopRequest part_of(const TopRequest& request, const std::vector<Count>& rows);

/// Puts `more` behind `lists`, without its sources. Local.
void append(TopLists& lists, const TopLists& more);
void add(ScoringReport& scoring, const ScoringReport& more);

}  // namespace pushcart::detail
