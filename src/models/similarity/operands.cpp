#include "models/similarity/operands.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "models/similarity/query_rows.hpp"
#include "models/similarity/settings.hpp"
#include "models/similarity/side_rows.hpp"
#include "pushcart/comm/exact_sum.hpp"

namespace pushcart::similarity {

namespace {

/// What a metric sums over the entries of a row.
enum class Role : int { left, right };

struct Context {
  const SimilarityConfig& config;
  double num_rows = 0;      ///< of the compared rows, over all ranks
  double mean_row_sum = 0;  ///< bm25
  bool is_binary = false;   ///< v = 1 everywhere
  bool is_cross = false;    ///< the sides are made of different events
};

bool wants_values(const SimilarityConfig& config) {
  switch (config.metric) {
    case SimilarityMetric::jaccard:
    case SimilarityMetric::llr:
      return false;
    case SimilarityMetric::tanimoto:
    case SimilarityMetric::adjusted:
    case SimilarityMetric::pearson:
      return true;
    default:
      return config.values == SimilarityValues::as_is;
  }
}

InnerStatistic inner_statistic(SimilarityMetric metric, bool is_binary) {
  switch (metric) {
    case SimilarityMetric::tfidf:
    case SimilarityMetric::bm25:
      return InnerStatistic::length;
    case SimilarityMetric::rp3beta:
      return is_binary ? InnerStatistic::length : InnerStatistic::sum;
    case SimilarityMetric::adjusted:
      return InnerStatistic::mean;
    default:
      return InnerStatistic::none;
  }
}

/// Whether the weights of binary pairs depend on u alone, so that both sides' fit into the left one's values.
/// Those of bm25 have a factor of the row besides, which the norms take away if both sides' count alike.
bool folds_right_into_left(const Context& context) {
  const bool is_alike = context.config.metric != SimilarityMetric::bm25 || context.config.exponent == 0.5;
  return context.is_binary && !context.is_cross && is_alike;
}

double row_sum(const SparseRows& rows, Count row, bool is_binary) {
  if (is_binary) return static_cast<double>(rows.row_length(row));
  double sum = 0;
  for (const float value : rows.row_values(row)) sum += static_cast<double>(value);
  return sum;
}

/// The value of one entry in the product; `row_stat` is the mean of the row for pearson, its sum for bm25.
double entry_value(const Context& context, Role role, double v, double inner, double row_stat) {
  const SimilarityConfig& config = context.config;
  const auto idf = [&] { return std::log((1 + context.num_rows) / (1 + inner)); };
  switch (config.metric) {
    case SimilarityMetric::tfidf:
      return std::sqrt(v) * idf();
    case SimilarityMetric::bm25: {
      const double length = 1 - config.bm25_b + config.bm25_b * row_stat / context.mean_row_sum;
      return v * (config.bm25_k1 + 1) / (v + config.bm25_k1 * length) * idf();
    }
    case SimilarityMetric::adjusted:
      return v - inner;
    case SimilarityMetric::pearson:
      return v - row_stat;
    case SimilarityMetric::rp3beta:
      return std::pow(role == Role::left ? v : v / inner, config.alpha);
    default:
      return v;
  }
}

/// Binary pairs, both sides' weights of u in one: idf^2, or s_u^-alpha. The row's factor of bm25 cancels.
double folded_value(const Context& context, double inner) {
  if (context.config.metric == SimilarityMetric::rp3beta) return std::pow(inner, -context.config.alpha);
  const double idf = std::log((1 + context.num_rows) / (1 + inner));
  return idf * idf;
}

bool is_weighted(const Context& context) {
  return !context.is_binary || inner_statistic(context.config.metric, true) != InnerStatistic::none;
}

void fill_values(const Context& context, Role role, const SideRows& side, Operand& operand) {
  if (!is_weighted(context)) return;
  const bool folds = folds_right_into_left(context);
  if (folds && role == Role::right) return;
  operand.has_values = true;
  const SparseRows& rows = *side.rows;
  operand.values.resize(static_cast<std::size_t>(rows.num_entries()));
  for (Count row = 0; row < rows.num_rows(); ++row) {
    const double sum = row_sum(rows, row, context.is_binary);
    const double row_stat = context.config.metric == SimilarityMetric::pearson
                                ? sum / static_cast<double>(rows.row_length(row))
                                : sum;
    for (auto entry = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(row)]);
         entry < static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(row) + 1]); ++entry) {
      const double v = context.is_binary ? 1 : static_cast<double>(rows.values[entry]);
      const double inner = side.inner.empty() ? 0 : static_cast<double>(side.inner[entry]);
      operand.values[entry] = static_cast<float>(folds ? folded_value(context, inner)
                                                       : entry_value(context, role, v, inner, row_stat));
    }
  }
}

double squared_norm(const Context& context, const Operand& operand, Count row) {
  const SparseRows& rows = *operand.pattern;
  if (!operand.has_values) return static_cast<double>(rows.row_length(row));
  double sum = 0;
  for (auto entry = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(row)]);
       entry < static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(row) + 1]); ++entry) {
    const double value = static_cast<double>(operand.values[entry]);
    sum += folds_right_into_left(context) ? value : value * value;
  }
  return sum;
}

