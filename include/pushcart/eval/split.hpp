#pragma once

#include <cstdint>
#include <optional>

#include "pushcart/base/memory.hpp"
#include "pushcart/eval/held_out.hpp"
#include "pushcart/matrix/cut_dataset.hpp"

namespace pushcart {

enum class SplitKind : int {
  random,     ///< each pair by itself, with probability `share`, on average if `popularity` is not 0
  last_n,     ///< the `n` latest pairs of each user who has more than n
  last_days,  ///< all pairs whose latest event is among the last `days` days of the log
  items,      ///< all pairs of each item, by itself, with probability `share`: items that training never sees
  users,      ///< all pairs of each user likewise; of either the `known` first are not tested on
  sessions    ///< the latest pair of each user whose last session has two or more
};

struct SplitConfig {
  SplitKind kind = SplitKind::random;
  double share = 0.1;      ///< random: share of the pairs held out, items, users: of these; in (0, 1)
  Count n = 1;             ///< last_n: at least 1
  std::uint64_t seed = 1;  ///< random, items, users; sessions: among pairs of the same time
  double days = 28;        ///< last_days: above 0
  /// users, items: pairs of each held out that are known when the model serves it, at least 0: the first by
  /// time (then the lower index of the other side), without times some by chance. Training sees none of them.
  Count known = 0;
  double gap_minutes = 30;  ///< sessions: a longer pause between pairs ends one; above 0
  /// random: a pair's probability is in proportion to the number of its item's users to this power, and at
  /// most 0.9; in [-4, 4]. 0 = all pairs alike; -1 = a test part that has each item as often; above 0 = one
  /// of popular items.
  double popularity = 0;
};

/// random | last-n | last-days | items | users | sessions; ConfigError with the nearest known name.
SplitKind split_kind_of(std::string_view name);
std::string_view name_of(SplitKind kind);

/// What is known of users or items held out.
struct KnownPart {
  Dataset newcomers;  ///< their known pairs alone: what fold_in() takes
  Dataset all;        ///< with the training part: what is served, and what fold_in_items() takes
};

struct Split {
  Dataset train;
  HeldOut held_out;
  std::optional<KnownPart> known;  ///< SplitKind::users or items with known > 0
};

/// Divides the pairs of a dataset. The training part keeps ids, numbering, ownership and all columns; users
/// and items may be left without pairs. Which pairs are held out depends on the external ids (random, items,
/// users) or on times (then on the lower item index in last_n), never on ranks or numbering of users. The
/// training part of last_days ends at its cut: cutoff_time is that. Collective.
/// @throws ConfigError for settings out of range, and for last_n, last_days and sessions if the dataset has
/// no times
Split hold_out(const Communicator& comm, const Dataset& dataset, const SplitConfig& config);

/// What hold_out() gives on this rank, at most. Local.
/// @param whole  of the dataset  @param known  pairs known of each user or item held out; 0 = no known part
void plan_split(MemoryPlan& plan, const DatasetSizes& whole, const SplitConfig& config, Count known);

/// The pairs of a share of the users, in (0, 1], chosen by their ids; a smaller share's users are among a
/// larger one's. Numbering and ownership stay. Collective.
Dataset of_some_users(const Communicator& comm, const Dataset& dataset, double share);
/// The held-out pairs of the same users. Local.
HeldOut of_some_users(const Dataset& dataset, const HeldOut& held_out, double share);

/// The pairs that ingest held out by a time cut. Collective; ConfigError if there are none.
HeldOut held_out_of(const Communicator& comm, const Dataset& dataset);

}  // namespace pushcart
