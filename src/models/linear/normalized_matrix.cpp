#include "models/linear/normalized_matrix.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>

#include "models/linear/row_sums.hpp"
#include "pushcart/base/parallel.hpp"
#include "pushcart/matrix/exchange_forecast.hpp"

namespace pushcart::linear {
namespace {

constexpr Count rows_a_task = 32;

/// Calls work(piece, rows of the batch) for every own row, on the threads.
template <class Work>
void for_each_row(FactorExchange& exchange, std::span<const float> owned, Count width, Work&& work) {
  exchange.start(owned, width);
  for (Count batch = 0; batch < exchange.num_batches(); ++batch) {
    const GatheredRows rows = exchange.await(batch);
    const auto pieces = exchange.pieces(batch);
    const auto num_pieces = static_cast<Count>(pieces.size());
    parallel_for((num_pieces + rows_a_task - 1) / rows_a_task, [&](Count task) {
      for (Count n = task * rows_a_task; n < std::min((task + 1) * rows_a_task, num_pieces); ++n) {
        work(pieces[static_cast<std::size_t>(n)], rows);
      }
      if (omp_get_thread_num() == 0) exchange.progress();
    });
  }
  exchange.finish();
}

void multiply(FactorExchange& exchange, const SparseRows& rows, std::span<const float> values,
              const FactorTable& from, FactorTable& to) {
  const Count width = from.num_columns;
  PUSHCART_CHECK(to.num_columns == width && to.rows == rows.rows);
  const SumRows sum = sum_rows();
  std::vector<std::vector<const float*>> threads(static_cast<std::size_t>(omp_get_max_threads()));
  for (Count row = 0; row < rows.num_rows(); ++row) {
    if (rows.row_length(row) == 0) std::ranges::fill(to.row(row), 0.0F);
  }
  for_each_row(exchange, from.values, width, [&](const RowPiece& piece, const GatheredRows& gathered) {
    auto& pointers = threads[static_cast<std::size_t>(omp_get_thread_num())];
    pointers.resize(static_cast<std::size_t>(piece.end - piece.begin));
    for (Count e = piece.begin; e < piece.end; ++e) {
      pointers[static_cast<std::size_t>(e - piece.begin)] =
          gathered[exchange.positions()[static_cast<std::size_t>(e)]];
    }
    sum(pointers.data(), values.data() + piece.begin, piece.end - piece.begin, width,
        to.row(piece.row).data());
  });
}

/// Entries times the scale of their column, a double that travels as two floats, and of their row. The
/// factors come in one order on both sides: users first.
enum class Side { user, item };
std::vector<float> scaled_values(FactorExchange& exchange, const SparseRows& rows, Side side,
                                 std::span<const double> row_scales, std::span<const double> column_scales) {
  std::vector<float> halves(column_scales.size() * 2);
  for (std::size_t n = 0; n < column_scales.size(); ++n) {
    halves[2 * n] = static_cast<float>(column_scales[n]);
    halves[2 * n + 1] = static_cast<float>(column_scales[n] - static_cast<double>(halves[2 * n]));
  }
  std::vector<float> values(rows.values.size());
  for_each_row(exchange, halves, 2, [&](const RowPiece& piece, const GatheredRows& gathered) {
    const double own = row_scales[static_cast<std::size_t>(piece.row)];
    for (Count e = piece.begin; e < piece.end; ++e) {
      const auto at = static_cast<std::size_t>(e);
      const float* const half = gathered[exchange.positions()[at]];
      const double other = static_cast<double>(half[0]) + static_cast<double>(half[1]);
      const double user = side == Side::user ? own : other, item = side == Side::user ? other : own;
      values[at] = static_cast<float>(user * static_cast<double>(rows.values[at]) * item);
    }
  });
  return values;
}

ExchangeSettings exchange_settings(Count max_width, Count batch_bytes) {
  ExchangeSettings settings;
  settings.method = ExchangeMethod::stream;
  settings.row_bytes = max_width * Count{sizeof(float)};
  settings.batch_bytes = batch_bytes;
  return settings;
}

/// Of values, and of the places of their rows.
Count entry_bytes(const SparseRows& by_user, const SparseRows& by_item) {
  return (by_user.num_entries() + by_item.num_entries()) * Count{sizeof(float) + sizeof(std::int32_t)};
}

FactorTable make_table(Range rows, Count num_columns) {
  return {rows, num_columns, std::vector<float>(static_cast<std::size_t>(rows.size() * num_columns), 0.0F)};
}

}  // namespace

std::vector<double> absolute_row_sums(const SparseRows& rows) {
  std::vector<double> degrees(static_cast<std::size_t>(rows.num_rows()), 0.0);
  for (Count row = 0; row < rows.num_rows(); ++row) {
    for (float value : rows.row_values(row)) {
      degrees[static_cast<std::size_t>(row)] += std::abs(static_cast<double>(value));
    }
  }
  return degrees;
}

std::vector<double> inverse_powers(const std::vector<double>& degrees, double exponent) {
  std::vector<double> scales(degrees.size());
  std::transform(degrees.begin(), degrees.end(), scales.begin(), [exponent](double degree) {
    // Through float: a pow that differs in its last bit from library to library stays the same number.
    return degree > 0 ? static_cast<double>(static_cast<float>(std::pow(degree, -exponent))) : 0.0;
  });
  return scales;
}

NormalizedMatrix::NormalizedMatrix(const Communicator& comm, const TrainingRows& rows, const Partition& users,
                                   const Partition& items, const Normalization& normalization,
                                   Count max_width, Count batch_bytes)
    : comm_(comm),
      rows_(rows),
      users_(users),
      items_(items),
      user_work_(rows.by_user()),
      item_work_(rows.by_item()),
      item_rows_(comm, user_work_, items, exchange_settings(std::max<Count>(2, max_width), batch_bytes)),
      user_rows_(comm, item_work_, users, exchange_settings(std::max<Count>(2, max_width), batch_bytes)),
      user_degrees_(absolute_row_sums(rows.by_user())),
      item_degrees_(absolute_row_sums(rows.by_item())),
      user_scales_(inverse_powers(user_degrees_, normalization.user_exponent)) {
  const auto item_scales = inverse_powers(item_degrees_, normalization.item_exponent);
  user_values_ = scaled_values(item_rows_, rows.by_user(), Side::user, user_scales_, item_scales);
  item_values_ = scaled_values(user_rows_, rows.by_item(), Side::item, item_scales, user_scales_);
}

void NormalizedMatrix::times(const FactorTable& item_table, FactorTable& user_table) {
  multiply(item_rows_, by_user(), user_values_, item_table, user_table);
}

void NormalizedMatrix::transposed_times(const FactorTable& user_table, FactorTable& item_table) {
  multiply(user_rows_, by_item(), item_values_, user_table, item_table);
}

FactorTable NormalizedMatrix::make_user_table(Count num_columns) const {
  return make_table(users_.range(comm_.rank()), num_columns);
}
FactorTable NormalizedMatrix::make_item_table(Count num_columns) const {
  return make_table(items_.range(comm_.rank()), num_columns);
}

Count NormalizedMatrix::received_bytes() const {
  return item_rows_.counted().received_bytes + user_rows_.counted().received_bytes;
}

Count NormalizedMatrix::planned_bytes(const Communicator& comm, const TrainingRows& rows,
                                      const Partition& users, const Partition& items, Count max_width,
                                      Count batch_bytes) {
  const auto settings = exchange_settings(max_width, batch_bytes);
  const auto forecast = [&](const SparseRows& side, const Partition& columns) {
    return FactorExchange::forecast(comm, WorkRows(side), columns, settings).memory_bytes;
  };
  return forecast(rows.by_user(), items) + forecast(rows.by_item(), users) +
         entry_bytes(rows.by_user(), rows.by_item());
}

std::vector<NormalizedMatrixPlan> plan_normalized_matrix(std::span<const Dataset> parts, Count max_width,
                                                         Count batch_bytes) {
  const auto num_ranks = static_cast<Count>(parts.size());
  const auto settings = exchange_settings(max_width, batch_bytes);
  // Rows travel in batches that are cut for the widest table.
  const auto passes = exchange_settings(std::max<Count>(2, max_width), batch_bytes);
  std::vector<NormalizedMatrixPlan> plans(parts.size());
  for (const auto& [rows, columns, received] :
       {std::tuple{&Dataset::by_user, &Dataset::items, &NormalizedMatrixPlan::item_rows},
        std::tuple{&Dataset::by_item, &Dataset::users, &NormalizedMatrixPlan::user_rows}}) {
    std::vector<FetchedRows> fetched;
    Count all_fetched = 0;
    for (std::size_t rank = 0; rank < parts.size(); ++rank) {
      const WorkRows work(parts[rank].*rows);
      const Range owned = (parts[rank].*columns).range(static_cast<int>(rank));
      fetched.push_back(count_fetched_rows(work, owned, settings));
      all_fetched += fetched.back().fetched;
      plans[rank].*received = count_fetched_rows(work, owned, passes).fetched;
    }
    if (num_ranks == 1) continue;
    for (std::size_t rank = 0; rank < parts.size(); ++rank) {
      plans[rank].memory_bytes +=
          forecast_fetching(fetched[rank], all_fetched / num_ranks, settings).memory_bytes;
    }
  }
  for (std::size_t rank = 0; rank < parts.size(); ++rank) {
    plans[rank].memory_bytes += entry_bytes(parts[rank].by_user, parts[rank].by_item);
  }
  return plans;
}

}  // namespace pushcart::linear
