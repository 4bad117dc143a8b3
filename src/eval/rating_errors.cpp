#include "eval/rating_errors.hpp"

#include <cmath>

#include "pushcart/topn/pair_scores.hpp"

namespace pushcart::detail {

void add_rating_errors(const Communicator& comm, const Model& model, const Dataset& train,
                       const HeldOut& held_out, std::span<const Count> users, const Columns& columns,
                       std::size_t side, UserTable& table) {
  const auto scores = pair_scores(comm, model, train, held_out.by_user);
  const SparseRows& pairs = held_out.by_user;
  for (std::size_t u = 0; u < users.size(); ++u) {
    const Count row = users[u] - pairs.rows.begin;
    const double user_bias =
        model.user_bias.empty() ? 0.0 : static_cast<double>(model.user_bias[static_cast<std::size_t>(row)]);
    for (Count e = pairs.offsets[static_cast<std::size_t>(row)];
         e < pairs.offsets[static_cast<std::size_t>(row) + 1]; ++e) {
      const double prediction =
          model.mean + user_bias + static_cast<double>(scores[static_cast<std::size_t>(e)]);
      const double error = prediction - static_cast<double>(pairs.values[static_cast<std::size_t>(e)]);
      table.at(u, columns.squared_error(side)) += error * error;
      table.at(u, columns.absolute_error(side)) += std::abs(error);
    }
    table.at(u, Columns::num_ratings) = static_cast<double>(pairs.row_length(row));
  }
}

}  // namespace pushcart::detail
