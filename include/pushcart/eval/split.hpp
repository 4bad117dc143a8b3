#pragma once

#include <cstdint>

#include "pushcart/eval/held_out.hpp"

namespace pushcart {

enum class SplitKind : int {
  random,  ///< each pair by itself, with probability `share`
  last_n   ///< the `n` latest pairs of each user who has more than n
};

struct SplitConfig {
  SplitKind kind = SplitKind::random;
  double share = 0.1;      ///< random: share of the pairs held out, in (0, 1)
  Count n = 1;             ///< last_n: at least 1
  std::uint64_t seed = 1;  ///< random
};

SplitKind split_kind_of(std::string_view name);  ///< random | last-n; ConfigError with the nearest known name

struct Split {
  Dataset train;
  HeldOut held_out;
};

/// Divides the pairs of a dataset. The training part keeps ids, numbering, ownership and all columns; users
/// and items may be left without pairs. Which pairs are held out depends on the external ids (random) or on
/// times, then on the lower item index (last_n), never on ranks or numbering of users. Collective.
/// @throws ConfigError for settings out of range, and for last_n if the dataset has no times
Split hold_out(const Communicator& comm, const Dataset& dataset, const SplitConfig& config);

/// The pairs of a share of the users, in (0, 1], chosen by their ids; a smaller share's users are among a
/// larger one's. Numbering and ownership stay. Collective.
Dataset of_some_users(const Communicator& comm, const Dataset& dataset, double share);
/// The held-out pairs of the same users. Local.
HeldOut of_some_users(const Dataset& dataset, const HeldOut& held_out, double share);

/// The pairs that ingest held out by a time cut. Collective; ConfigError if there are none.
HeldOut held_out_of(const Communicator& comm, const Dataset& dataset);

}  // namespace pushcart
