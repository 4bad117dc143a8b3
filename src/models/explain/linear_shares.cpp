// The columns of graph filters: x_u is a sum over the user's items, so each has its term of x_u . y_i.
#include <algorithm>
#include <cmath>

#include "models/explain/origin_shares.hpp"
#include "models/linear/normalized_matrix.hpp"

namespace pushcart::detail {

namespace {

std::size_t at(Count n) {
  return static_cast<std::size_t>(n);
}

/// The exponents that need a scale, ascending.
std::vector<double> distinct_exponents(const LinearOrigin& origin) {
  std::vector<double> exponents;
  std::copy_if(origin.exponents.begin(), origin.exponents.end(), std::back_inserter(exponents),
               [](double exponent) { return exponent != 0; });
  std::sort(exponents.begin(), exponents.end());
  exponents.erase(std::unique(exponents.begin(), exponents.end()), exponents.end());
  return exponents;
}

class LinearShares : public OriginShares {
 public:
  LinearShares(const Communicator& comm, const Dataset& trained_on, const LinearOrigin& origin,
               Count first_column, Count first_scale, FactorTable& table)
      : gains_(origin.gains),
        first_(first_column),
        rows_(select_rows(comm, trained_on, origin.event_weights, origin.half_life_days, PairValue::strength)) {
    const auto exponents = distinct_exponents(origin);
    for (const double exponent : origin.exponents) {
      const auto found = std::lower_bound(exponents.begin(), exponents.end(), exponent);
      scales_.push_back(exponent == 0 ? no_scale : first_scale + (found - exponents.begin()));
    }
    const std::vector<double> degrees = linear::absolute_row_sums(rows_.by_item());
    for (std::size_t e = 0; e < exponents.size(); ++e) {
      const auto powers = linear::inverse_powers(degrees, exponents[e]);
      for (Count row = 0; row < table.rows.size(); ++row) {
        table.row(row)[at(first_scale) + e] = static_cast<float>(powers[at(row)] * powers[at(row)]);
      }
    }
  }

  void divide(const ShareTask& task, double scale, FactorDivision& division) const override {
    const SparseRows& rows = rows_.by_user();
    const Count d = rows.row_length(task.local_user), k = static_cast<Count>(gains_.size());
    const auto n = static_cast<Count>(task.listed_rows.size());
    if (d == 0 || scale == 0) return;
    auto& scratch = *division.scratch;
    find_places(rows.row_columns(task.local_user), task.items, scratch.places);
    fill_listed(task, scratch);
    scratch.user_factors.assign(at(k), 0.0);
    for (Count first = 0; first < d; first += block_rows) {
      const Count count = std::min(block_rows, d - first);
      fill_own(task, first, count, scratch);
      scratch.products.resize(at(n * count));
      als::cross_products(scratch.listed.data(), n, scratch.own.data(), count, k, scratch.products.data());
      for (Count i = 0; i < n; ++i) {
        double* const shares = division.shares.data() + at(i) * task.items.size();
        for (Count j = 0; j < count; ++j) {
          shares[scratch.places[at(first + j)]] += scale * scratch.products[at(i * count + j)];
        }
      }
    }
    for (Count i = 0; i < n; ++i) {
      division.explained[at(i)] +=
          scale * dot(std::span(scratch.listed).subspan(at(i * k), at(k)), scratch.user_factors);
    }
  }

 private:
  static constexpr Count no_scale = -1;

  void fill_listed(const ShareTask& task, FactorDivision::Scratch& scratch) const {
    const std::size_t k = gains_.size();
    scratch.listed.resize(task.listed_rows.size() * k);
    for (std::size_t i = 0; i < task.listed_rows.size(); ++i) {
      std::copy_n(task.listed_rows[i] + first_, k,
                  scratch.listed.begin() + static_cast<std::ptrdiff_t>(i * k));
    }
  }

  /// The terms of x_u of entries [first, first + count), and their sum to what is there.
  void fill_own(const ShareTask& task, Count first, Count count, FactorDivision::Scratch& scratch) const {
    const std::size_t k = gains_.size();
    const auto values = rows_.by_user().row_values(task.local_user);
    scratch.own.resize(at(count) * k);
    for (Count j = 0; j < count; ++j) {
      const auto value = static_cast<double>(values[at(first + j)]);
      const float* const row = task.own_rows[scratch.places[at(first + j)]];
      double* const to = scratch.own.data() + at(j) * k;
      for (std::size_t c = 0; c < k; ++c) {
        const double scale = scales_[c] == no_scale ? 1.0 : static_cast<double>(row[scales_[c]]);
        to[c] = value * (gains_[c] * (scale * static_cast<double>(row[at(first_) + c])));
        scratch.user_factors[c] += to[c];
      }
    }
  }

  const std::vector<double> gains_;
  const Count first_;
  const TrainingRows rows_;
  std::vector<Count> scales_;  // by column: where in the table its scale is
};

}  // namespace

Count num_scales(const LinearOrigin& origin) {
  return static_cast<Count>(distinct_exponents(origin).size());
}

std::unique_ptr<OriginShares> linear_shares(const Communicator& comm, const Dataset& trained_on,
                                            const LinearOrigin& origin, Count first_column, Count first_scale,
                                            FactorTable& table) {
  return std::make_unique<LinearShares>(comm, trained_on, origin, first_column, first_scale, table);
}

}  // namespace pushcart::detail
