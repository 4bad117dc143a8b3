#pragma once

#include <optional>

#include "pushcart/comm/node_window.hpp"
#include "pushcart/matrix/factor_exchange.hpp"

namespace pushcart {

class ExchangeRoom {
 public:
  std::vector<float> rows;  ///< of this rank

  /// Memory of the node for at least so many floats. Collective over the ranks of `comm`; what was there is
  /// lost, and spans of it with it.
  void reserve_shared(const Communicator& comm, Count num_floats) {
    if (!node_) node_.emplace(comm.split_by_node());
    if (window_ && static_cast<Count>(window_->values().size()) >= num_floats) return;
    window_.reset();
    window_.emplace(*node_, num_floats);
  }
  const NodeWindow& shared() const { return *window_; }
  const Communicator& node() const { return *node_; }

 private:
  std::optional<Communicator> node_;
  std::optional<NodeWindow> window_;
};

/// How rows travel. Counts what it moves into a Traffic that outlives it.
class FactorExchange::Strategy {
 public:
  virtual ~Strategy() = default;
  virtual void start(std::span<const float> owned, Count width) = 0;
  virtual GatheredRows await(Count batch) = 0;
  virtual void progress() = 0;
  virtual void finish() = 0;
  virtual Traffic planned(Count width) const = 0;
};

}  // namespace pushcart
