#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pushcart/ids/partition.hpp"
#include "pushcart/matrix/sparse_rows.hpp"
#include "pushcart/models/attribute_map.hpp"
#include "pushcart/models/factor_origin.hpp"
#include "pushcart/models/factor_table.hpp"
#include "pushcart/models/session_profile.hpp"

namespace pushcart {

/// Every family leaves this one form (design, section 3):
///
///     score(u, i) = b_i + x_u . y_i + sum over j in S_u of r_uj W_ji
///
/// and, for ratings, prediction(u, i) = mean + user_bias_u + score(u, i). Each rank holds its owned rows.
struct Model {
  std::string family;  ///< "als", "popular"
  Partition users;
  Partition items;
  std::vector<float> item_bias;  ///< owned items; empty = all zero
  FactorTable user_factors;      ///< owned users x k; empty = no factors
  FactorTable item_factors;      ///< owned items x k
  /// Where the user factors come from, by columns from left to right; empty = not known.
  std::vector<FactorOrigin> factor_origins;
  /// What each user's columns of each origin were multiplied with afterwards: owned users x origins; empty
  /// = 1.
  std::vector<float> origin_scales;
  std::optional<SparseRows> item_weights;  ///< W by rows j: owned items x items
  /// Where r_uj of the sum above comes from; nothing = the values of the user's pairs.
  std::optional<SessionProfile> session_profile;
  /// A term of the sum above that is each user's own, made of other users (user-kNN): owned users x items.
  std::optional<SparseRows> user_items;
  bool predicts_ratings = false;
  double mean = 0;               ///< ratings only
  std::vector<float> user_bias;  ///< ratings only: owned users
  /// What attributes say of the factors of those without interactions, in the basis of the factors.
  std::optional<AttributeMap> user_attribute_map, item_attribute_map;

  std::string dataset_digest;  ///< content digest of the dataset it was trained on
  std::string config;          ///< JSON: all settings of the training
  std::string history;         ///< JSON: one object a sweep
  std::string digest;          ///< content digest of its file; set by write_model and read_model
};

}  // namespace pushcart
