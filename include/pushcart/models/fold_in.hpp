#pragma once

#include "pushcart/base/phases.hpp"
#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart {

/// A trained model for users whom it has not seen: everything of the items stays as it is, and each user gets
/// what training would give for these items, as Model::factor_origins says: for least squares the exact
/// solution of the user's own system (Hu, Koren and Volinsky 2008, eq. 4), for linear factors the sum over
/// the user's items, for ratings the regularized mean of what the item biases leave as bias. Item weights
/// need nothing but the users' histories.
///
/// @param trained_on  what the model learned from
/// @param newcomers   as newcomers_among(..., trained_on) gives them; the result is a model of this
/// Factors of least squares come in the eigenbasis of the items' Gram matrix, those of users and items alike.
/// The same bits for any number of ranks. Collective. ConfigError on all ranks: a blend, a model with terms
/// made of other users (userknn), factors of unknown origin. NumericError: a system has no solution.
Model fold_in(const Communicator& comm, const Model& model, const Dataset& trained_on,
              const Dataset& newcomers, PhaseLog& phases);

}  // namespace pushcart
