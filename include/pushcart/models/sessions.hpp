#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "pushcart/base/phases.hpp"
#include "pushcart/checkpoint/row_lists.hpp"
#include "pushcart/models/item_knn.hpp"
#include "pushcart/models/session_profile.hpp"

namespace pushcart {

/// Named settings of SessionWeighting.
enum class SessionPreset : int {
  markov,  ///< order-1 transitions: what came next, as a share of the visits before it
  knn      ///< co-occurrence, any distance, both ways, cosine
};
SessionPreset session_preset_of(std::string_view name);  ///< ConfigError with the nearest known name
std::string_view session_preset_name(SessionPreset preset);

/// Item-to-item weights from what was in a session with what:
///
///     W_ji = sum over sessions s with both of 2^(-age_s/half-life) v_js v_is g(d)
///            / (n_j^from_exponent n_i^to_exponent),   n_j = sum over s of 2^(-age_s/half-life) v_js^2
///
/// cut to the best. g(d) = step_decay^(max(|d|, 1) - 1), times `backward` for d < 0, and 0 beyond max_steps;
/// d is the number of different times from j to i, 0 at the same one and below 0 if i came first.
///
/// A session is a run of a user's events without a pause of more than the gap. An item is in it once, at the
/// last time there; v_js is the largest weight of its event types there (1 without event_weights), age_s the
/// time from the session's last event to the cut-off. Events are what a data set keeps of them: the last one
/// of each pair and type.
struct SessionsConfig {
  SessionPreset preset = SessionPreset::knn;
  std::optional<double> step_decay, backward;        ///< in [0, 1]; 0^0 = 1
  std::optional<double> from_exponent, to_exponent;  ///< in [0, 2]
  Count max_steps = 50;                              ///< >= 1
  Count neighbours = 200;                            ///< kept of each item, >= 1
  KeptLists kept = KeptLists::of_history;
  double half_life_days = 0;                    ///< >= 0; 0 = sessions of any age count alike
  std::map<std::string, double> event_weights;  ///< types that count; empty = all, 1 each
  SessionProfile profile;                       ///< its gap is that of the sessions, too

  Count block_columns = 1 << 16;  ///< as in SimilarityConfig
  Count memory_budget_bytes = 0;
};

struct SessionsReport {
  Count num_sessions = 0;     ///< over all ranks
  Count num_visits = 0;       ///< items in them
  Count num_transitions = 0;  ///< pairs (j, i) in them that W is summed from
  Count num_entries = 0;      ///< of the tables that it is the product of: by moment, what was there and near
  Count received_bytes = 0;     ///< by this rank from others, in all
  SimilarityReport similarity;  ///< of this rank
};

/// What comes next in a session: item weights as above, and a session profile, so that a user's current
/// session speaks. The same bits for any number of ranks and threads. Collective. ConfigError: settings that
/// make no sense, with the option; a data set without times; no two items in any session.
/// @param checkpoints  as for nearest_items
Model train_sessions(const Communicator& comm, const Dataset& dataset, const SessionsConfig& config,
                     PhaseLog& phases, SessionsReport* report = nullptr,
                     RowCheckpoints* checkpoints = nullptr);

}  // namespace pushcart
