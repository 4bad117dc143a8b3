#include "matrix/exchange/replicated_rows.hpp"

#include <algorithm>

namespace pushcart {
namespace {

/// Whole rows of at most this together are one message.
constexpr Count message_bytes = Count{1} << 26;

}  // namespace

NodeOrder::NodeOrder(const Communicator& comm, const Partition& columns) {
  const Communicator node = comm.split_by_node();
  ranks_on_node_ = node.size();
  is_leader_ = node.is_root();
  const std::vector<int> leader_of = comm.allgather(node.broadcast(comm.rank(), 0));
  std::vector<int> leaders = leader_of;
  std::sort(leaders.begin(), leaders.end());
  leaders.erase(std::unique(leaders.begin(), leaders.end()), leaders.end());
  first_.resize(leader_of.size());
  Count place = 0;
  for (std::size_t n = 0; n < leaders.size(); ++n) {
    node_begin_.push_back(place);
    for (std::size_t rank = 0; rank < leader_of.size(); ++rank) {
      if (leader_of[rank] != leaders[n]) continue;
      if (static_cast<int>(rank) == comm.rank()) own_node_ = static_cast<int>(n);
      first_[rank] = place;
      place += columns.range(static_cast<int>(rank)).size();
    }
  }
  node_begin_.push_back(place);
}

ReplicatedRows::ReplicatedRows(const Communicator& comm, NodeOrder order, Count own_rows,
                               const ExchangeSettings& settings, Traffic& counted)
    : order_(std::move(order)),
      leaders_(comm.split(order_.is_leader() ? 0 : 1, order_.own_node())),
      own_place_(order_.place(comm.rank(), 0)),
      overlap_(settings.overlap),
      counted_(counted),
      room_(settings.room) {
  const Count floats = (settings.row_bytes + Count{sizeof(float)} - 1) / Count{sizeof(float)};
  room_->reserve_shared(comm, order_.node_rows(order_.num_nodes() - 1).end * floats);
  PUSHCART_CHECK(own_place_ + own_rows <= order_.node_rows(order_.own_node()).end);
}

void ReplicatedRows::start(std::span<const float> owned, Count width) {
  width_ = width;
  const NodeWindow& window = room_->shared();
  PUSHCART_CHECK(order_.node_rows(order_.num_nodes() - 1).end * width <=
                 static_cast<Count>(window.values().size()));
  window.synchronize();  // all of the node are through with what lies there
  std::copy(owned.begin(), owned.end(), window.values().begin() + own_place_ * width);
  window.synchronize();
  if (!order_.is_leader()) return;
  const Count step = std::max<Count>(1, message_bytes / (width * Count{sizeof(float)}));
  const auto for_each_message = [&](int node, auto&& use) {
    const Range rows = order_.node_rows(node);
    for (Count row = rows.begin; row < rows.end; row += step) {
      use(window.values().subspan(static_cast<std::size_t>(row * width),
                                  static_cast<std::size_t>(std::min(step, rows.end - row) * width)));
    }
  };
  for (int distance = 1; distance < order_.num_nodes(); ++distance) {
    const int from = (order_.own_node() + order_.num_nodes() - distance) % order_.num_nodes();
    for_each_message(from,
                     [&](std::span<float> rows) { receives_.push_back(leaders_.start_receive(rows, from)); });
  }
  for (int distance = 1; distance < order_.num_nodes(); ++distance) {
    const int to = (order_.own_node() + distance) % order_.num_nodes();
    for_each_message(order_.own_node(), [&](std::span<float> rows) {
      sends_.push_back(leaders_.start_send(std::span<const float>(rows), to));
      counted_.sent_bytes += static_cast<Count>(rows.size_bytes());
    });
  }
}

void ReplicatedRows::progress() {
  if (overlap_ == Overlap::off) return;
  for (auto* requests : {&receives_, &sends_}) {
    for (Request& request : *requests) request.test();
  }
}

GatheredRows ReplicatedRows::await(Count) {
  for (Request& request : receives_) {
    request.wait();
    counted_.received_bytes += request.num_bytes();
  }
  for (Request& request : sends_) request.wait();
  receives_.clear();
  sends_.clear();
  room_->shared().synchronize();
  return {nullptr, room_->shared().values().data(), width_};
}

Traffic ReplicatedRows::planned(Count width) const {
  if (!order_.is_leader()) return {};
  const Count row_bytes = width * Count{sizeof(float)};
  const Count own = order_.node_rows(order_.own_node()).size();
  const Count all = order_.node_rows(order_.num_nodes() - 1).end;
  return {(all - own) * row_bytes, own * (order_.num_nodes() - 1) * row_bytes};
}

}  // namespace pushcart
