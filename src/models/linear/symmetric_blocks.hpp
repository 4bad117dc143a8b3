#pragma once

#include <functional>
#include <span>
#include <vector>

#include "pushcart/checkpoint/file_reader.hpp"
#include "pushcart/checkpoint/file_writer.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart::linear {

/// A dense symmetric matrix over the ranks: its lower triangle in square blocks, the block rows dealt out
/// there and back again (0 1 2 2 1 0 ...), which shares the triangle evenly. The block size depends on the
/// size of the matrix only; beyond the matrix its last block holds the unit matrix. Every operation on a
/// block is done by one rank on one thread, in an order that knows nothing of ranks: the same bits for any
/// number of them.
class SymmetricBlocks {
 public:
  /// The zero matrix. Collective; takes owned_bytes() and, while it works, working_bytes().
  SymmetricBlocks(const Communicator& comm, Count size);

  static Count block_size(Count size);
  /// Of the rank that owns most.
  static Count owned_bytes(Count size, int num_ranks);
  static Count working_bytes(Count size, int num_ranks);
  /// What a rank would receive in an inversion, or in a pass over all panels; and its operations in the
  /// first.
  static Count inversion_bytes(Count size, int num_ranks, int rank);
  static Count panels_bytes(Count size, int num_ranks, int rank);
  static double inversion_operations(Count size, int num_ranks, int rank);

  Count size() const { return size_; }
  Count num_blocks() const { return num_blocks_; }
  Count block_size() const { return block_; }
  int owner_of_row(Count row) const { return owner(row / block_); }
  static int owner_of_row(Count row, Count size, int num_ranks);
  /// Columns of a row that are stored: the row's block and those before it. Row owned here. Local.
  std::span<float> stored_row(Count row);

  /// A := -inverse of A, for a positive definite A: sweeps of one block of pivots at a time (symmetric
  /// Gauss-Jordan elimination), size^3 operations in all. @return false if it was not positive definite, as
  /// far as floats can tell. Collective.
  /// @param first    pivots before it are swept already
  /// @param between  called with how many are, after each but the last
  bool invert_negated(Count first = 0, const std::function<void(Count done)>& between = {});

  /// The blocks as they are, into the file of a state and out of it, whoever owned them then. write is
  /// collective, StorageError; read local, InputError.
  void write(FileWriter& file) const;
  void read(const FileReader& file);

  /// Columns [block * block_size, + block_size) of the matrix, all rows (padded to whole blocks), row-major,
  /// on every rank. Collective; valid until the next call.
  std::span<const float> panel(Count block);
  /// The diagonal, on every rank. Collective.
  std::vector<float> diagonal() const;

  /// Seconds in products of blocks and operations done, on this rank.
  double product_seconds() const { return product_seconds_; }
  double operations() const { return operations_; }
  /// Blocks of other ranks that came here so far, by count.
  Count received_bytes() const { return received_bytes_; }

 private:
  int owner(Count block_row) const;
  float* block_row(Count row) { return values_.data() + row_begin_[static_cast<std::size_t>(row)]; }
  const float* block_row(Count row) const {
    return values_.data() + row_begin_[static_cast<std::size_t>(row)];
  }
  Count stride(Count block_row) const { return (block_row + 1) * block_; }
  bool is_mine(Count block_row) const { return owner(block_row) == comm_.rank(); }
  /// From the owner of a block row to all others. Collective.
  void broadcast(std::span<float> blocks, Count block_row);
  bool invert_pivot(Count pivot);
  void update_row(Count row, Count pivot, Count first_block, Count last_block);
  void sweep(Count pivot);

  const Communicator& comm_;
  const Count size_, block_, num_blocks_;
  std::vector<Count> owned_rows_;  // block rows, ascending
  std::vector<Count> row_begin_;   // by block row: in values_
  std::vector<float> values_;
  std::vector<float> panel_;    // num_blocks * block x block
  std::vector<float> scaled_;   // by owned block row: panel block times inverse pivot
  std::vector<float> inverse_;  // of the pivot block
  double product_seconds_ = 0, operations_ = 0;
  Count received_bytes_ = 0;
};

}  // namespace pushcart::linear
