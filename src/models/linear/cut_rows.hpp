#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/ids/partition.hpp"
#include "pushcart/matrix/sparse_rows.hpp"

namespace pushcart::linear {

/// Item weights while they are made: of each owned row the K entries of largest magnitude, ties by the lower
/// column. Rows may be set by any thread, each once; rows never set stay empty.
class CutRows {
 public:
  CutRows(Range rows, Count num_columns, Count largest_count);

  struct Entry {
    std::int32_t column;
    float value;
  };
  /// Takes the K largest of `entries`, zeros never. They come in an order that the data fixes, in which their
  /// squares are summed, and are scratch afterwards. Local.
  void set(Count local_row, std::vector<Entry>& entries);

  /// Share of the squares of all entries seen that the cut kept, over all ranks, 1 if there were none: the
  /// same bits for any number of ranks. Collective.
  double kept_share(const Communicator& comm) const;
  SparseRows take();

  /// What it holds of so many rows and entries kept, and what take() makes of them beside it.
  static Count cut_bytes(Count num_rows, Count num_entries) {
    constexpr Count row = sizeof(std::vector<Entry>) + 2 * sizeof(double);
    return num_entries * Count{sizeof(Entry)} + num_rows * row;
  }
  static Count taken_bytes(Count num_rows, Count num_entries) {
    return num_entries * Count{sizeof(Count) + sizeof(float)} + num_rows * Count{sizeof(Count)};
  }

 private:
  Range rows_;
  Count num_columns_, largest_count_;
  std::vector<std::vector<Entry>> kept_;  // by local row, ascending columns
  std::vector<double> all_squares_, kept_squares_;
};

}  // namespace pushcart::linear
