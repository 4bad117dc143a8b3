#pragma once

#include "matrix/exchange/strategy.hpp"

namespace pushcart {

/// Where the rows of each rank lie in a copy of the whole table: node by node, so that what a node owns is
/// one stretch.
class NodeOrder {
 public:
  /// Collective.
  NodeOrder(const Communicator& comm, const Partition& columns);
  Count place(int owner, Count local_row) const {
    return first_[static_cast<std::size_t>(owner)] + local_row;
  }
  int num_nodes() const { return static_cast<int>(node_begin_.size()) - 1; }
  /// Rows that a node owns, by place; nodes in the order of their first ranks.
  Range node_rows(int node) const {
    return {node_begin_[static_cast<std::size_t>(node)], node_begin_[static_cast<std::size_t>(node) + 1]};
  }
  int own_node() const { return own_node_; }
  bool is_leader() const { return is_leader_; }  ///< the first rank of its node
  int ranks_on_node() const { return ranks_on_node_; }

 private:
  std::vector<Count> first_;       // place of the first row, by rank
  std::vector<Count> node_begin_;  // places, one more than nodes
  int own_node_ = 0, ranks_on_node_ = 1;
  bool is_leader_ = false;
};

/// The whole table once a node: every rank writes its rows there, and the first ranks of the nodes send each
/// other what their nodes own.
class ReplicatedRows : public FactorExchange::Strategy {
 public:
  /// Collective.
  ReplicatedRows(const Communicator& comm, NodeOrder order, Count own_rows, const ExchangeSettings& settings,
                 Traffic& counted);

  void start(std::span<const float> owned, Count width) override;
  GatheredRows await(Count batch) override;
  void progress() override;
  void finish() override {}
  Traffic planned(Count width) const override;

 private:
  const NodeOrder order_;
  const Communicator leaders_;  // first ranks, in the order of nodes; other ranks among themselves
  const Count own_place_;
  const Overlap overlap_;
  Traffic& counted_;
  std::shared_ptr<ExchangeRoom> room_;
  std::vector<Request> receives_, sends_;
  Count width_ = 0;
};

}  // namespace pushcart
