#pragma once

#include <span>
#include <string>
#include <vector>

#include "pushcart/base/string_table.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/factor_table.hpp"

namespace pushcart {

/// What factors are mapped from, and how.
struct AttributeConfig {
  std::vector<std::string> users, items;  ///< attribute columns of the data set; empty = no map of that side
  std::string separator = "|";            ///< between the values of a text, which may have several; not empty
  double ridge = 10;                      ///< weight of the squared map, > 0: as so many rows that say 0
};

/// A linear map from the attributes of a row to factors, as Gantner et al. (Learning attribute-to-feature
/// mappings for cold-start recommendations, ICDM 2010) fit after training, and as the regression that is the
/// prior mean in Agarwal and Chen (Regression-based latent factor models, KDD 2009):
///
///     m(a) = F_0 + sum over columns c of the mean of F_v over the values v of a in c that the map knows
///
/// A column in which a row has no known value adds nothing, so that a row without attributes has F_0, the
/// mean of the factors but for the ridge. The same on all ranks.
struct AttributeMap {
  struct Column {
    std::string name;
    StringTable values;  ///< by (rows that have it descending, bytes ascending)
  };
  std::vector<Column> columns;
  std::string separator;
  double ridge = 0;
  FactorTable
      factors;  ///< 1 + all values x k: F_0, then the values of the columns, one column after the other

  Count num_values() const;
};

/// Fits F by least squares to the factors of the rows that learned something, each row counted once:
///
///     sum over them of |m(a_u) - x_u|^2  +  ridge * sum over the values of |F_v|^2
///
/// Values that fewer than two of these rows have are not known to it. The normal equations are summed on a
/// common grid, so exactly, and solved on one rank: the same bits for any number of ranks. Without rows: all
/// zero.
/// @param attributes  of the owned rows  @param columns  names of those that count, at least one
/// @param factors     owned rows x k, k equal on all ranks
/// @param learned   by owned row: not 0 if its factors count
/// Collective. ConfigError on all ranks, with the option's name, for an unknown column, a separator or ridge
/// that makes no sense, or more than max_attribute_values values.
AttributeMap fit_attribute_map(const Communicator& comm, const std::vector<TextColumn>& attributes,
                               const std::vector<std::string>& columns, const AttributeConfig& config,
                               std::string_view option, const FactorTable& factors,
                               std::span<const char> learned);

/// The same but for F, from which it takes as much longer as a training takes: to know of errors before one.
/// Collective. ConfigError as above.
AttributeMap map_without_factors(const Communicator& comm, const std::vector<TextColumn>& attributes,
                                 const std::vector<std::string>& columns, const AttributeConfig& config,
                                 std::string_view option, std::span<const char> learned);

/// The normal equations take their square in doubles on every rank.
inline constexpr Count max_attribute_values = 2000;

/// What fit_attribute_map() and mapped_factors() hold on a rank for a map of so many values. Local.
/// @param rows  owned rows of that side
Count attribute_map_bytes(Count num_values, Count rows, Count k);

/// m of every row. Columns that `attributes` does not have are without values. Local.
/// @param rows  of the texts in `attributes`
FactorTable mapped_factors(const AttributeMap& map, const std::vector<TextColumn>& attributes, Range rows);

}  // namespace pushcart
