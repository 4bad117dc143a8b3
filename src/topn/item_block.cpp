#include "topn/item_block.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "pushcart/base/parallel.hpp"

namespace pushcart::detail {

namespace {

constexpr Count rows_a_task = 256;  ///< of a parallel loop over rows

}  // namespace

double euclidean_norm(std::span<const float> row) {
  constexpr std::size_t lanes = 8;  // partial sums that the compiler can keep in one vector
  double sums[lanes] = {};
  const std::size_t full = row.size() / lanes * lanes;
  for (std::size_t i = 0; i < full; i += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      sums[lane] += static_cast<double>(row[i + lane]) * static_cast<double>(row[i + lane]);
    }
  }
  for (std::size_t i = full; i < row.size(); ++i) {
    sums[i - full] += static_cast<double>(row[i]) * static_cast<double>(row[i]);
  }
  return std::sqrt(std::accumulate(sums, sums + lanes, 0.0));
}

ItemBlock::ItemBlock(Count size, Count num_columns) : size_(size), num_columns_(num_columns) {
  factors_at_ = lines(size * Count{sizeof(Count)});
  bias_at_ = factors_at_ + lines(size * num_columns * Count{sizeof(float)});
  memory_.resize(count(bias_at_ + lines(size * Count{sizeof(float)})));
}

ItemTour::ItemTour(const Communicator& comm, const ItemSide& side, TourOrder order)
    : comm_(comm), side_(side) {
  const Count num_owned = side.partition.range(comm.rank()).size();
  PUSHCART_CHECK(side.allowed.empty() || static_cast<Count>(side.allowed.size()) == num_owned);
  PUSHCART_CHECK(side.bias.empty() || static_cast<Count>(side.bias.size()) == num_owned);
  for (Count row = 0; row < num_owned; ++row) {
    if (side.allowed.empty() || side.allowed[static_cast<std::size_t>(row)]) owned_rows_.push_back(row);
  }
  // A rank without items does not know what the others have.
  num_columns_ = comm.allreduce(side.factors.num_columns, Reduce::max);
  if (order == TourOrder::by_norm && num_columns_ > 0) sort_owned_by_norm();
  plan_stops(order);
}

void ItemTour::sort_owned_by_norm() {
  norms_.resize(owned_rows_.size());
  const auto num_owned = static_cast<Count>(owned_rows_.size());
  std::vector<double> by_row(static_cast<std::size_t>(side_.factors.rows.size()));
  parallel_for((num_owned + rows_a_task - 1) / rows_a_task, [&](Count task) {
    for (Count i = task * rows_a_task; i < std::min(num_owned, (task + 1) * rows_a_task); ++i) {
      const Count row = owned_rows_[static_cast<std::size_t>(i)];
      const double norm = euclidean_norm(side_.factors.row(row));
      // Not a number goes first: it must be found out, and the order must be one.
      by_row[static_cast<std::size_t>(row)] = std::isnan(norm) ? HUGE_VAL : norm;
    }
  });
  std::sort(owned_rows_.begin(), owned_rows_.end(), [&](Count a, Count b) {
    const double norm_a = by_row[static_cast<std::size_t>(a)], norm_b = by_row[static_cast<std::size_t>(b)];
    return norm_a > norm_b || (norm_a == norm_b && a < b);
  });
  for (std::size_t i = 0; i < norms_.size(); ++i)
    norms_[i] = by_row[static_cast<std::size_t>(owned_rows_[i])];
}

