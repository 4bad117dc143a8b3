#include "pushcart/models/factor_shares.hpp"

#include <fmt/core.h>
#include <omp.h>

#include <algorithm>
#include <cmath>

#include "models/explain/origin_shares.hpp"

namespace pushcart {

namespace {

std::size_t at(Count n) {
  return static_cast<std::size_t>(n);
}

/// A column in which items have a bias and users what it counts for them.
class ItemBiasShares : public OriginShares {
 public:
  ItemBiasShares(const Model& model, Count column) : model_(model), column_(column) {}

  void divide(const ShareTask& task, double, FactorDivision& division) const override {
    const auto x = static_cast<double>(model_.user_factors.row(task.local_user)[at(column_)]);
    for (std::size_t i = 0; i < task.listed_rows.size(); ++i) {
      const double bias = x * static_cast<double>(task.listed_rows[i][column_]);
      division.bias[i] += bias;
      division.explained[i] += bias;
    }
  }

 private:
  const Model& model_;
  const Count column_;
};

Count scales_of(const FactorOrigin& origin) {
  const auto* const linear = std::get_if<LinearOrigin>(&origin.kind);
  return linear ? detail::num_scales(*linear) : 0;
}

Count table_width(const Model& model, Count num_columns) {
  Count width = num_columns;
  for (const FactorOrigin& origin : model.factor_origins) width += scales_of(origin);
  return width;
}

std::unique_ptr<OriginShares> shares_of(const Communicator& comm, const Model& model,
                                        const Dataset& trained_on, const FactorOrigin& origin,
                                        Count first_column, Count first_scale, FactorTable& table) {
  if (const auto* const least_squares = std::get_if<LeastSquaresOrigin>(&origin.kind)) {
    return detail::least_squares_shares(comm, model, trained_on, *least_squares, origin.num_columns,
                                        first_column, table);
  }
  if (const auto* const linear = std::get_if<LinearOrigin>(&origin.kind)) {
    return detail::linear_shares(comm, trained_on, *linear, first_column, first_scale, table);
  }
  return detail::item_bias_shares(model, first_column);
}

}  // namespace

namespace detail {

void find_places(std::span<const Count> columns, std::span<const Count> items,
                 std::vector<std::size_t>& places) {
  places.clear();
  auto from = items.begin();
  for (const Count column : columns) {
    from = std::lower_bound(from, items.end(), column);
    PUSHCART_CHECK(from != items.end() && *from == column);
    places.push_back(static_cast<std::size_t>(from - items.begin()));
  }
}

double dot(std::span<const double> x, std::span<const double> y) {
  PUSHCART_EXPECT(x.size() == y.size());
  double sum = 0;
  for (std::size_t n = 0; n < x.size(); ++n) sum += x[n] * y[n];
  return sum;
}

std::unique_ptr<OriginShares> item_bias_shares(const Model& model, Count column) {
  return std::make_unique<ItemBiasShares>(model, column);
}

}  // namespace detail

FactorDivision::FactorDivision() : scratch(std::make_unique<Scratch>()) {}
FactorDivision::~FactorDivision() = default;
FactorDivision::FactorDivision(FactorDivision&&) noexcept = default;

FactorShares::FactorShares(const Communicator& comm, const Model& model, const Dataset& trained_on)
    : model_(model) {
  const Count num_columns = comm.allreduce(model.item_factors.num_columns, Reduce::max);
  if (num_columns == 0) return;
  if (model.factor_origins.empty()) {
    throw ConfigError(
        fmt::format("--explain: this model of family '{}' does not say where its factors come from, as "
                    "models made by earlier "
                    "versions do not, and blends of these; train it again, or leave --explain out",
                    model.family));
  }
  als::use_one_blas_thread();
  table_ = {model.items.range(comm.rank()), table_width(model, num_columns), {}};
  table_.values.resize(at(table_.rows.size() * table_.num_columns));
  for (Count row = 0; row < table_.rows.size(); ++row) {
    std::copy_n(model.item_factors.row(row).begin(), num_columns, table_.row(row).begin());
  }
  Count first_column = 0, first_scale = num_columns;
  for (const FactorOrigin& origin : model.factor_origins) {
    parts_.push_back(shares_of(comm, model, trained_on, origin, first_column, first_scale, table_));
    first_column += origin.num_columns;
    first_scale += scales_of(origin);
  }
  PUSHCART_CHECK(first_column == num_columns);
}

FactorShares::~FactorShares() = default;

void FactorShares::plan(MemoryPlan& plan, const Model& model, const Dataset& trained_on, Count num_listed) {
  constexpr Count float_bytes = sizeof(float), double_bytes = sizeof(double);
  const Count threads = omp_get_max_threads(), items = model.item_factors.rows.size();
  const Count entries = trained_on.by_user.num_entries() + trained_on.by_item.num_entries();
  Count longest = 1, widest = 1, chosen = 0, targets = 0;
  for (Count row = 0; row < trained_on.by_user.num_rows(); ++row) {
    longest = std::max(longest, trained_on.by_user.row_length(row));
  }
  for (const FactorOrigin& origin : model.factor_origins) {
    widest = std::max(widest, origin.num_columns);
    const auto* const linear = std::get_if<LinearOrigin>(&origin.kind);
    const auto* const least_squares = std::get_if<LeastSquaresOrigin>(&origin.kind);
    const bool picks = (linear && !linear->event_weights.empty()) ||
                       (least_squares && !least_squares->event_weights.empty());
    if (picks) chosen += entries * Count{sizeof(Count) + sizeof(float)};
    if (least_squares) targets += trained_on.by_user.num_entries() * float_bytes;
  }
  plan.add("items' factors for explanations",
           items * (table_width(model, model.item_factors.num_columns) + widest) * float_bytes);
  plan.add("interactions that the factors learned from", chosen + targets);
  plan.add("Gram matrix", widest * widest * (threads * (double_bytes + float_bytes) + 4 * double_bytes));
  const Count own = std::max(std::min(longest, widest), OriginShares::block_rows);
  const Count system = std::min(longest, widest);
  plan.add(
      "one user's factors and shares a thread",
      threads * double_bytes * ((num_listed + own) * widest + system * system + 2 * num_listed * longest));
}

void FactorShares::divide(const ShareTask& task, FactorDivision& division) const {
  const std::size_t num_listed = task.listed_rows.size();
  division.shares.assign(num_listed * task.items.size(), 0.0);
  division.bias.assign(num_listed, 0.0);
  division.explained.assign(num_listed, 0.0);
  for (std::size_t part = 0; part < parts_.size(); ++part) {
    const double scale =
        model_.origin_scales.empty()
            ? 1.0
            : static_cast<double>(model_.origin_scales[at(task.local_user) * parts_.size() + part]);
    parts_[part]->divide(task, scale, division);
  }
}

}  // namespace pushcart
