#pragma once

#include <vector>

#include "pushcart/base/phases.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/factor_table.hpp"
#include "pushcart/models/singular_vectors_config.hpp"
#include "pushcart/models/term_config.hpp"

namespace pushcart {

/// Dense vectors of items by their texts (latent semantic analysis: Deerwester et al., JASIS 1990). With T_i
/// the vectors of TermConfig in all fields, each times the square root of its share of all weights, beside
/// each other, and T = U S V' cut to its D largest singular values, the vector of an item is T_i V = U_i S.
/// Of each column the entry of the largest magnitude, the first item's of equals, is above 0.
struct TextVectorsConfig {
  TermConfig terms{.fields = {{TextKind::words, "name"}, {TextKind::ngrams, "name"}}, .idf_exponent = 1};
  Count dimensions = 64;  ///< D, >= 1; columns beyond the rank of T are 0
  SingularVectorsConfig svd{};
};

/// ConfigError, naming the option, for settings that make no sense. Local.
void check_config(const TextVectorsConfig& config);

struct TextVectors {
  FactorTable vectors;             ///< owned items x D; zeros for items without terms
  std::vector<double> kept_share;  ///< by owned item: |U_i S|^2 / |T_i|^2, in [0, 1]; NaN without terms

  Count num_terms = 0, num_entries = 0;  ///< of T; from here on the same on all ranks
  Count num_items_without = 0;           ///< terms
  std::vector<double> singular_values;   ///< descending, at most D
  double kept_share_of_all = 0;          ///< of the sum of squares of T
  int rounds = 0;
};

/// Without any term that counts all vectors are 0. The same bits for any number of ranks and threads.
/// Collective. ConfigError: settings, unknown columns, over budget.
TextVectors text_vectors(const Communicator& comm, const Dataset& dataset, const TextVectorsConfig& config,
                         PhaseLog& phases);

}  // namespace pushcart
