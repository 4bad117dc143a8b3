#pragma once

#include <vector>

#include "pushcart/matrix/sparse_rows.hpp"

namespace pushcart {

/// The rows that a rank works on: its own, where they lie, and behind them rows or parts of rows that it
/// works on for others. Rows are numbered own ones first, and so are entries.
class WorkRows {
 public:
  /// All own rows and no others. `own` must outlive this, here and below.
  explicit WorkRows(const SparseRows& own) : own_(&own) { borrowed_.num_columns = own.num_columns; }
  /// @param elsewhere  by own row: not zero if it is worked on elsewhere
  /// @param borrowed   rows numbered from 0; own.num_columns columns
  WorkRows(const SparseRows& own, std::vector<char> elsewhere, SparseRows borrowed)
      : own_(&own), elsewhere_(std::move(elsewhere)), borrowed_(std::move(borrowed)) {}

  const SparseRows& own() const { return *own_; }
  const SparseRows& borrowed() const { return borrowed_; }
  Count num_columns() const { return own_->num_columns; }
  Count num_own_rows() const { return own_->num_rows(); }
  Count num_own_entries() const { return own_->num_entries(); }
  Count num_rows() const { return own_->num_rows() + borrowed_.num_rows(); }
  Count num_entries() const { return own_->num_entries() + borrowed_.num_entries(); }

  bool is_own(Count row) const { return row < own_->num_rows(); }
  bool is_here(Count row) const {
    return !is_own(row) || elsewhere_.empty() || !elsewhere_[static_cast<std::size_t>(row)];
  }
  /// First entry of the row.
  Count begin(Count row) const {
    return is_own(row)
               ? own_->offsets[static_cast<std::size_t>(row)]
               : own_->num_entries() + borrowed_.offsets[static_cast<std::size_t>(row - own_->num_rows())];
  }
  Count row_length(Count row) const {
    return is_own(row) ? own_->row_length(row) : borrowed_.row_length(row - own_->num_rows());
  }
  std::span<const Count> columns(Count row) const {
    return is_own(row) ? own_->row_columns(row) : borrowed_.row_columns(row - own_->num_rows());
  }

 private:
  const SparseRows* own_;
  std::vector<char> elsewhere_;
  SparseRows borrowed_;
};

}  // namespace pushcart
