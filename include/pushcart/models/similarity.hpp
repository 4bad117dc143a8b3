#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pushcart/base/phases.hpp"
#include "pushcart/checkpoint/row_lists.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart {

/// How alike two rows of a matrix V are (items by their users, or users by their items); P is the sum of
/// v_ju v_iu over u, c the number of u that both have, n_j the number that row j has, N the number of all u.
/// Where a metric is a cosine, the norms are |v_j|^(2a) |v_i|^(2(1-a)) with a = `exponent` (Aiolli 2013), j
/// the side one comes from: those of the cosine proper for a = 0.5.
enum class SimilarityMetric : int {
  cosine,    ///< P / (|v_j| |v_i|)
  jaccard,   ///< c / (n_j + n_i - c)
  tanimoto,  ///< P / (|v_j|^2 + |v_i|^2 - P), on values
  tfidf,     ///< cosine of sqrt(v) ln((1 + M) / (1 + n_u)), M the number of rows, n_u those that have u
  bm25,  ///< cosine of v (k1 + 1) / (v + k1 (1 - b + b s_j / mean s)) times the ln of tfidf; s_j = sum of v_j
  llr,   ///< Dunning's (1993) log-likelihood ratio G^2 of the 2 x 2 table, where c > n_j n_i / N
  adjusted,  ///< ratings: cosine of v_iu - mean of user u; not rated = 0 after centring
  pearson,   ///< ratings: cosine of v_iu - mean of item i; not rated = 0 after centring
  rp3beta    ///< sum over u of (v_ju / s_j)^alpha (v_iu / s_u)^alpha / n_i^beta (Paudel et al. 2017)
};
SimilarityMetric similarity_metric_of(std::string_view name);  ///< ConfigError with the nearest known name
std::string_view similarity_metric_name(SimilarityMetric metric);

/// What v is for the metrics that do not say it.
enum class SimilarityValues : int {
  binary,  ///< 1 for every pair
  as_is    ///< "values": strengths or ratings
};
SimilarityValues similarity_values_of(std::string_view name);  ///< ConfigError with the nearest known name
std::string_view similarity_values_name(SimilarityValues values);

/// Which side of the pairs the rows are; the columns are the other.
enum class RowSide : int {
  from,  ///< rows by from_events: for each j its best i
  to     ///< rows by to_events: for each i its best j, by the same scores
};

/// Whether lists say how many u both have, and how many each has.
enum class SupportColumn : int { none, wanted };

struct SimilarityConfig {
  SimilarityMetric metric = SimilarityMetric::cosine;
  SimilarityValues values = SimilarityValues::binary;
  Count k = 100;          ///< best of each row that are kept, in [1, number of columns]
  double shrinkage = 0;   ///< scores are multiplied by c / (c + shrinkage), >= 0
  Count min_support = 1;  ///< pairs with a smaller c have no score, >= 1
  double exponent = 0.5;  ///< cosines: a, in [0, 1]
  double alpha = 1;       ///< rp3beta, >= 0
  double beta = 0.3;      ///< rp3beta, >= 0
  double bm25_k1 = 1.2;   ///< >= 0
  double bm25_b = 0.75;   ///< in [0, 1]

  /// Cross-occurrence: rows by pairs that have one of `from_events`, columns by those that have one of
  /// `to_events`; empty = all pairs. With a window, only u whose latest event on the column comes after that
  /// on the row by at most so many days count (either order if the events are the same); 0 = any time.
  std::vector<std::string> from_events{}, to_events{};
  double window_days = 0;
  /// Values from event types, each with its weight; empty = the dataset's own.
  std::map<std::string, double> event_weights{};

  RowSide row_side = RowSide::from;
  SupportColumn support = SupportColumn::none;

  Count block_columns = 1 << 16;  ///< columns of a travelling block, in [1, 65536]; never changes bits
  Count memory_budget_bytes = 0;  ///< a rank's budget (--memory-per-rank); 0 = none
};

/// The best columns of every owned row: entries [offsets[r], offsets[r+1]), score descending, then column
/// ascending. Scores are above 0; a row is never its own neighbour.
struct Neighbours {
  Range rows;
  Count num_columns = 0;
  std::vector<Count> offsets{0};
  std::vector<Count> columns;
  std::vector<float> scores;
  std::vector<Count> support;       ///< c of each entry, where wanted; and with it:
  std::vector<Count> row_sizes;     ///< n_j of each row
  std::vector<Count> column_sizes;  ///< n_i of each entry
  Count num_inner = 0;              ///< N
};

/// What the engine did on this rank.
struct SimilarityReport {
  Count multiply_adds = 0;  ///< pairs (j, u, i) that a product of sparse rows visits
  Count sliced = 0;         ///< those of them counted in bit slices, many at once
  Count skipped = 0;        ///< those of them that bounds left out
  Count scored = 0;         ///< scores computed
  Count received_bytes = 0;  ///< from other ranks, once there is a product: rows lent, blocks of columns, lists
  double seconds = 0;
};

/// Neighbours of items by their users, or of users by their items; or of queries the items whose users searched
/// them: n_j is then the number of users of a query, a window runs from a user's latest such search to the latest
/// of `to_events`, the metric is cosine, jaccard or llr, values are binary. Ranks share the rows out by
/// what their search costs; blocks of columns go round the ranks while the last ones are worked on. A rank holds its
/// rows, those that it searches, blocks in, out and merged, and k results a row. Bits do not depend on ranks, threads or block_columns. Collective. ConfigError:
/// settings that make no sense, with the option, queries without searches; InputError: metrics of ratings on strengths.
/// @param checkpoints  the work is done in batches of rows, and what an earlier run has done is not done again;
///                     without support columns only
Neighbours nearest_items(const Communicator& comm, const Dataset& dataset, const SimilarityConfig& config,
                         PhaseLog& phases, SimilarityReport* report = nullptr,
                         RowCheckpoints* checkpoints = nullptr);
Neighbours nearest_users(const Communicator& comm, const Dataset& dataset, const SimilarityConfig& config,
                         PhaseLog& phases, SimilarityReport* report = nullptr,
                         RowCheckpoints* checkpoints = nullptr);
Neighbours items_of_queries(const Communicator& comm, const Dataset& dataset, const SimilarityConfig& config,
                            PhaseLog& phases, SimilarityReport* report = nullptr,
                            RowCheckpoints* checkpoints = nullptr);

}  // namespace pushcart
