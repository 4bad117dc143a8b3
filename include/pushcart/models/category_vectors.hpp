#pragma once

#include <string>
#include <vector>

#include "pushcart/base/phases.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/factor_table.hpp"
#include "pushcart/models/singular_vectors_config.hpp"

namespace pushcart {

/// Dense vectors of categories by the users who have events on them: latent semantic analysis (Deerwester et
/// al., JASIS 1990) of users as texts whose words are the categories of their events. With n_uc the events of
/// user u on items of category c, and u_c the users of the U who have any, m_uc is in proportion to
/// n_uc^0.5 ln((2 + U) / (1 + u_c)), each user's row of length 1 or without entries; with M = X S Y' cut to
/// its D largest singular values, the vector of c is the row Y_c S^0.5, scaled to length 1 (for the root of S
/// see Levy, Goldberg and Dagan, TACL 2015). That of an item is the mean over its categories, each weighted
/// by ln((2 + N) / (1 + N_c))^2, N_c of the N items being in c. Of each column of Y S^0.5 the entry of the
/// largest magnitude, that of the first category of equals, is above 0.
struct CategoryVectorsConfig {
  std::string attribute = "category";  ///< of the items
  std::string separator = "|";         ///< between the categories of an item; not empty
  Count dimensions = 64;               ///< D, in [1, 4096]; columns beyond the rank of M are 0
  SingularVectorsConfig svd{};         ///< categories of which less than the tolerance is kept have no vector
};

/// ConfigError, naming the option, for settings that make no sense. Local.
void check_config(const CategoryVectorsConfig& config);

/// Who had what: events of users on items of each text of the attribute.
struct CategoryEvents {
  const SparseRows& by_user;    ///< owned users x texts: events, > 0
  const Partition& categories;  ///< of the texts
  const StringTable& names;     ///< of the owned texts
};

struct CategoryVectors {
  FactorTable vectors;          ///< owned items x D; NaN for items none of whose categories has a vector
  Count num_categories = 0;     ///< those of all items; from here on the same on all ranks
  Count num_entries = 0;        ///< of M; 0 = no item has a vector
  Count num_items_without = 0;  ///< a vector
  std::vector<double> singular_values;  ///< descending, at most D
  double kept_share = 0;                ///< of the sum of squares of M
  int rounds = 0;
};

/// The same bits for any number of ranks and threads. Collective. ConfigError: settings, an unknown
/// attribute, over budget.
/// @param dataset  its ids and item attributes
CategoryVectors category_vectors(const Communicator& comm, const Dataset& dataset,
                                 const CategoryEvents& events, const CategoryVectorsConfig& config,
                                 PhaseLog& phases);

}  // namespace pushcart
