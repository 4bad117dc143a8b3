#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pushcart/base/index.hpp"
#include "pushcart/checkpoint/checkpoint_folder.hpp"

namespace pushcart {

/// Of checkpoint files with row lists.
inline constexpr const char* row_lists_kind = "row-lists";

/// Lists of some of this rank's rows: what a long work by rows, such as a top-N or nearest neighbours, has so
/// far. Entries of rows[r] are positions [offsets[r], offsets[r+1]).
struct RowLists {
  std::vector<Count> rows;  ///< global, ascending
  std::vector<Count> offsets{0};
  std::vector<Count> columns;
  std::vector<float> scores;
  std::vector<std::uint32_t> support;  ///< by entry, or empty where the work has none; alike on all ranks

  Count num_rows() const { return static_cast<Count>(rows.size()); }
};

/// The rows of both, of which none is in both. Local.
RowLists united(const RowLists& lists, const RowLists& more);

/// Where a long work by rows keeps what it has, so that it can go on after a stop. All member functions but
/// batch_rows() are collective.
class RowCheckpoints {
 public:
  virtual ~RowCheckpoints() = default;
  /// Rows of a rank that are worked on between two calls of between_batches; 0 = as many as the work thinks
  /// fit. The same on all ranks. Never changes the lists.
  virtual Count batch_rows() const = 0;
  /// What an earlier run has left for the rows of this rank. Errors as read_row_lists.
  virtual RowLists resume(Range owned, Count num_columns) = 0;
  /// Called while more is to do. @param done  of this rank, with what resume() gave. StoppedError if the work
  /// is to end here; StorageError.
  virtual void between_batches(const RowLists& done) = 0;
};

/// Writes the lists of all ranks. Ranks own ascending ranges of rows. @return bytes of the file. Collective;
/// StorageError.
Count write_row_lists(const Communicator& comm, const std::string& path, const RowLists& done,
                      const WorkIdentity& identity);
/// Of the file's lists those of this rank's rows, however many ranks wrote it. Collective; InputError if the
/// file holds something else than lists of columns in [0, num_columns).
RowLists read_row_lists(const Communicator& comm, const FileReader& file, Range owned, Count num_columns);

}  // namespace pushcart