double scale_of(const Context& context, Role role, const Operand& operand, Count row) {
  const SimilarityConfig& config = context.config;
  const SparseRows& rows = *operand.pattern;
  if (rows.row_length(row) == 0) return 0;
  if (config.metric == SimilarityMetric::rp3beta) {
    return role == Role::left ? std::pow(row_sum(rows, row, context.is_binary), -config.alpha)
                              : std::pow(static_cast<double>(rows.row_length(row)), -config.beta);
  }
  const double squares = squared_norm(context, operand, row);
  if (!(squares > 0)) return 0;
  if (config.exponent == 0.5) return 1 / std::sqrt(squares);
  return std::pow(squares, role == Role::left ? -config.exponent : config.exponent - 1);
}

/// @param norms_of  the operand whose values the norms are of: the left one if it holds both sides' weights
Operand make_operand(const Context& context, Role role, const SideRows& side, const Operand* norms_of) {
  Operand operand;
  operand.pattern = side.rows;
  operand.times = side.times;
  operand.has_times = context.config.window_days > 0;
  fill_values(context, role, side, operand);
  const Operand& measured = norms_of ? *norms_of : operand;
  for (Count row = 0; row < side.rows->num_rows(); ++row) {
    operand.size.push_back(squared_norm(context, measured, row));
    operand.scale.push_back(scale_of(context, role, measured, row));
  }
  return operand;
}

Formula formula_of(SimilarityMetric metric) {
  if (metric == SimilarityMetric::jaccard || metric == SimilarityMetric::tanimoto) return Formula::overlap;
  return metric == SimilarityMetric::llr ? Formula::llr : Formula::product;
}

bool all_ones(const Communicator& comm, const SparseRows& rows) {
  return comm.all(std::all_of(rows.values.begin(), rows.values.end(), [](float v) { return v == 1.0F; }));
}

/// Strengths are above 0, ratings need not be.
void check_signs(const Communicator& comm, SimilarityMetric metric, const SparseRows& rows) {
  const bool needs_positive = metric == SimilarityMetric::tfidf || metric == SimilarityMetric::bm25 ||
                              metric == SimilarityMetric::rp3beta;
  const bool has_negative =
      std::any_of(rows.values.begin(), rows.values.end(), [](float v) { return v <= 0; });
  if (needs_positive && comm.any(has_negative)) {
    throw InputError(
        fmt::format("--metric {}: needs values above 0, and the dataset has ratings that are not; take "
                    "--values binary",
                    similarity_metric_name(metric)));
  }
}

double mean_row_sum(const Communicator& comm, const SparseRows& rows, bool is_binary, double num_rows) {
  std::vector<double> sums;
  for (Count row = 0; row < rows.num_rows(); ++row) sums.push_back(row_sum(rows, row, is_binary));
  return exact_sum(comm, sums, 1).front() / num_rows;
}

}  // namespace

Operand plain_operand(std::shared_ptr<const SparseRows> rows, SimilarityValues values) {
  Operand operand;
  operand.has_values = values == SimilarityValues::as_is;
  if (operand.has_values) operand.values = rows->values;
  operand.size.assign(static_cast<std::size_t>(rows->num_rows()), 1.0);
  operand.scale = operand.size;
  operand.pattern = std::move(rows);
  return operand;
}

Product make_product(const Communicator& comm, const Dataset& dataset, const SimilarityConfig& config,
                     Neighbourhood what) {
  const bool of_users = what == Neighbourhood::of_users, of_queries = what == Neighbourhood::of_queries;
  const Outer outer = of_users ? Outer::users : Outer::items;
  const bool has_window = config.window_days > 0;
  const SideChoice from{"--from-events", config.from_events, config.event_weights, has_window};
  const SideChoice to{"--to-events", config.to_events, config.event_weights, has_window};

  Context context{config};
  context.num_rows = static_cast<double>(of_users ? dataset.num_users() : dataset.num_items());
  context.is_cross = of_queries || config.from_events != config.to_events;
  context.is_binary = !wants_values(config);
  SideRows left =
      of_queries ? query_rows(comm, dataset, has_window)
                 : side_rows(comm, dataset, from, outer, inner_statistic(config.metric, context.is_binary));
  SideRows right = context.is_cross ? side_rows(comm, dataset, to, outer,
                                                inner_statistic(config.metric, context.is_binary))
                                    : left;
  if (!context.is_binary && !needs_ratings(config.metric)) {
    context.is_binary = all_ones(comm, *left.rows) && all_ones(comm, *right.rows);
  }
  if (!context.is_binary) check_signs(comm, config.metric, *left.rows);

  Product product;
  product.formula = formula_of(config.metric);
  product.num_inner = static_cast<double>(of_users ? dataset.num_items() : dataset.num_users());
  product.rows_are_columns = !of_queries;
  context.mean_row_sum = mean_row_sum(comm, *left.rows, context.is_binary, context.num_rows);
  product.left = make_operand(context, Role::left, left, nullptr);
  const bool folded = is_weighted(context) && folds_right_into_left(context);
  context.mean_row_sum = mean_row_sum(comm, *right.rows, context.is_binary, context.num_rows);
  product.right = make_operand(context, Role::right, right, folded ? &product.left : nullptr);
  product.counts_too = !product.is_count() && (config.shrinkage > 0 || config.min_support > 1 ||
                                               config.support == SupportColumn::wanted);
  product.max_lag = static_cast<std::int64_t>(std::llround(config.window_days * 86400));
  product.min_lag = context.is_cross ? 0 : -product.max_lag;
  if (config.row_side == RowSide::to) {
    std::swap(product.left, product.right);
    product.min_lag = -std::exchange(product.max_lag, -product.min_lag);
  }
  return product;
}

}  // namespace pushcart::similarity
