#include "topn/item_block.hpp"

#include <algorithm>
#include <cmath>

namespace pushcart::detail {

double euclidean_norm(std::span<const float> row) {
  double sum = 0;
  for (float value : row) sum += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(sum);
}

ItemTour::ItemTour(const Communicator& comm, const ItemSide& side) : comm_(comm), side_(side) {
  const Count num_owned = side.partition.range(comm.rank()).size();
  PUSHCART_CHECK(side.allowed.empty() || static_cast<Count>(side.allowed.size()) == num_owned);
  PUSHCART_CHECK(side.bias.empty() || static_cast<Count>(side.bias.size()) == num_owned);
  for (Count row = 0; row < static_cast<Count>(side.allowed.size()); ++row) {
    if (side.allowed[static_cast<std::size_t>(row)]) allowed_rows_.push_back(row);
  }
  // A rank without items does not know what the others have, so both facts are agreed.
  num_allowed_ = comm.allgather(side.allowed.empty() ? num_owned : static_cast<Count>(allowed_rows_.size()));
  num_columns_ = comm.allreduce(side.factors.num_columns, Reduce::max);
}

void ItemTour::pack(ItemBlock& block, Count begin, Count end) const {
  const Count first_item = side_.partition.range(comm_.rank()).begin;
  for (Count position = begin; position < end; ++position) {
    const Count row = side_.allowed.empty() ? position : allowed_rows_[static_cast<std::size_t>(position)];
    const auto to = static_cast<std::size_t>(position - begin);
    block.items[to] = first_item + row;
    block.bias[to] = side_.bias.empty() ? 0.0F : side_.bias[static_cast<std::size_t>(row)];
    if (num_columns_ == 0) continue;
    const auto factors = side_.factors.row(row);
    std::copy(factors.begin(), factors.end(),
              block.factors.begin() + static_cast<std::ptrdiff_t>((position - begin) * num_columns_));
  }
}

bool ItemTour::next(ItemBlock& block) {
  while (owner_ < comm_.size() && shown_ == num_allowed_[static_cast<std::size_t>(owner_)]) {
    ++owner_;
    shown_ = 0;
  }
  if (owner_ == comm_.size()) return false;
  const Count size = std::min(block_items, num_allowed_[static_cast<std::size_t>(owner_)] - shown_);
  block.num_columns = num_columns_;
  block.items.resize(static_cast<std::size_t>(size));
  block.bias.resize(static_cast<std::size_t>(size));
  block.factors.resize(static_cast<std::size_t>(size * num_columns_));
  block.norms.resize(static_cast<std::size_t>(size));
  if (comm_.rank() == owner_) pack(block, shown_, shown_ + size);
  comm_.broadcast(std::span(block.items), owner_);
  comm_.broadcast(std::span(block.bias), owner_);
  if (num_columns_ > 0) comm_.broadcast(std::span(block.factors), owner_);
  for (Count i = 0; i < size; ++i) block.norms[static_cast<std::size_t>(i)] = euclidean_norm(block.row(i));
  shown_ += size;
  return true;
}

}  // namespace pushcart::detail
