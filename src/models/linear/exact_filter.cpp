#include "pushcart/models/exact_filter.hpp"

#include <fmt/core.h>
#include <omp.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "models/linear/normalized_matrix.hpp"
#include "models/linear/product_rows.hpp"
#include "pushcart/base/error.hpp"

namespace pushcart {
namespace {

using linear::NormalizedMatrix;

/// Of an entry while its row is made, and in the rows handed out.
constexpr Count entry_bytes = sizeof(std::int32_t) + sizeof(float) + sizeof(Count) + sizeof(float);
constexpr Count widest_table = 2;  // the matrix multiplies no tables here

struct Settings {
  linear::Normalization normalization;
  double scale = 0;  ///< c over the largest eigenvalue
  std::map<std::string, double> event_weights;
};

/// From what the model's file says of its training. Local.
Settings settings_of(const Model& model) try {
  if (model.family != "spectral") {
    throw ConfigError(fmt::format(
        "--exact-filter: the model is of family '{}', and only spectral ones have a filter", model.family));
  }
  const auto config = nlohmann::json::parse(model.config), history = nlohmann::json::parse(model.history);
  const double weight = config.at("sparse_weight").get<double>();
  if (!(weight > 0)) {
    throw ConfigError(
        "--exact-filter: the model was trained with --sparse-weight 0, so nothing of it was cut");
  }
  const double largest = history.at(0).at("singular_values").at(0).get<double>();
  return {{config.at("user_exponent").get<double>(), config.at("item_exponent").get<double>()},
          largest > 0 ? weight / (largest * largest) : weight,
          config.at("event_weights").get<std::map<std::string, double>>()};
} catch (const nlohmann::json::exception& error) {
  throw InputError(
      fmt::format("--exact-filter: what the model records of its training is damaged ({}); train it again",
                  error.what()));
}

std::vector<float> sums_of_squares(const SparseRows& rows, const std::vector<float>& values) {
  std::vector<float> sums;
  for (Count row = 0; row < rows.num_rows(); ++row) {
    double sum = 0;
    for (auto e = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(row)]);
         e < static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(row) + 1]); ++e) {
      sum += static_cast<double>(values[e]) * static_cast<double>(values[e]);
    }
    sums.push_back(static_cast<float>(sum));
  }
  return sums;
}

/// What the owned columns of `rows` have, by entry of `rows`. Collective.
std::vector<float> by_entry(const Communicator& comm, const SparseRows& rows, const Partition& columns,
                            const std::vector<float>& owned) {
  const WorkRows work(rows);
  FactorExchange exchange(comm, work, columns, {.method = ExchangeMethod::stream});
  std::vector<float> values(rows.columns.size());
  exchange.start(owned, 1);
  for (Count batch = 0; batch < exchange.num_batches(); ++batch) {
    const GatheredRows gathered = exchange.await(batch);
    for (const RowPiece& piece : exchange.pieces(batch)) {
      for (auto e = static_cast<std::size_t>(piece.begin); e < static_cast<std::size_t>(piece.end); ++e) {
        values[e] = gathered[exchange.positions()[e]][0];
      }
    }
  }
  exchange.finish();
  return values;
}

/// One row while it is made.
struct Row {
  std::vector<std::int32_t> columns;  // ascending
  std::vector<float> values;
};

/// The columns touched, ascending: sorted, or looked for among all if they are many.
void take_columns(const linear::ProductRow& product, Count num_columns, std::vector<std::int32_t>& columns) {
  constexpr std::size_t many = 16;
  columns.assign(product.columns.begin(), product.columns.end());
  if (columns.size() * many < static_cast<std::size_t>(num_columns)) {
    std::sort(columns.begin(), columns.end());
    return;
  }
  columns.clear();
  for (Count column = 0; column < num_columns; ++column) {
    if (product.sums[column] != 0) columns.push_back(static_cast<std::int32_t>(column));
  }
}

/// Rows one after another; what is given is emptied. @param first  global number of rows[0]
SparseRows joined(std::vector<Row>& rows, Count first, Count num_columns) {
  SparseRows all;
  all.rows = {first, first + static_cast<Count>(rows.size())};
  all.num_columns = num_columns;
  for (Row& row : rows) {
    all.columns.insert(all.columns.end(), row.columns.begin(), row.columns.end());
    all.values.insert(all.values.end(), row.values.begin(), row.values.end());
    all.offsets.push_back(static_cast<Count>(all.columns.size()));
    row = {};
  }
  return all;
}

/// The rows of some users, those of the others between the first and the last empty.
SparseRows rows_of(const SparseRows& rows, std::span<const Count> users) {
  SparseRows some;
  const Count first = users.empty() ? rows.rows.begin : users.front();
  some.rows = {first, users.empty() ? first : users.back() + 1};
  some.num_columns = rows.num_columns;
  for (const Count user : users) {
    some.offsets.resize(static_cast<std::size_t>(user - first) + 1, static_cast<Count>(some.columns.size()));
    const auto columns = rows.row_columns(user - rows.rows.begin);
    const auto values = rows.row_values(user - rows.rows.begin);
    some.columns.insert(some.columns.end(), columns.begin(), columns.end());
    some.values.insert(some.values.end(), values.begin(), values.end());
    some.offsets.push_back(static_cast<Count>(some.columns.size()));
  }
  return some;
}

}  // namespace

