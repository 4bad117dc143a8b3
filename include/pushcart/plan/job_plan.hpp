#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pushcart/base/memory.hpp"
#include "pushcart/comm/memory_budget.hpp"
#include "pushcart/ingest/ingest_config.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/als_plan.hpp"
#include "pushcart/models/content.hpp"
#include "pushcart/models/linear_plan.hpp"
#include "pushcart/models/sessions.hpp"
#include "pushcart/models/user_knn.hpp"
#include "pushcart/plan/assumed_data.hpp"
#include "pushcart/plan/rates.hpp"

namespace pushcart {

/// The family of models that a job trains. All but als are planned for a data set that is there.
enum class PlannedFamily : int { als, itemknn, rp3beta, userknn, ease, spectral, popular, sessions, content };
PlannedFamily planned_family_of(std::string_view name);  ///< ConfigError
std::string_view planned_family_name(PlannedFamily family);

/// What a rank of ingest reads, owns and receives.
struct CountedIngest {
  Count read_rows = 0;       ///< of its share of the log
  Count owned_rows = 0;      ///< events of its users that were kept
  Count owned_ids = 0;       ///< of users and items, before any of them was left out
  Count received_bytes = 0;  ///< in the whole phase
};

/// What a rank of features holds and receives.
struct CountedFeatures {
  std::vector<AnnouncedMemory> steps;  ///< reading the log, and making them of it
  DatasetSizes kept_of_dataset;        ///< while it does
  Count received_bytes = 0;            ///< until they are written
};

/// A job that is planned: ingest, `train`, `recommend` and, of factors on what ingest held out, `evaluate` on
/// so many ranks, of OpenMP's threads here.
struct PlannedJob {
  int num_ranks = 1;
  PlannedNodes nodes;
  PlannedFamily family = PlannedFamily::als;
  AlsConfig als;
  SimilarityConfig item_knn;                      ///< of itemknn and rp3beta; of userknn between users
  Count kept_items = UserKnnConfig{}.kept_items;  ///< of userknn
  EaseConfig ease;                                ///< without a tail
  SpectralConfig spectral;
  SessionsConfig sessions;
  ContentConfig content;
  std::optional<SimilarityMetric> similar_by;     ///< `similar --metric` too
  Count n = 20;                                   ///< places of a list
  Count log_lines = 0;                            ///< that ingest reads; 0 = not known: ingest is not planned
  double kept_share = 1;                          ///< of them, that cleaning keeps
  IngestConfig ingest;                            ///< how they are read
  std::vector<CountedIngest> counted_ingest;      ///< by rank, of the log itself; empty = it is estimated
  std::vector<CountedFeatures> counted_features;  ///< by rank; empty = they are not planned
  Count compressed_files = 0;  ///< that these lines are in, each read by one rank; 0 = plain text, cut evenly
  Count program_bytes = 0;     ///< that a rank holds before it has read anything
};

/// A phase on one rank.
struct RankPhase {
  MemoryPlan memory;         ///< of what a node's ranks share, its share
  Count resident_bytes = 0;  ///< peak memory as the system counts it: all that is shared counts on each rank
  Count received_bytes = 0;  ///< in the whole phase
};

/// Whether bytes are those that will be counted.
enum class Exactness : int { exact, estimate };

struct PhasePlan {
  std::string name;
  std::vector<RankPhase> ranks;
  std::vector<AnnouncedMemory> steps;  ///< what it will say of memory, step by step, where that is known
  Exactness bytes = Exactness::exact;
  double work_seconds = 0;  ///< of the rank with most of it
  double transfer_seconds =
      0;  ///< into the node that receives most; hidden behind the work as far as that goes

  double seconds() const { return std::max(work_seconds, transfer_seconds); }
  Count peak_bytes() const;      ///< of the fullest rank
  Count received_bytes() const;  ///< by all ranks
};

struct JobPlan {
  std::vector<PhasePlan> phases;
  ExchangeMethod exchange = ExchangeMethod::sparse;
  Count num_heavy_rows = 0, num_lent_rows = 0;
  double work_balance = 1;  ///< solving work of the busiest rank over the mean

  double seconds() const;
  Count peak_bytes() const;  ///< of the fullest rank in the fullest phase
  /// Memory of the ranks of the fullest node together in the fullest phase, what they share counted once.
  Count node_bytes(const PlannedNodes& nodes) const;
};

/// Of a data set that is there, as one rank holds it. Collective over a communicator of one rank; ConfigError
/// as the trainings.
JobPlan plan_job(const Communicator& alone, const Dataset& whole, const PlannedJob& job, const Rates& rates);
/// Of one that is known by its counts. Local; ConfigError, also for what is planned for a data set only.
JobPlan plan_job(const AssumedData& data, const PlannedJob& job, const Rates& rates);

}  // namespace pushcart
