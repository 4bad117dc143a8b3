#pragma once

#include <deque>
#include <vector>

#include "models/similarity/ring_order.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart::similarity {

/// The order in which the blocks of all ranks come to this one. Collective.
/// @param own            this rank's blocks, none wider than block_columns
/// @param block_columns  of a merged block at most
RingOrder ring_order(const Communicator& comm, const Operand& right, const std::vector<BlockShape>& own,
                     Count block_columns);

/// Blocks on their way round the ranks: each is handed on to its predecessor while a rank works, so that a
/// small table is searched once, whatever the number of ranks. Collective, but for advance().
class BlockRing {
 public:
  /// @param order  of this rank; both must stay
  BlockRing(const Communicator& comm, const Operand& right, const RingOrder& order)
      : comm_(comm), right_(right), order_(order) {}

  /// Brings the next block and begins the exchange of those after it; nullptr after the last.
  const ColumnBlock* next();
  /// Moves messages on. Local; on the main thread only.
  void advance();
  /// Bytes that have come from other ranks.
  Count received_bytes() const { return received_bytes_; }

 private:
  bool start_round();
  void start_exchange();
  void finish_exchange();
  bool is_exchanging() const { return !requests_.empty(); }
  void drop_before(Count step);
  ColumnBlock& held(Count step) { return held_[static_cast<std::size_t>(step - first_held_)]; }
  ColumnBlock taken_from_spare();

  const Communicator& comm_;
  const Operand& right_;
  const RingOrder& order_;
  Count round_ = -1;
  RingOrder::Span current_;
  Count num_arrived_ = 0;         ///< steps of the round whose blocks are here
  Count first_held_ = 0;          ///< step of held_.front()
  std::deque<ColumnBlock> held_;  ///< what is worked on, sent or received
  std::vector<ColumnBlock> spare_;
  ColumnBlock merged_;
  std::vector<Request> requests_;
  Count received_bytes_ = 0;
};

}  // namespace pushcart::similarity
