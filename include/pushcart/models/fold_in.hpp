#pragma once

#include "pushcart/base/memory.hpp"
#include "pushcart/base/phases.hpp"
#include "pushcart/matrix/cut_dataset.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart {

struct FoldInConfig {
  /// Least squares: what each pair of a newcomer counts, as a multiple of what it counts in training; > 0.
  /// More than 1 trusts a few pairs more against what the objective, or the map from attributes, expects of
  /// everybody.
  double pair_weight = 1;
};

/// A trained model for users whom it has not seen: everything of the items stays as it is, and each user gets
/// what training would give for these items, as Model::factor_origins says: for least squares the exact
/// solution of the user's own system (Hu, Koren and Volinsky 2008, eq. 4), for linear factors the sum over
/// the user's items, for ratings the regularized mean of what the item biases leave as bias. Item weights
/// need nothing but the users' histories.
///
/// A model with a map from user attributes (AlsConfig::attributes) expects of a user with attributes a_u the
/// factors m_u = m(a_u) instead of 0: the user's own system is that of x_u - m_u, with targets t - m_u . y_j,
///
///     sum over own j of w_j (x . y_j - t_j)^2
///       + alpha0 sum over all items of ((x - m_u) . y_i)^2 + rho |x - m_u|^2
///
/// so that x_u = m_u without interactions, what they say moves it from there, and m_u = 0 is the case above.
/// In Bayes' terms all that the objective says of a user without interactions, alpha0 G + rho I, is the
/// precision of a normal prior, and m_u its mean: Agarwal and Chen (Regression-based latent factor models,
/// KDD 2009) have x_u ~ N(m(a_u), ...) in place of N(0, ...) for that; alpha0 = 0 (ratings) is theirs
/// exactly. Users without attributes, or with values that training has not seen, have what the map says of
/// the rest.
///
/// @param trained_on  what the model learned from
/// @param newcomers   as newcomers_among(..., trained_on) gives them; the result is a model of this
/// The same bits for any number of ranks. Collective. ConfigError on all ranks: a blend, a model with terms
/// made of other users (userknn), factors of unknown origin, a pair_weight out of range. NumericError: a
/// system has no solution.
Model fold_in(const Communicator& comm, const Model& model, const Dataset& trained_on,
              const Dataset& newcomers, PhaseLog& phases, const FoldInConfig& config = {});

/// The same for items: a model of least squares gets factors for the items that have pairs in `grown` and
/// none in `trained_on`, the exact solution of each item's own system with the factors of all users as they
/// are,
///
///     sum over own u of w_u (x_u . y - t_u)^2
///       + alpha0 sum over all users (x_u . (y - m_i))^2 + rho |y - m_i|^2
///
/// with m_i = m(a_i) by the model's map from item attributes, 0 without one; ratings get their regularized
/// mean beside the user biases as bias. New items without pairs have m_i. Users and all other items keep
/// their bits.
/// @param trained_on  what the model learned from
/// @param grown       its users, and its items in its order, perhaps with more behind them
///                    (with_new_items); the result is a model of this
/// The same bits for any number of ranks. Collective. ConfigError on all ranks: a model of something else
/// than factors of least squares, a pair_weight out of range. NumericError: a system has no solution.
Model fold_in_items(const Communicator& comm, const Model& model, const Dataset& trained_on,
                    const Dataset& grown, PhaseLog& phases, const FoldInConfig& config = {});

/// ConfigError on all ranks for a model or settings that fold_in_items() refuses. Collective.
void check_takes_new_items(const Communicator& comm, const Model& model, const FoldInConfig& config);

/// What fold_in_items() holds on this rank beside its arguments, at most, its result too. Local.
/// @param grown  sizes of the data set  @param num_users  of all ranks
void plan_fold_in_items(MemoryPlan& plan, const Model& model, const DatasetSizes& grown, Count num_users);

}  // namespace pushcart
