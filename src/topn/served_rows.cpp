#include "topn/served_rows.hpp"

#include <algorithm>
#include <numeric>

namespace pushcart::detail {

namespace {

/// Rows of a table by position, sent to whom they are lent to.
class Sender {
 public:
  Sender(const Communicator& comm, const std::vector<Count>& rows_by_rank)
      : comm_(comm), rows_by_rank_(rows_by_rank) {}

  /// @param part  what to send of the n-th lent row
  /// @param ends  if given, gets where each row's part ends in what is received
  template <class T, class Part>
  std::vector<T> send(Part&& part, std::vector<Count>* ends) const {
    std::vector<Count> lengths, counts(rows_by_rank_.size(), 0);
    Count row = 0;
    for (std::size_t rank = 0; rank < rows_by_rank_.size(); ++rank) {
      for (Count n = 0; n < rows_by_rank_[rank]; ++n, ++row) {
        lengths.push_back(static_cast<Count>(part(row).size()));
        counts[rank] += lengths.back();
      }
    }
    std::vector<T> packed;
    packed.reserve(static_cast<std::size_t>(std::accumulate(counts.begin(), counts.end(), Count{0})));
    for (Count n = 0; n < row; ++n) {
      const auto piece = part(n);
      packed.insert(packed.end(), piece.begin(), piece.end());
    }
    if (ends != nullptr) {
      *ends = comm_.alltoallv(std::span<const Count>(lengths), rows_by_rank_).data;
      std::partial_sum(ends->begin(), ends->end(), ends->begin());
    }
    return comm_.alltoallv(std::span<const T>(packed), counts).data;
  }

  /// @param part  columns and values of the n-th lent row
  template <class Part>
  SparseRows send_rows(Part&& part) const {
    SparseRows table;
    std::vector<Count> ends;
    table.columns = send<Count>([&](Count n) { return part(n).columns; }, &ends);
    table.values = send<float>([&](Count n) { return part(n).values; }, nullptr);
    table.rows = {0, static_cast<Count>(ends.size())};
    table.offsets.insert(table.offsets.end(), ends.begin(), ends.end());
    return table;
  }

