#include "models/als/work_shares.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "models/als/work_moves.hpp"

namespace pushcart::als {
namespace {

/// A stretch of a heavy row's entries whose columns are in one granule.
struct Block {
  Count begin = 0, end = 0;  // own entries
  int executor = 0;
};

/// How a row or a part of one is announced to who will work on it.
struct Header {
  Count heavy;  // -1: a whole row
  Count length;
  WorkShares::Bounds bounds;
};

/// Headers, columns and values on their way: what goes out by receiving rank, what has come by sending rank.
struct Parcels {
  std::vector<Header> headers;
  std::vector<Count> columns, header_counts, entry_counts;
  std::vector<float> values, shifts;
};

/// The work of one rank's rows.
struct Load {
  double whole = 0;  // of rows that are solved by one rank
  std::vector<double>
      heavy;  // of blocks of heavy rows, by executing rank; whole numbers, so that sums are exact
};

/// One rank's part in sharing out the work. Local steps, in this order; what goes from rank to rank between
/// them is brought from outside, by messages or, in a plan, from the others' parts.
class Sharing {
 public:
  Sharing(int rank, const ObservedRows& observed, const Partition& fixed, const WorkCosts& costs,
          HeavyBlocks heavy_blocks)
      : rank_(rank),
        num_ranks_(fixed.num_ranks()),
        observed_(observed),
        rows_(observed.rows()),
        fixed_(fixed),
        costs_(costs),
        heavy_blocks_(heavy_blocks),
        shares_(observed.rows()) {}

  Load cut_heavy_rows() {
    elsewhere_.assign(static_cast<std::size_t>(rows_.num_rows()), 0);
    for (Count row = 0; row < rows_.num_rows(); ++row) {
      if (rows_.row_length(row) < costs_.heavy_length) continue;
      elsewhere_[static_cast<std::size_t>(row)] = 1;
      shares_.heavy_rows.push_back(weigh(row));
      blocks_.push_back(blocks_of(row));
    }
    return measure();
  }
  Count num_heavy() const { return static_cast<Count>(blocks_.size()); }

  /// @param whole, heavy  work by rank, as it lies before any moves: equal on all ranks
  /// @return the work of this rank's rows, by the rank that does it
  std::vector<double> move_work(const std::vector<double>& whole, const std::vector<double>& heavy) {
    const std::vector<Move> moves = plan_moves(whole, heavy, heavy_blocks_);
    move_blocks(moves, heavy);
    give_rows(moves);
    return work_by_rank();
  }

  /// @param first_heavy  number in the job of this rank's first heavy row
  Parcels send_away(Count first_heavy) {
    number_heavy_rows(first_heavy);
    shares_.lent_away.assign(static_cast<std::size_t>(num_ranks_), 0);
    for (std::size_t to = 0; to < given_.size(); ++to) {
      shares_.lent_away[to] = static_cast<Count>(given_[to].size());
      shares_.lent_rows.insert(shares_.lent_rows.end(), given_[to].begin(), given_[to].end());
    }
    return pack();
  }
  const std::vector<Count>& lent_away() const { return shares_.lent_away; }

  /// Of the whole job.
  struct Totals {
    Count num_heavy = 0, num_lent = 0;
    std::vector<double> work;  // by rank
  };
  WorkShares take_in(std::vector<Count> lent_here, const Parcels& arrived, const Totals& totals) {
    shares_.lent_here = std::move(lent_here);
    shares_.num_lent_here = std::accumulate(shares_.lent_here.begin(), shares_.lent_here.end(), Count{0});
    shares_.num_heavy = totals.num_heavy;
    shares_.num_lent = totals.num_lent;
    shares_.predicted_work = totals.work;
    unpack(arrived);
    return std::move(shares_);
  }

 private:
  double block_cost(const Block& block) const {
    return costs_.heavy_rounds *
           (costs_.heavy_block + costs_.heavy_entry * static_cast<double>(block.end - block.begin));
  }

  WorkShares::HeavyRow weigh(Count row) const {
    WorkShares::HeavyRow heavy;
    heavy.row = row;
    float weight = 0, target = 0;
    for (Count entry = rows_.offsets[static_cast<std::size_t>(row)];
         entry < rows_.offsets[static_cast<std::size_t>(row) + 1]; ++entry) {
      observed_.observe(entry, 1, &weight, &target);
      const double w = static_cast<double>(weight), t = std::abs(static_cast<double>(target));
      heavy.bounds.weights += w;
      heavy.bounds.targets += w * t;
      heavy.target_squares += w * t * t;
    }
    return heavy;
  }

