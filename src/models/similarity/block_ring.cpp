#include "models/similarity/block_ring.hpp"

#include <algorithm>

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

BlockRing::BlockRing(const Communicator& comm, const Operand& right, const std::vector<BlockShape>& own)
    : comm_(comm), right_(right) {
  num_rounds_ = comm.allreduce(static_cast<Count>(own.size()), Reduce::max);
  std::vector<BlockShape> padded = own;
  const Count end = right.pattern->rows.end;
  BlockShape none;
  none.columns = {end, end};
  padded.resize(static_cast<std::size_t>(num_rounds_), none);
  shapes_ = comm.allgather(std::span<const BlockShape>(padded)).data;
  for (const auto& shape : shapes_) largest_bytes_ = std::max(largest_bytes_, ColumnBlock::num_bytes(shape));
}

const BlockShape& BlockRing::shape(Count round, Count step) const {
  const Count origin = (comm_.rank() + step) % comm_.size();
  return shapes_[static_cast<std::size_t>(origin * num_rounds_ + round)];
}

const ColumnBlock* BlockRing::next() {
  if (step_ >= 0) finish_exchange();
  ++step_;
  if (step_ == comm_.size()) {
    step_ = 0;
    ++round_;
  }
  if (round_ >= num_rounds_) return nullptr;
  if (step_ == 0) {
    blocks_[current_].pack(right_, shape(round_, 0));
  } else {
    current_ = 1 - current_;
  }
  start_exchange();
  return &blocks_[current_];
}

void BlockRing::start_exchange() {
  if (step_ + 1 == comm_.size()) return;
  const int ranks = comm_.size(), before = (comm_.rank() + ranks - 1) % ranks,
            after = (comm_.rank() + 1) % ranks;
  ColumnBlock& coming = blocks_[1 - current_];
  coming.reserve(shape(round_, step_ + 1));
  for_each_part(coming.bytes(),
                [&](std::span<std::byte> part) { requests_.push_back(comm_.start_receive(part, after)); });
  for_each_part(blocks_[current_].bytes(), [&](std::span<std::byte> part) {
    requests_.push_back(comm_.start_send(std::span<const std::byte>(part), before));
  });
}

void BlockRing::finish_exchange() {
  for (Request& request : requests_) request.wait();
  requests_.clear();
}

void BlockRing::advance() {
  for (Request& request : requests_) request.test();
}

}  // namespace pushcart::similarity
