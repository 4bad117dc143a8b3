#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pushcart/comm/communicator.hpp"
#include "topn/top_search.hpp"
#include "topn/weight_rows.hpp"

namespace pushcart::detail {

/// Rows that one rank serves for another.
struct RowLoan {
  int from = 0, to = 0;
  Count rows = 0;
};

/// What goes where for every rank to serve as many rows as the others, or one more; nothing while no rank has
/// much more than its share. By ascending `from`, then `to`. A function of its argument alone.
std::vector<RowLoan> plan_loans(const std::vector<Count>& num_rows);

/// Bytes of a row on its way to whom it is lent to. Local.
Count lent_row_bytes(Count num_columns, Count num_excluded, Count name_length);
/// Bytes of a list on its way back. Local.
Count returned_list_bytes(Count num_entries);

/// The rows that this rank serves: its own, but for the last ones if it has more than its share, then those
/// that others lend it. Rows are cut over the ranks by their interactions, but serving one costs the same
/// however many it has.
class ServedRows {
 public:
  /// `task` must outlive this. Collective.
  ServedRows(const Communicator& comm, const SearchTask& task);

  Count size() const { return num_kept_ + static_cast<Count>(lent_rows_.size()); }
  Count row(Count i) const;  ///< global
  std::span<const float> factors(Count i) const;
  std::span<const Count> excluded(Count i) const;
  /// With weights only: columns and values of the row's history, and of its own term if there is one.
  WeightRows::Row history(Count i) const;
  WeightRows::Row own_items(Count i) const;
  /// For messages.
  std::string name(Count i) const;

  /// Sends lists of lent rows to their owners: `lists` has those of the rows served, then of the rows owned.
  /// Collective.
  void give_back(const Communicator& comm, TopLists& lists) const;

  /// Received for rows lent here, without item weights' histories.
  Count received_bytes() const { return received_bytes_; }

 private:
  /// Tables whose row r belongs to lent row r.
  struct Borrowed {
    FactorTable factors;
    SparseRows excluded, history, own_items;
    std::vector<Count> name_ends;
    std::vector<char> names;
  };
  bool is_kept(Count i) const { return i < num_kept_; }
  std::size_t at(Count i) const { return static_cast<std::size_t>(i); }
  Count lent(Count i) const { return i - num_kept_; }
  void borrow(const Communicator& comm);

  const SearchTask& task_;
  Count num_kept_ = 0;
  Count received_bytes_ = 0;
  std::vector<Count> sent_;      ///< rows lent, by rank
  std::vector<Count> received_;  ///< rows borrowed, by rank
  std::vector<Count> lent_rows_;
  Borrowed borrowed_;
};

}  // namespace pushcart::detail