  /// Where it moves fewer bytes, the parts of a row come to its owner instead of the rows of its columns.
  std::vector<Block> blocks_of(Count row) const {
    const Count granule = Partition::granule(fixed_.num_rows());
    const Count begin = rows_.offsets[static_cast<std::size_t>(row)];
    const auto columns = rows_.row_columns(row);
    std::vector<Block> blocks;
    std::vector<char> contributes(static_cast<std::size_t>(num_ranks_), 0);
    Count remote_entries = 0;
    for (std::size_t n = 0; n < columns.size(); ++n) {
      const Count entry = begin + static_cast<Count>(n);
      if (n == 0 || columns[n] / granule != columns[n - 1] / granule) {
        blocks.push_back({entry, entry, fixed_.owner(columns[n])});
        contributes[static_cast<std::size_t>(blocks.back().executor)] = 1;
      }
      blocks.back().end = entry + 1;
      remote_entries += blocks.back().executor != rank_;
    }
    contributes[static_cast<std::size_t>(rank_)] = 0;
    const Count contributors = std::count(contributes.begin(), contributes.end(), 1);
    if (heavy_blocks_ == HeavyBlocks::anywhere &&
        remote_entries * costs_.row_bytes < contributors * costs_.part_bytes) {
      for (Block& block : blocks) block.executor = rank_;
    }
    return blocks;
  }

  /// Of what is solved by this rank: its rows that are not elsewhere, and what owners do for rows that are
  /// and for heavy ones.
  double work_here() const {
    double work = costs_.heavy_rounds * costs_.heavy_row * static_cast<double>(blocks_.size());
    for (Count row = 0; row < rows_.num_rows(); ++row) {
      work += costs_.start(rows_.row_length(row));
      if (!elsewhere_[static_cast<std::size_t>(row)]) work += costs_.row(rows_.row_length(row));
    }
    return work;
  }

  Load measure() const {
    Load load{work_here(), std::vector<double>(static_cast<std::size_t>(num_ranks_), 0)};
    for (const auto& blocks : blocks_) {
      for (const Block& block : blocks)
        load.heavy[static_cast<std::size_t>(block.executor)] += std::rint(block_cost(block));
    }
    return load;
  }

  std::vector<double> work_by_rank() const {
    std::vector<double> work(static_cast<std::size_t>(num_ranks_), 0);
    work[static_cast<std::size_t>(rank_)] = work_here();
    for (std::size_t to = 0; to < given_.size(); ++to) {
      for (const Count row : given_[to]) work[to] += costs_.row(rows_.row_length(row));
    }
    for (const auto& blocks : blocks_) {
      for (const Block& block : blocks) work[static_cast<std::size_t>(block.executor)] += block_cost(block);
    }
    return work;
  }

  /// Every owner of heavy rows moves the same share of each rank's blocks, spread over its rows: then no rank
  /// has to wait for others row by row.
  void move_blocks(const std::vector<Move>& moves, const std::vector<double>& heavy) {
    const auto ranks = static_cast<std::size_t>(num_ranks_);
    std::vector<double> seen(ranks, 0), moved(moves.size(), 0);
    for (auto& blocks : blocks_) {
      for (Block& block : blocks) {
        const auto from = static_cast<std::size_t>(block.executor);
        const double cost = block_cost(block);
        seen[from] += cost;
        for (std::size_t m = 0; m < moves.size(); ++m) {
          if (moves[m].from != static_cast<int>(from) || moves[m].heavy <= 0) continue;
          if (moved[m] + cost / 2 > seen[from] * moves[m].heavy / heavy[from]) continue;
          moved[m] += cost;
          block.executor = moves[m].to;
          break;
        }
      }
    }
  }

  void give_rows(const std::vector<Move>& moves) {
    given_.resize(static_cast<std::size_t>(num_ranks_));
    std::vector<Count> heaviest;
    for (const Move& move : moves) {
      if (move.from != rank_ || move.whole <= 0) continue;
      if (heaviest.empty()) heaviest = rows_by_length();
      double left = move.whole;
      for (const Count row : heaviest) {
        const double cost = costs_.row(rows_.row_length(row));
        if (elsewhere_[static_cast<std::size_t>(row)] || cost > left || cost <= 0) continue;
        elsewhere_[static_cast<std::size_t>(row)] = 1;
        given_[static_cast<std::size_t>(move.to)].push_back(row);
        left -= cost;
      }
    }
  }

  std::vector<Count> rows_by_length() const {
    std::vector<Count> order(static_cast<std::size_t>(rows_.num_rows()));
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](Count a, Count b) { return rows_.row_length(a) > rows_.row_length(b); });
    return order;
  }

