#include "models/als/biases.hpp"

#include "models/als/granule_sums.hpp"

namespace pushcart::als {
namespace {

/// Calls use(row, entry, column's bias) for every entry of the side, in order.
template <class Use>
void for_each_entry(const RatingSide& side, const std::vector<float>& column_biases, Use&& use) {
  side.exchange.start(column_biases, 1);
  for (Count batch = 0; batch < side.exchange.num_batches(); ++batch) {
    const GatheredRows biases = side.exchange.await(batch);
    for (const RowPiece& piece : side.exchange.pieces(batch)) {
      for (Count entry = piece.begin; entry < piece.end; ++entry) {
        const auto at = static_cast<std::size_t>(entry);
        use(static_cast<std::size_t>(piece.row), at, *biases[side.exchange.positions()[at]]);
      }
    }
  }
  side.exchange.finish();
}

double mean_value(const Communicator& comm, const RatingSide& side) {
  const double sum = sum_over_rows<1>(comm, side.rows.rows, side.num_rows, [&](Count row) {
    double total = 0;
    for (Count entry = side.rows.offsets[static_cast<std::size_t>(row)];
         entry < side.rows.offsets[static_cast<std::size_t>(row) + 1]; ++entry) {
      total += static_cast<double>(side.values[static_cast<std::size_t>(entry)]);
    }
    return std::array{total};
  })[0];
  const Count count = comm.sum(side.rows.num_entries());
  return count > 0 ? sum / static_cast<double>(count) : 0.0;
}

}  // namespace

std::vector<float> regularized_means(const RatingSide& side, double mean,
                                     const std::vector<float>& column_biases, double strength) {
  std::vector<double> sums(static_cast<std::size_t>(side.rows.num_rows()), 0);
  for_each_entry(side, column_biases, [&](std::size_t row, std::size_t entry, float column_bias) {
    sums[row] += static_cast<double>(side.values[entry]) - mean - static_cast<double>(column_bias);
  });
  std::vector<float> biases(sums.size(), 0.0F);
  for (std::size_t row = 0; row < sums.size(); ++row) {
    const Count count = side.rows.row_length(static_cast<Count>(row));
    if (count > 0) biases[row] = static_cast<float>(sums[row] / (static_cast<double>(count) + strength));
  }
  return biases;
}

Biases fit_biases(const Communicator& comm, const RatingSide& by_user, const RatingSide& by_item,
                  double strength, int passes) {
  Biases biases;
  biases.mean = mean_value(comm, by_user);
  biases.users.assign(static_cast<std::size_t>(by_user.rows.num_rows()), 0.0F);
  biases.items.assign(static_cast<std::size_t>(by_item.rows.num_rows()), 0.0F);
  for (int pass = 0; pass < passes; ++pass) {
    biases.items = regularized_means(by_item, biases.mean, biases.users, strength);
    biases.users = regularized_means(by_user, biases.mean, biases.items, strength);
  }
  return biases;
}

std::vector<float> rating_residuals(const RatingSide& side, double mean, const std::vector<float>& row_biases,
                                    const std::vector<float>& column_biases) {
  std::vector<float> residuals(side.values.size());
  for_each_entry(side, column_biases, [&](std::size_t row, std::size_t entry, float column_bias) {
    // The biases are added first, so that both sides see the same bits whichever is the row.
    const double both = static_cast<double>(row_biases[row]) + static_cast<double>(column_bias);
    residuals[entry] = static_cast<float>(static_cast<double>(side.values[entry]) - mean - both);
  });
  return residuals;
}

}  // namespace pushcart::als
