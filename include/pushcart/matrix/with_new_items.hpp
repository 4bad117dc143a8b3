#pragma once

#include "pushcart/base/memory.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/matrix/cut_dataset.hpp"

namespace pushcart {

/// What became of a log's items and pairs, over all ranks.
struct NewItemsReport {
  Count num_new_items = 0;      ///< that the other data set did not have
  Count num_pairs = 0;          ///< of known users: kept
  Count num_new_pairs = 0;      ///< of these, with an item that nobody had in the other data set
  Count num_unknown_pairs = 0;  ///< left out: of users that the other data set does not have
};

/// `known` with the pairs that its users have in `log`: what was learned of its users can then be used for
/// items that came later. Users and known items keep their indices, new items come behind them, by id bytes,
/// with their names and the attributes that `log` has of them; the cuts of the items over the ranks change. A
/// pair of both: strengths of an event type add up as they are, also where the two were ingested with other
/// half-lives, caps or cut-offs; of ratings the later one stays, of each event type and of the pair (without
/// times that of the log). Nothing is held out. Collective. ConfigError on all ranks if one has ratings and
/// the other has strengths, or one has times and the other has none.
Dataset with_new_items(const Communicator& comm, Dataset known, const Dataset& log,
                       NewItemsReport* report = nullptr);

/// What with_new_items() holds on this rank beside `log` and a `known` that the caller keeps, if all users of
/// the log are known and ranks get like numbers of its pairs and new items. Collective.
/// @return the sizes of the result
DatasetSizes plan_new_items(MemoryPlan& plan, const Communicator& comm, const Dataset& known,
                            const Dataset& log);

}  // namespace pushcart