  void number_heavy_rows(Count next) {
    for (std::size_t n = 0; n < blocks_.size(); ++n) {
      WorkShares::HeavyRow& row = shares_.heavy_rows[n];
      row.heavy = next++;
      for (const Block& block : blocks_[n]) {
        if (block.executor == rank_) {
          row.owner_has_part = true;
        } else {
          row.contributors.push_back(block.executor);
        }
      }
      std::sort(row.contributors.begin(), row.contributors.end());
      row.contributors.erase(std::unique(row.contributors.begin(), row.contributors.end()),
                             row.contributors.end());
    }
  }

  void add_entries(Parcels& parcels, Count begin, Count end) const {
    const std::span<const float> values = observed_.values();
    parcels.columns.insert(parcels.columns.end(), rows_.columns.begin() + begin, rows_.columns.begin() + end);
    parcels.values.insert(parcels.values.end(), values.begin() + begin, values.begin() + end);
    const std::span<const float> shifts = observed_.shifts();
    if (shifts.empty()) return;
    parcels.shifts.insert(parcels.shifts.end(), shifts.begin() + begin, shifts.begin() + end);
  }

  Parcels pack() {
    Parcels parcels;
    for (int to = 0; to < num_ranks_; ++to) {
      const std::size_t headers_before = parcels.headers.size(), entries_before = parcels.columns.size();
      for (const Count row : given_[static_cast<std::size_t>(to)]) {
        const Count begin = rows_.offsets[static_cast<std::size_t>(row)], length = rows_.row_length(row);
        parcels.headers.push_back({-1, length, {}});
        add_entries(parcels, begin, begin + length);
      }
      for (std::size_t n = 0; n < blocks_.size(); ++n) {
        Count length = 0;
        for (const Block& block : blocks_[n]) {
          if (block.executor != to) continue;
          add_entries(parcels, block.begin, block.end);
          length += block.end - block.begin;
        }
        if (length == 0) continue;
        const WorkShares::HeavyRow& row = shares_.heavy_rows[n];
        parcels.headers.push_back({row.heavy, length, row.bounds});
      }
      parcels.header_counts.push_back(static_cast<Count>(parcels.headers.size() - headers_before));
      parcels.entry_counts.push_back(static_cast<Count>(parcels.columns.size() - entries_before));
    }
    return parcels;
  }

  /// A row or part that arrived.
  struct Arrived {
    Header header;
    int owner;
    Count first;  // entry
  };

  void unpack(const Parcels& parcels) {
    const std::vector<Count>& columns = parcels.columns;
    const std::vector<float>&values = parcels.values, &shifts = parcels.shifts;
    std::vector<Arrived> arrived;
    Count first = 0;
    std::size_t next = 0;
    for (std::size_t owner = 0; owner < parcels.header_counts.size(); ++owner) {
      for (Count n = 0; n < parcels.header_counts[owner]; ++n) {
        const Header& header = parcels.headers[next++];
        arrived.push_back({header, static_cast<int>(owner), first});
        first += header.length;
      }
    }
    // Whole rows by owner, in the order sent; then parts by heavy row.
    std::stable_sort(arrived.begin(), arrived.end(),
                     [](const Arrived& a, const Arrived& b) { return a.header.heavy < b.header.heavy; });
    SparseRows borrowed;
    borrowed.rows = {0, static_cast<Count>(arrived.size())};
    borrowed.num_columns = rows_.num_columns;
    borrowed.columns.reserve(columns.size());
    shares_.borrowed_values.reserve(values.size());
    for (const Arrived& row : arrived) {
      const auto end = row.first + row.header.length;
      borrowed.columns.insert(borrowed.columns.end(), columns.begin() + row.first, columns.begin() + end);
      shares_.borrowed_values.insert(shares_.borrowed_values.end(), values.begin() + row.first,
                                     values.begin() + end);
      if (!shifts.empty()) {
        shares_.borrowed_shifts.insert(shares_.borrowed_shifts.end(), shifts.begin() + row.first,
                                       shifts.begin() + end);
      }
      borrowed.offsets.push_back(static_cast<Count>(borrowed.columns.size()));
      if (row.header.heavy < 0) continue;
      const Count number = rows_.num_rows() + static_cast<Count>(borrowed.offsets.size()) - 2;
      shares_.parts.push_back({row.header.heavy, number, row.owner, row.header.bounds});
    }
    shares_.rows = WorkRows(rows_, std::move(elsewhere_), std::move(borrowed));
  }