 private:
  const Communicator& comm_;
  const std::vector<Count>& rows_by_rank_;
};

WeightRows::Row row_of(const SparseRows& table, Count local_row) {
  return {table.row_columns(local_row), table.row_values(local_row)};
}

}  // namespace

std::vector<RowLoan> plan_loans(const std::vector<Count>& num_rows) {
  constexpr double tolerated = 1.02;
  const auto ranks = static_cast<Count>(num_rows.size());
  const Count total = std::accumulate(num_rows.begin(), num_rows.end(), Count{0});
  const double mean = static_cast<double>(total) / static_cast<double>(ranks);
  if (static_cast<double>(*std::max_element(num_rows.begin(), num_rows.end())) <= tolerated * mean + 1)
    return {};
  const auto room = [&](Count rank) {
    return total / ranks + (rank < total % ranks ? 1 : 0) - num_rows[static_cast<std::size_t>(rank)];
  };
  std::vector<RowLoan> loans;
  Count to = 0, left = room(0);
  for (Count from = 0; from < ranks; ++from) {
    for (Count excess = -room(from); excess > 0;) {
      while (left <= 0) left = room(++to);
      const Count rows = std::min(excess, left);
      loans.push_back({static_cast<int>(from), static_cast<int>(to), rows});
      excess -= rows;
      left -= rows;
    }
  }
  return loans;
}

Count lent_row_bytes(Count num_columns, Count num_excluded, Count name_length) {
  constexpr Count number = sizeof(Count), entry = sizeof(Count) + sizeof(float);
  // Which row, how many excluded, how long a name.
  return 3 * number + num_columns * Count{sizeof(float)} + num_excluded * entry + name_length;
}

Count returned_list_bytes(Count num_entries) {
  return Count{sizeof(Count)} + num_entries * Count{sizeof(Count) + sizeof(float)};
}

ServedRows::ServedRows(const Communicator& comm, const SearchTask& task)
    : task_(task), sent_(static_cast<std::size_t>(comm.size()), 0), received_(sent_) {
  const auto num_rows = comm.allgather(static_cast<Count>(task.rows.size()));
  num_kept_ = static_cast<Count>(task.rows.size());
  const std::vector<RowLoan> loans = plan_loans(num_rows);
  for (const RowLoan& loan : loans) {
    if (loan.from == comm.rank()) {
      sent_[static_cast<std::size_t>(loan.to)] += loan.rows;
      num_kept_ -= loan.rows;
    }
    if (loan.to == comm.rank()) received_[static_cast<std::size_t>(loan.from)] += loan.rows;
  }
  if (!loans.empty()) borrow(comm);
}

void ServedRows::borrow(const Communicator& comm) {
  const Sender sender(comm, sent_);
  const Count first = num_kept_;
  const auto to_lend = std::span<const Count>(task_.rows).subspan(at(first));
  lent_rows_ = comm.alltoallv(to_lend, sent_).data;
  const auto own = [&](Count n, const SparseRows& table) {
    return row_of(table, to_lend[at(n)] - table.rows.begin);
  };
  Borrowed& there = borrowed_;
  there.factors.num_columns = comm.allreduce(task_.queries.num_columns, Reduce::max);
  there.factors.rows = {0, static_cast<Count>(lent_rows_.size())};
  there.factors.values = sender.send<float>(
      [&](Count n) {
        return task_.queries.empty() ? std::span<const float>()
                                     : task_.queries.row(to_lend[at(n)] - task_.queries.rows.begin);
      },
      nullptr);
  there.excluded = sender.send_rows([&](Count n) {
    return task_.excluded.num_rows() == 0 ? WeightRows::Row{} : row_of(task_.excluded, first + n);
  });
  if (comm.any(task_.weights != nullptr)) {
    there.history = sender.send_rows([&](Count n) { return own(n, *task_.history); });
    there.own_items = sender.send_rows(
        [&](Count n) { return task_.row_items == nullptr ? WeightRows::Row{} : own(n, *task_.row_items); });
  }
  there.names = sender.send<char>([&](Count n) { return task_.row_name(to_lend[at(n)]); }, &there.name_ends);
  for (Count n = 0; n < there.factors.rows.size(); ++n) {
    const Count name_length = there.name_ends[at(n)] - (n == 0 ? 0 : there.name_ends[at(n - 1)]);
    received_bytes_ += lent_row_bytes(there.factors.num_columns, there.excluded.row_length(n), name_length);
  }
}

Count ServedRows::row(Count i) const {
  return is_kept(i) ? task_.rows[at(i)] : lent_rows_[at(lent(i))];
}

std::span<const float> ServedRows::factors(Count i) const {
  if (!is_kept(i)) return borrowed_.factors.row(lent(i));
  return task_.queries.empty() ? std::span<const float>()
                               : task_.queries.row(row(i) - task_.queries.rows.begin);
}

std::span<const Count> ServedRows::excluded(Count i) const {
  if (!is_kept(i)) return borrowed_.excluded.row_columns(lent(i));
  return task_.excluded.num_rows() == 0 ? std::span<const Count>() : task_.excluded.row_columns(i);
}

WeightRows::Row ServedRows::history(Count i) const {
  return is_kept(i) ? row_of(*task_.history, row(i) - task_.history->rows.begin)
                    : row_of(borrowed_.history, lent(i));
}

WeightRows::Row ServedRows::own_items(Count i) const {
  if (!is_kept(i)) return row_of(borrowed_.own_items, lent(i));
  return task_.row_items == nullptr ? WeightRows::Row{}
                                    : row_of(*task_.row_items, row(i) - task_.row_items->rows.begin);
}

std::string ServedRows::name(Count i) const {
  if (is_kept(i)) return task_.row_name(row(i));
  const Count begin = lent(i) == 0 ? 0 : borrowed_.name_ends[at(lent(i) - 1)];
  return {borrowed_.names.begin() + begin, borrowed_.names.begin() + borrowed_.name_ends[at(lent(i))]};
}

void ServedRows::give_back(const Communicator& comm, TopLists& lists) const {
  const Sender sender(comm, received_);
  const auto entries = [&](auto& values) {
    return [&](Count n) {
      const auto begin = at(lists.offsets[at(num_kept_ + n)]), end = at(lists.offsets[at(num_kept_ + n + 1)]);
      return std::span(values).subspan(begin, end - begin);
    };
  };
  std::vector<Count> ends;
  const std::vector<Count> items = sender.send<Count>(entries(lists.items), &ends);
  const std::vector<float> scores = sender.send<float>(entries(lists.scores), nullptr);
  const Count num_own_entries = lists.offsets[at(num_kept_)];
  lists.rows.assign(task_.rows.begin(), task_.rows.end());
  lists.items.resize(at(num_own_entries));
  lists.scores.resize(at(num_own_entries));
  lists.items.insert(lists.items.end(), items.begin(), items.end());
  lists.scores.insert(lists.scores.end(), scores.begin(), scores.end());
  lists.offsets.resize(at(num_kept_) + 1);
  for (std::size_t n = 0; n < ends.size(); ++n) {
    lists.scoring.received_bytes += returned_list_bytes(ends[n] - (n == 0 ? 0 : ends[n - 1]));
  }
  for (Count end : ends) lists.offsets.push_back(num_own_entries + end);
}

}  // namespace pushcart::detail
