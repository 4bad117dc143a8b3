#pragma once

#include <span>
#include <string>
#include <vector>

#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart {

/// One model of a blend and what its scores are multiplied with.
struct BlendPart {
  const Model* model = nullptr;
  std::vector<float> user_weights;  ///< by owned user, >= 0
};

inline constexpr Count most_terms_of_user = 2000;

/// The weighted sum of models in the one form, so that whatever serves a model serves it:
///
///     score(u, i) = [ sum over parts p of w_p(u) score_p(u, i) ] / w_1(u)
///
/// where part 1 is the first with item weights (with none of these: without the division). A user's order is
/// that of the sum. Factors are put side by side, a part's user factors times w_p(u) / w_1(u); its item bias
/// becomes one more column. The item weights W are shared by all users, so those of further parts enter with
/// the mean over users of w_p(u) / w_1(u): exact if at most one part has item weights, or if these ratios do
/// not differ between users. Users with w_1(u) = 0 get the smallest positive w_1 of the job in its place.
///
/// Item weights by a session profile stay item weights if all parts with item weights have that profile. Beside
/// others they become a term of each user's own (user_items), the most_terms_of_user largest, which enters with
/// the user's own w_p(u) / w_1(u).
/// Collective. ConfigError on all ranks: no parts, models of ratings, no positive weight at all.
Model blend_models(const Communicator& comm, const Dataset& dataset, std::span<const BlendPart> parts);

}  // namespace pushcart