  const int rank_, num_ranks_;
  const ObservedRows& observed_;
  const SparseRows& rows_;
  const Partition& fixed_;
  const WorkCosts& costs_;
  const HeavyBlocks heavy_blocks_;
  std::vector<std::vector<Block>> blocks_;  // by owned heavy row
  std::vector<std::vector<Count>> given_;   // own rows by rank that solves them
  std::vector<char> elsewhere_;
  WorkShares shares_;
};

/// Adds element by element.
void add_to(std::vector<double>& sums, const std::vector<double>& values) {
  std::transform(sums.begin(), sums.end(), values.begin(), sums.begin(), std::plus<>());
}

/// What all ranks have sent to one.
Parcels arrived_at(std::size_t rank, const std::vector<Parcels>& sent) {
  Parcels arrived;
  for (const Parcels& parcels : sent) {
    const auto before = [&](const std::vector<Count>& counts) {
      return std::accumulate(counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(rank), Count{0});
    };
    const auto take = [](auto& to, const auto& from, Count first, Count count) {
      to.insert(to.end(), from.begin() + first, from.begin() + first + count);
    };
    const Count num_headers = parcels.header_counts[rank], num_entries = parcels.entry_counts[rank];
    take(arrived.headers, parcels.headers, before(parcels.header_counts), num_headers);
    take(arrived.columns, parcels.columns, before(parcels.entry_counts), num_entries);
    take(arrived.values, parcels.values, before(parcels.entry_counts), num_entries);
    arrived.header_counts.push_back(num_headers);
  }
  return arrived;
}

}  // namespace

WorkShares share_work(const Communicator& comm, const ObservedRows& observed, const Partition& fixed,
                      const WorkCosts& costs, HeavyBlocks heavy_blocks) {
  Sharing sharing(comm.rank(), observed, fixed, costs, heavy_blocks);
  Load load = sharing.cut_heavy_rows();
  const std::vector<double> whole = comm.allgather(load.whole);
  comm.allreduce(std::span(load.heavy), Reduce::sum);
  Sharing::Totals totals;
  totals.work = sharing.move_work(whole, load.heavy);
  comm.allreduce(std::span(totals.work), Reduce::sum);
  const Parcels sent = sharing.send_away(comm.exclusive_sum(sharing.num_heavy()));
  totals.num_heavy = comm.sum(sharing.num_heavy());
  std::vector<Count> lent_here = comm.exchange_counts(sharing.lent_away());
  totals.num_lent = comm.sum(std::accumulate(lent_here.begin(), lent_here.end(), Count{0}));
  auto headers = comm.alltoallv(std::span(sent.headers), std::span(sent.header_counts));
  Parcels arrived;
  arrived.headers = std::move(headers.data);
  arrived.header_counts = std::move(headers.counts);
  arrived.columns = comm.alltoallv(std::span(sent.columns), std::span(sent.entry_counts)).data;
  arrived.values = comm.alltoallv(std::span(sent.values), std::span(sent.entry_counts)).data;
  if (comm.any(!observed.shifts().empty())) {
    arrived.shifts = comm.alltoallv(std::span(sent.shifts), std::span(sent.entry_counts)).data;
  }
  return sharing.take_in(std::move(lent_here), arrived, totals);
}

std::vector<WorkShares> share_work_of_all(std::span<const ObservedRows> observed, const Partition& fixed,
                                          const WorkCosts& costs, HeavyBlocks heavy_blocks) {
  const auto ranks = static_cast<std::size_t>(fixed.num_ranks());
  PUSHCART_CHECK(observed.size() == ranks);
  std::vector<Sharing> sharings;
  std::vector<double> whole, heavy(ranks, 0);
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    sharings.emplace_back(static_cast<int>(rank), observed[rank], fixed, costs, heavy_blocks);
    const Load load = sharings.back().cut_heavy_rows();
    whole.push_back(load.whole);
    add_to(heavy, load.heavy);
  }
  Sharing::Totals totals;
  totals.work.assign(ranks, 0);
  std::vector<Parcels> sent;
  std::vector<std::vector<Count>> lent_here(ranks);  // by rank: from each
  for (Sharing& sharing : sharings) {
    add_to(totals.work, sharing.move_work(whole, heavy));
    sent.push_back(sharing.send_away(totals.num_heavy));
    totals.num_heavy += sharing.num_heavy();
    for (std::size_t to = 0; to < ranks; ++to) lent_here[to].push_back(sharing.lent_away()[to]);
    totals.num_lent += std::accumulate(sharing.lent_away().begin(), sharing.lent_away().end(), Count{0});
  }
  std::vector<WorkShares> shares;
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    shares.push_back(sharings[rank].take_in(std::move(lent_here[rank]), arrived_at(rank, sent), totals));
  }
  return shares;
}

}  // namespace pushcart::als
