#pragma once

#include <mpi.h>

#include <span>

#include "pushcart/comm/communicator.hpp"

namespace pushcart {

/// Memory that the ranks of one node share (an MPI-3 shared-memory window): each reads and writes it like its
/// own. What one rank wrote another sees after synchronize().
class NodeWindow {
 public:
  /// @param node  ranks of one node, as Communicator::split_by_node gives; equal num_floats on all.
  /// Collective
  ///              over node. MpiError if the node has no room for it (see free_shared_bytes).
  NodeWindow(const Communicator& node, Count num_floats);
  NodeWindow(const NodeWindow&) = delete;
  NodeWindow& operator=(const NodeWindow&) = delete;
  /// Collective over the node, but for an error on its way out: then the memory is left to the process's end.
  ~NodeWindow();

  std::span<float> values() const { return values_; }
  /// Every rank of the node sees what every other wrote before. Collective over the node.
  void synchronize() const;

 private:
  const Communicator& node_;
  MPI_Win window_ = MPI_WIN_NULL;
  std::span<float> values_;
  int exceptions_at_start_;
};

/// What this node still has for shared windows, in bytes. Local.
Count free_shared_bytes();

}  // namespace pushcart
