#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "pushcart/base/phases.hpp"
#include "pushcart/checkpoint/row_lists.hpp"
#include "pushcart/checkpoint/step_checkpoints.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/item_knn.hpp"
#include "pushcart/models/model.hpp"
#include "pushcart/models/term_config.hpp"

namespace pushcart {

/// A set of the dataset's item vectors that items are compared by.
struct ContentVectors {
  std::string name;
  double weight = 1;  ///< >= 0
};

/// An item is a vector of unit length in each field and each set (or of zeros where it has nothing). A
/// field's is that of TermConfig. With shares s_f = weight / sum of all weights, and T the texts' vectors,
/// each times sqrt(s_f), beside each other,
///
///     score(u, i) = sum_j r_uj ( c [T_j . T_i]^p cut to K best + w z_j . z_i + sum over sets of s v_j . v_i
///     )
///
/// where z_i is row i of U S^q, T = U S V' cut to its k largest singular values, scaled to the length of T_i.
/// The first term makes the item weights, the others the factors.
struct ContentConfig : TermConfig {
  std::vector<ContentVectors> vectors;  ///< `fields` and these empty = the words of names, every attribute as
                                        ///< tags, every set: all of weight 1

  Count neighbours = 1000;  ///< K, >= 0; 0 = no item weights
  KeptLists kept = KeptLists::of_candidates;
  double sparse_weight = 1;     ///< c, >= 0
  double similarity_power = 1;  ///< p, > 0

  Count k = 256;                  ///< singular vectors, >= 0; at most as many as there are items and terms
  double low_rank_weight = 0.14;  ///< w, >= 0
  double spectrum_power = 1;      ///< q, >= 0
  double tolerance = 1e-3;        ///< of the singular vectors, as in SpectralConfig
  int max_rounds = 30;
  std::uint64_t seed = 1;

  /// What of a user counts: r_uj = strengths of these event types, halved by every so many days before the
  /// cut-off. The item weights know only the dataset's own strengths, so either needs `neighbours` 0.
  std::map<std::string, double> event_weights;
  double half_life_days = 0;  ///< 0 = no decay

  Count block_columns = 1 << 16;       ///< as in SimilarityConfig
  Count batch_bytes = Count{1} << 28;  ///< rows of other ranks on a rank at once
  Count memory_budget_bytes = 0;       ///< a rank's budget (--memory-per-rank); 0 = none
};

struct ContentReport {
  Count num_terms = 0;                  ///< compared by
  Count num_entries = 0;                ///< of items and terms
  Count num_items_without = 0;          ///< neither text nor vector: no list can hold them
  std::vector<double> singular_values;  ///< of T, descending
  double kept_share = 0;                ///< of the sum of squares of T, by the k singular vectors
  int rounds = 0, products = 0;         ///< of the iteration to the singular vectors
  Count received_bytes = 0;             ///< by this rank from others: terms, lists, rows of tables; no sums
  SimilarityReport similarity;          ///< of this rank
};

/// Where its two long parts keep what they have; nullptr = nowhere.
struct ContentCheckpoints {
  RowCheckpoints* weights = nullptr;
  StepCheckpoints* vectors = nullptr;  ///< by rounds
};

struct ContentResult {
  Model model;
  ContentReport report;
};

/// Items like those of the history by what they are: items nobody had yet are scored like all others. The
/// same bits for any number of ranks and threads. Collective. ConfigError: settings, unknown columns, sets or
/// event types, nothing to compare by, over budget.
ContentResult train_content(const Communicator& comm, const Dataset& train, const ContentConfig& config,
                            PhaseLog& phases, const ContentCheckpoints& checkpoints = {});

}  // namespace pushcart