class ExactFilter::Products {
 public:
  Products(const Communicator& comm, const Settings& settings, const Dataset& served,
           const Dataset& trained_on, Count batch_bytes)
      : comm_(comm),
        served_(served),
        scale_(settings.scale),
        batch_bytes_(batch_bytes),
        rows_(select_rows(comm, trained_on, settings.event_weights, 0, PairValue::strength)),
        matrix_(comm, rows_, served.users, served.items, settings.normalization, widest_table, batch_bytes),
        diagonals_(by_entry(comm, served.by_user, served.items,
                            sums_of_squares(matrix_.by_item(), matrix_.item_values()))) {}

  Count batch_users() const {
    return std::max<Count>(1, batch_bytes_ / std::max<Count>(1, served_.num_items() * entry_bytes));
  }

  SparseRows terms(std::span<const Count> users) const {
    const SparseRows histories = rows_of(served_.by_user, users);
    const linear::Operands to_users{histories, histories.values, matrix_.by_item(), matrix_.item_values(),
                                    served_.items};
    std::vector<Row> rows(static_cast<std::size_t>(histories.num_rows()));
    for_each_product_row(comm_, to_users, limits(served_.num_users()),
                         [&](Count local, const linear::ProductRow& product) {
                           Row& row = rows[static_cast<std::size_t>(local)];
                           take_columns(product, served_.num_users(), row.columns);
                           for (const std::int32_t user : row.columns)
                             row.values.push_back(static_cast<float>(product.sums[user]));
                         });
    const SparseRows like = joined(rows, histories.rows.begin, served_.num_users());
    const linear::Operands to_items{like, like.values, matrix_.by_user(), matrix_.user_values(),
                                    served_.users};
    rows.resize(static_cast<std::size_t>(like.num_rows()));
    for_each_product_row(
        comm_, to_items, limits(served_.num_items()), [&](Count local, const linear::ProductRow& product) {
          finish_row(like.rows.begin + local, product, rows[static_cast<std::size_t>(local)]);
        });
    return for_all_users(joined(rows, like.rows.begin, served_.num_items()));
  }

 private:
  linear::ProductLimits limits(Count num_columns) const {
    linear::ProductLimits limits;
    limits.num_rows = served_.num_users();
    limits.num_columns = num_columns;
    limits.batch_entries = std::max<Count>(1, batch_bytes_ / 4 / Count{sizeof(std::int32_t) + sizeof(float)});
    return limits;
  }

  /// Takes the diagonal off what the user has, and scales.
  void finish_row(Count user, const linear::ProductRow& product, Row& row) const {
    take_columns(product, served_.num_items(), row.columns);
    row.values.resize(row.columns.size());
    const Count local = user - served_.by_user.rows.begin;
    const auto own = served_.by_user.row_columns(local);
    auto entry = static_cast<std::size_t>(served_.by_user.offsets[static_cast<std::size_t>(local)]);
    auto next = own.begin();
    for (std::size_t n = 0; n < row.columns.size(); ++n) {
      double sum = product.sums[row.columns[n]];
      for (; next != own.end() && *next < row.columns[n]; ++next) ++entry;
      if (next != own.end() && *next == row.columns[n]) {
        sum -= static_cast<double>(served_.by_user.values[entry]) * static_cast<double>(diagonals_[entry]);
      }
      row.values[n] = static_cast<float>(scale_ * sum);
    }
  }

  SparseRows for_all_users(SparseRows some) const {
    const Range owned = served_.by_user.rows;
    std::vector<Count> offsets(static_cast<std::size_t>(some.rows.begin - owned.begin), 0);
    offsets.insert(offsets.end(), some.offsets.begin(), some.offsets.end());
    offsets.resize(static_cast<std::size_t>(owned.size()) + 1, some.num_entries());
    some.offsets = std::move(offsets);
    some.rows = owned;
    return some;
  }

  const Communicator& comm_;
  const Dataset& served_;
  const double scale_;
  const Count batch_bytes_;
  const TrainingRows rows_;
  const NormalizedMatrix matrix_;
  const std::vector<float> diagonals_;  // of R~'R~, by entry of the served rows
};

ExactFilter::ExactFilter(const Communicator& comm, const Model& model, const Dataset& served,
                         const Dataset& trained_on, Count batch_bytes)
    : products_(std::make_unique<Products>(comm, settings_of(model), served, trained_on, batch_bytes)) {}
ExactFilter::~ExactFilter() = default;

Count ExactFilter::batch_users() const {
  return products_->batch_users();
}
SparseRows ExactFilter::terms(std::span<const Count> users) const {
  return products_->terms(users);
}

void ExactFilter::plan(MemoryPlan& plan, const Communicator& comm, const Dataset& served,
                       const Dataset& trained_on, Count batch_bytes) {
  const TrainingRows rows(trained_on);
  plan.add(
      "exact filter: normalized matrix",
      NormalizedMatrix::planned_bytes(comm, rows, served.users, served.items, widest_table, batch_bytes) +
          served.by_user.num_entries() * Count{sizeof(float)});
  const Count threads = omp_get_max_threads(), columns = std::max(served.num_users(), served.num_items());
  plan.add("exact filter: sums of a row",
           (threads + 2) * columns * Count{sizeof(double) + 1 + sizeof(std::int32_t)});
  plan.add("exact filter: terms of a batch",
           std::max(batch_bytes, columns * entry_bytes) + (comm.size() > 1 ? batch_bytes / 2 : 0));
}

}  // namespace pushcart
