#include "models/als/fold_in_rows.hpp"

#include <fmt/core.h>

#include "models/als/half_sweep.hpp"
#include "pushcart/matrix/factor_exchange.hpp"

namespace pushcart::als {

namespace {

/// m_r . z_j of every entry.
std::vector<float> expected_scores(const Communicator& comm, const RowsBeside& side,
                                   const FactorTable& expected) {
  const SparseRows& rows = side.observed.rows();
  const Count k = expected.num_columns;
  std::vector<float> scores(rows.columns.size());
  const WorkRows work(rows);
  FactorExchange exchange(comm, work, side.partition, {.row_bytes = k * Count{sizeof(float)}});
  exchange.start(side.factors.values, k);
  for (Count batch = 0; batch < exchange.num_batches(); ++batch) {
    const GatheredRows gathered = exchange.await(batch);
    for (const RowPiece& piece : exchange.pieces(batch)) {
      const auto mean = expected.row(piece.row);
      for (Count e = piece.begin; e < piece.end; ++e) {
        const auto entry = static_cast<std::size_t>(e);
        const float* const other = gathered[exchange.positions()[entry]];
        double score = 0;
        for (std::size_t c = 0; c < mean.size(); ++c) {
          score += static_cast<double>(mean[c]) * static_cast<double>(other[c]);
        }
        scores[entry] = static_cast<float>(score);
      }
    }
    exchange.progress();
  }
  exchange.finish();
  return scores;
}

}  // namespace

FactorTable fold_in_rows(const Communicator& comm, const RowsBeside& side, const AlsObjective& objective,
                         const FactorTable* expected) {
  const SparseRows& rows = side.observed.rows();
  const Count k = side.factors.num_columns;
  if (expected != nullptr) {
    PUSHCART_CHECK(expected->num_columns == k);
    side.observed.set_shifts(expected_scores(comm, side, *expected));
  }
  const HalfSweepSettings settings{.k = k, .solver = {}};
  HalfSweep sweep(comm, side.observed, side.num_rows, side.partition, objective, settings,
                  share_half_sweep(comm, side.observed, side.partition, settings, HeavyBlocks::anywhere),
                  {.method = ExchangeMethod::sparse, .row_bytes = k * Count{sizeof(float)}});
  FactorTable fixed = side.factors;
  FactorTable solved{rows.rows, k, std::vector<float>(static_cast<std::size_t>(rows.num_rows() * k), 0.0F)};
  const HalfSweepOutcome outcome = sweep.run(fixed, solved, Loss::skip);
  if (outcome.num_unsolved > 0) {
    throw NumericError(
        fmt::format("{} newcomers could not be taken in: their values are too large, or --lambda was too "
                    "small for them",
                    outcome.num_unsolved));
  }
  sweep.rotate_back(solved);
  if (expected != nullptr) {
    for (std::size_t n = 0; n < solved.values.size(); ++n) solved.values[n] += expected->values[n];
  }
  return solved;
}

}  // namespace pushcart::als
