#include "pushcart/matrix/factor_exchange.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "matrix/exchange/planned_rows.hpp"
#include "matrix/exchange/replicated_rows.hpp"
#include "pushcart/base/suggest.hpp"

namespace pushcart {
namespace {

constexpr std::array<std::string_view, 4> method_names{"auto", "replicate", "sparse", "stream"};
constexpr std::array<std::string_view, 2> overlap_names{"off", "on"};

template <std::size_t Size>
int number_of(const std::array<std::string_view, Size>& names, std::string_view name,
              std::string_view option) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<int>(found - names.begin());
  const std::vector<std::string> known(names.begin(), names.end());
  throw ConfigError(fmt::format("{} '{}' is not known; did you mean '{}'? (known: {})", option, name,
                                nearest_word(name, known), fmt::join(names, ", ")));
}

/// Batches in which the rows of `sparse` come: the more, the sooner work begins.
constexpr Count sparse_batches = 16;

Count sparse_batch_rows(Count num_remote_columns) {
  return std::max<Count>(64, (num_remote_columns + sparse_batches - 1) / sparse_batches);
}

ExchangeSettings with_room(ExchangeSettings settings) {
  if (!settings.room) settings.room = make_exchange_room();
  return settings;
}

}  // namespace

ExchangeMethod exchange_method_of(std::string_view name) {
  return static_cast<ExchangeMethod>(number_of(method_names, name, "--exchange"));
}
std::string_view exchange_method_name(ExchangeMethod method) {
  return method_names[static_cast<std::size_t>(method)];
}
Overlap overlap_of(std::string_view name) {
  return static_cast<Overlap>(number_of(overlap_names, name, "--exchange-overlap"));
}
std::string_view overlap_name(Overlap overlap) {
  return overlap_names[static_cast<std::size_t>(overlap)];
}

std::shared_ptr<ExchangeRoom> make_exchange_room() {
  return std::make_shared<ExchangeRoom>();
}

FactorExchange::FactorExchange(const Communicator& comm, const WorkRows& rows, const Partition& columns,
                               const ExchangeSettings& asked)
    : method_(comm.size() == 1 ? ExchangeMethod::sparse : asked.method),
      counted_(std::make_unique<Traffic>()) {
  PUSHCART_CHECK(columns.num_ranks() == comm.size() && rows.num_columns() == columns.num_rows());
  PUSHCART_CHECK(asked.row_bytes > 0 && asked.method != ExchangeMethod::automatic);
  const ExchangeSettings settings = with_room(asked);
  const Range owned = columns.range(comm.rank());
  if (method_ == ExchangeMethod::replicate) {
    NodeOrder order(comm, columns);
    PUSHCART_CHECK(columns.num_rows() <= std::numeric_limits<std::int32_t>::max());
    positions_.resize(static_cast<std::size_t>(rows.num_entries()));
    for (Count row = 0; row < rows.num_rows(); ++row) {
      if (!rows.is_here(row) || rows.row_length(row) == 0) continue;
      pieces_.push_back({row, rows.begin(row), rows.begin(row) + rows.row_length(row)});
      auto position = positions_.begin() + rows.begin(row);
      for (const Count column : rows.columns(row)) {
        const int owner = columns.owner(column);
        *position++ = static_cast<std::int32_t>(order.place(owner, column - columns.range(owner).begin));
      }
    }
    batch_begin_.push_back(static_cast<Count>(pieces_.size()));
    strategy_ = std::make_unique<ReplicatedRows>(comm, std::move(order), owned.size(), settings, *counted_);
    return;
  }
  const Keep keep = method_ == ExchangeMethod::sparse ? Keep::all : Keep::nothing;
  const Count batch_rows =
      keep == Keep::all ? sparse_batch_rows(count_remote_columns(rows, owned)) : stream_batch_rows(settings);
  BatchPlan plan = plan_batches(rows, columns, comm.rank(), batch_rows, keep);
  pieces_ = std::move(plan.pieces);
  batch_begin_ = std::move(plan.batch_begin);
  positions_ = std::move(plan.positions);
  strategy_ = std::make_unique<PlannedRows>(comm, std::move(plan.batches), keep, settings, *counted_);
}

FactorExchange::~FactorExchange() = default;
FactorExchange::FactorExchange(FactorExchange&&) noexcept = default;

std::span<const RowPiece> FactorExchange::pieces(Count batch) const {
  const auto b = static_cast<std::size_t>(batch);
  return std::span(pieces_).subspan(static_cast<std::size_t>(batch_begin_[b]),
                                    static_cast<std::size_t>(batch_begin_[b + 1] - batch_begin_[b]));
}

void FactorExchange::start(std::span<const float> owned, Count width) {
  strategy_->start(owned, width);
}
GatheredRows FactorExchange::await(Count batch) {
  return strategy_->await(batch);
}
void FactorExchange::progress() {
  strategy_->progress();
}
void FactorExchange::finish() {
  strategy_->finish();
}
Traffic FactorExchange::planned(Count width) const {
  return strategy_->planned(width);
}

}  // namespace pushcart
