#include "models/similarity/block_ring.hpp"

#include <algorithm>
#include <utility>

namespace pushcart::similarity {

namespace {

/// Calls use(part) for consecutive parts, short enough for one message each.
template <class Use>
void for_each_part(std::span<std::byte> bytes, Use&& use) {
  constexpr std::size_t most = std::size_t{1} << 26;
  for (std::size_t begin = 0; begin < bytes.size(); begin += most) {
    use(bytes.subspan(begin, std::min(most, bytes.size() - begin)));
  }
}

}  // namespace

RingOrder ring_order(const Communicator& comm, const Operand& right, const std::vector<BlockShape>& own,
                     Count block_columns) {
  const auto all = comm.allgather(std::span<const BlockShape>(own));
  std::vector<std::vector<BlockShape>> by_rank;
  auto at = all.data.begin();
  for (const Count count : all.counts) {
    by_rank.emplace_back(at, at + count);
    at += count;
  }
  return {padded_shapes(by_rank, comm.allgather(right.pattern->rows.end)), comm.size(), comm.rank(),
          block_columns};
}

bool BlockRing::start_round() {
  while (is_exchanging()) finish_exchange();
  drop_before(num_arrived_);
  if (++round_ >= order_.num_rounds()) return false;
  current_ = {0, 0};
  first_held_ = 0;
  held_.push_back(taken_from_spare());
  held_.back().pack(right_, order_.shape(round_, 0));
  num_arrived_ = 1;
  return true;
}

const ColumnBlock* BlockRing::next() {
  const bool is_over = round_ < 0 || current_.end == comm_.size();
  if (is_over && !start_round()) return nullptr;
  current_ = order_.span_from(round_, current_.end);
  while (num_arrived_ < current_.end) {
    if (!is_exchanging()) start_exchange();
    finish_exchange();
  }
  const bool is_single = current_.end == current_.begin + 1;
  if (!is_single) {
    std::vector<const ColumnBlock*> parts;
    for (Count step = current_.begin; step < current_.end; ++step) parts.push_back(&held(step));
    merged_.merge(parts);
  }
  drop_before(is_single ? current_.begin : current_.end - 1);
  if (current_.end < comm_.size() && !is_exchanging()) start_exchange();
  return is_single ? &held(current_.begin) : &merged_;
}

void BlockRing::drop_before(Count step) {
  for (; first_held_ < step; ++first_held_) {
    spare_.push_back(std::move(held_.front()));
    held_.pop_front();
  }
}

ColumnBlock BlockRing::taken_from_spare() {
  if (spare_.empty()) return {};
  ColumnBlock block = std::move(spare_.back());
  spare_.pop_back();
  return block;
}

/// The last block that came goes on, the next one comes.
void BlockRing::start_exchange() {
  const int ranks = comm_.size(), before = (comm_.rank() + ranks - 1) % ranks,
            after = (comm_.rank() + 1) % ranks;
  held_.push_back(taken_from_spare());
  ColumnBlock& coming = held_.back();
  coming.reserve(order_.shape(round_, num_arrived_));
  for_each_part(coming.bytes(),
                [&](std::span<std::byte> part) { requests_.push_back(comm_.start_receive(part, after)); });
  for_each_part(held(num_arrived_ - 1).bytes(), [&](std::span<std::byte> part) {
    requests_.push_back(comm_.start_send(std::span<const std::byte>(part), before));
  });
}

void BlockRing::finish_exchange() {
  for (Request& request : requests_) request.wait();
  requests_.clear();
  received_bytes_ += ColumnBlock::num_bytes(order_.shape(round_, num_arrived_));
  ++num_arrived_;
}

void BlockRing::advance() {
  if (!is_exchanging()) return;
  bool is_complete = true;
  for (Request& request : requests_) is_complete = request.test() && is_complete;
  if (!is_complete) return;
  finish_exchange();
  const bool wants_more =
      num_arrived_ < comm_.size() && num_arrived_ < order_.span_from(round_, current_.end).end;
  if (wants_more) start_exchange();
}

}  // namespace pushcart::similarity