void ItemTour::plan_stops(TourOrder order) {
  const auto num_owned = comm_.allgather(static_cast<Count>(owned_rows_.size()));
  for (int owner = 0; owner < comm_.size(); ++owner) {
    const Count size = num_owned[static_cast<std::size_t>(owner)];
    num_items_ += size;
    for (Count begin = 0; begin < size; begin += stops_.back().size) {
      stops_.push_back({owner, begin, std::min(block_items, size - begin)});
    }
  }
  if (order == TourOrder::by_index || num_columns_ == 0) return;
  std::vector<double> largest;  // of my blocks
  for (const Stop& stop : stops_) {
    if (stop.owner == comm_.rank()) largest.push_back(norms_[static_cast<std::size_t>(stop.begin)]);
  }
  const auto norms = comm_.allgather(std::span<const double>(largest)).data;  // in the order of the stops
  std::vector<std::size_t> positions(stops_.size());
  std::iota(positions.begin(), positions.end(), std::size_t{0});
  std::stable_sort(positions.begin(), positions.end(),
                   [&](std::size_t a, std::size_t b) { return norms[a] > norms[b]; });
  std::vector<Stop> sorted;
  for (std::size_t position : positions) sorted.push_back(stops_[position]);
  stops_ = std::move(sorted);
}

/// Takes stops from the beginning of the tour, the last of them in part, `size` items in all.
std::vector<ItemTour::Stop> ItemTour::leave(Count size) {
  std::vector<Stop> taken;
  while (size > 0 && !stops_.empty()) {
    Stop& stop = stops_.front();
    taken.push_back({stop.owner, stop.begin, std::min(size, stop.size)});
    size -= taken.back().size;
    stop.begin += taken.back().size;
    stop.size -= taken.back().size;
    if (stop.size == 0) stops_.erase(stops_.begin());
  }
  return taken;
}

ItemBlock ItemTour::take_first(Count size) {
  const Count first_item = side_.partition.range(comm_.rank()).begin;
  std::vector<Count> items;
  std::vector<float> bias, factors;
  const auto take = [&](Count position) {
    const Count row = owned_rows_[static_cast<std::size_t>(position)];
    items.push_back(first_item + row);
    bias.push_back(side_.bias.empty() ? 0.0F : side_.bias[static_cast<std::size_t>(row)]);
    if (num_columns_ == 0) return;
    const auto from = side_.factors.row(row);
    factors.insert(factors.end(), from.begin(), from.end());
  };
  for (const Stop& stop : leave(size)) {
    for (Count i = 0; i < stop.size && stop.owner == comm_.rank(); ++i) take(stop.begin + i);
  }
  items = comm_.allgather(std::span<const Count>(items)).data;
  bias = comm_.allgather(std::span<const float>(bias)).data;
  factors = comm_.allgather(std::span<const float>(factors)).data;
  ItemBlock block(static_cast<Count>(items.size()), num_columns_);
  std::copy(items.begin(), items.end(), block.items().begin());
  std::copy(bias.begin(), bias.end(), block.bias().begin());
  std::copy(factors.begin(), factors.end(), block.factors().begin());
  return block;
}

void ItemTour::pack(ItemBlock& block, Count begin) const {
  const Count first_item = side_.partition.range(comm_.rank()).begin;
  constexpr Count rows_at_once = 64;
  parallel_for((block.size() + rows_at_once - 1) / rows_at_once, [&](Count task) {
    for (Count to = task * rows_at_once; to < std::min(block.size(), (task + 1) * rows_at_once); ++to) {
      const Count row = owned_rows_[static_cast<std::size_t>(begin + to)];
      block.items()[static_cast<std::size_t>(to)] = first_item + row;
      block.bias()[static_cast<std::size_t>(to)] =
          side_.bias.empty() ? 0.0F : side_.bias[static_cast<std::size_t>(row)];
      if (num_columns_ == 0) continue;
      const auto factors = side_.factors.row(row);
      std::copy(factors.begin(), factors.end(), block.factors().begin() + to * num_columns_);
    }
  });
}

void ItemTour::start(std::size_t stop) {
  const auto [owner, begin, size] = stops_[stop];
  if (coming_.size() != size || coming_.num_columns() != num_columns_)
    coming_ = ItemBlock(size, num_columns_);
  if (comm_.rank() == owner) pack(coming_, begin);
  request_ = start_broadcast(comm_, coming_.bytes(), owner);
}

const ItemBlock* ItemTour::next() {
  if (shown_ == stops_.size()) return nullptr;
  if (shown_ == 0) start(0);
  request_.wait();
  std::swap(current_, coming_);
  if (++shown_ < stops_.size()) start(shown_);
  return &current_;
}

}  // namespace pushcart::detail
