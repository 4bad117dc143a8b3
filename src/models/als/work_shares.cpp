#include "models/als/work_shares.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace pushcart::als {
namespace {

/// Work that should move from one rank to another.
struct Move {
  int from = 0, to = 0;
  double heavy = 0;  // of blocks of heavy rows
  double whole = 0;  // of whole rows
};

/// A stretch of a heavy row's entries whose columns are in one granule.
struct Block {
  Count begin = 0, end = 0;  // own entries
  int executor = 0;
};

/// What others have too much goes to those who have too little. A function of its arguments alone.
std::vector<Move> plan_moves(const std::vector<double>& whole, const std::vector<double>& heavy,
                             HeavyBlocks heavy_blocks) {
  constexpr double tolerated = 1.02;
  const auto ranks = whole.size();
  const double mean =
      (std::accumulate(whole.begin(), whole.end(), 0.0) + std::accumulate(heavy.begin(), heavy.end(), 0.0)) /
      static_cast<double>(ranks);
  std::vector<Move> moves;
  std::size_t to = 0;
  double room = 0;
  const auto next_room = [&] {
    while (room <= 0 && to < ranks) {
      room = mean - whole[to] - heavy[to];
      if (room <= 0) ++to;
    }
    return room > 0;
  };
  for (std::size_t from = 0; from < ranks; ++from) {
    double excess = whole[from] + heavy[from] - mean;
    if (excess <= (tolerated - 1) * mean) continue;
    double heavy_left = heavy_blocks == HeavyBlocks::anywhere ? heavy[from] : 0;
    while (excess > 0 && next_room()) {
      const double amount = std::min(excess, room);
      const double of_heavy = std::min(amount, heavy_left);
      moves.push_back({static_cast<int>(from), static_cast<int>(to), of_heavy, amount - of_heavy});
      heavy_left -= of_heavy;
      excess -= amount;
      room -= amount;
      if (room <= 0) ++to;
    }
  }
  return moves;
}

class Sharing {
 public:
  Sharing(const Communicator& comm, const ObservedRows& observed, const Partition& fixed,
          const WorkCosts& costs, HeavyBlocks heavy_blocks)
      : comm_(comm),
        observed_(observed),
        rows_(observed.rows()),
        fixed_(fixed),
        costs_(costs),
        heavy_blocks_(heavy_blocks),
        shares_(observed.rows()) {}

  WorkShares run() {
    cut_heavy_rows();
    measure();
    move_work();
    number_heavy_rows();
    send_away();
    return std::move(shares_);
  }

 private:
  double block_cost(const Block& block) const {
    return costs_.heavy_rounds *
           (costs_.heavy_block + costs_.heavy_entry * static_cast<double>(block.end - block.begin));
  }

  void cut_heavy_rows() {
    elsewhere_.assign(static_cast<std::size_t>(rows_.num_rows()), 0);
    for (Count row = 0; row < rows_.num_rows(); ++row) {
      if (rows_.row_length(row) < costs_.heavy_length) continue;
      elsewhere_[static_cast<std::size_t>(row)] = 1;
      shares_.heavy_rows.push_back(weigh(row));
      blocks_.push_back(blocks_of(row));
    }
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
    std::vector<char> contributes(static_cast<std::size_t>(comm_.size()), 0);
    Count remote_entries = 0;
    for (std::size_t n = 0; n < columns.size(); ++n) {
      const Count entry = begin + static_cast<Count>(n);
      if (n == 0 || columns[n] / granule != columns[n - 1] / granule) {
        blocks.push_back({entry, entry, fixed_.owner(columns[n])});
        contributes[static_cast<std::size_t>(blocks.back().executor)] = 1;
      }
      blocks.back().end = entry + 1;
      remote_entries += blocks.back().executor != comm_.rank();
    }
    contributes[static_cast<std::size_t>(comm_.rank())] = 0;
    const Count contributors = std::count(contributes.begin(), contributes.end(), 1);
    if (heavy_blocks_ == HeavyBlocks::anywhere &&
        remote_entries * costs_.row_bytes < contributors * costs_.part_bytes) {
      for (Block& block : blocks) block.executor = comm_.rank();
    }
    return blocks;
  }

  void measure() {
    double whole = costs_.heavy_rounds * costs_.heavy_row * static_cast<double>(blocks_.size());
    for (Count row = 0; row < rows_.num_rows(); ++row) {
      if (!elsewhere_[static_cast<std::size_t>(row)]) whole += costs_.row(rows_.row_length(row));
    }
    whole_ = comm_.allgather(whole);
    // Rounded, so that the sum over ranks is exact and all ranks plan the same moves.
    heavy_.assign(static_cast<std::size_t>(comm_.size()), 0);
    for (const auto& blocks : blocks_) {
      for (const Block& block : blocks)
        heavy_[static_cast<std::size_t>(block.executor)] += std::rint(block_cost(block));
    }
    comm_.allreduce(std::span(heavy_), Reduce::sum);
  }

  void move_work() {
    const std::vector<Move> moves = plan_moves(whole_, heavy_, heavy_blocks_);
    move_blocks(moves);
    give_rows(moves);
    double here = costs_.heavy_rounds * costs_.heavy_row * static_cast<double>(blocks_.size());
    std::vector<double> work(static_cast<std::size_t>(comm_.size()), 0);
    for (Count row = 0; row < rows_.num_rows(); ++row) {
      if (!elsewhere_[static_cast<std::size_t>(row)]) here += costs_.row(rows_.row_length(row));
    }
    work[static_cast<std::size_t>(comm_.rank())] = here;
    for (std::size_t to = 0; to < given_.size(); ++to) {
      for (const Count row : given_[to]) work[to] += costs_.row(rows_.row_length(row));
    }
    for (const auto& blocks : blocks_) {
      for (const Block& block : blocks) work[static_cast<std::size_t>(block.executor)] += block_cost(block);
    }
    comm_.allreduce(std::span(work), Reduce::sum);
    shares_.predicted_work = std::move(work);
  }

  /// Every owner of heavy rows moves the same share of each rank's blocks, spread over its rows: then no rank
  /// has to wait for others row by row.
  void move_blocks(const std::vector<Move>& moves) {
    const auto ranks = static_cast<std::size_t>(comm_.size());
    std::vector<double> seen(ranks, 0), moved(moves.size(), 0);
    for (auto& blocks : blocks_) {
      for (Block& block : blocks) {
        const auto from = static_cast<std::size_t>(block.executor);
        const double cost = block_cost(block);
        seen[from] += cost;
        for (std::size_t m = 0; m < moves.size(); ++m) {
          if (moves[m].from != static_cast<int>(from) || moves[m].heavy <= 0) continue;
          if (moved[m] + cost / 2 > seen[from] * moves[m].heavy / heavy_[from]) continue;
          moved[m] += cost;
          block.executor = moves[m].to;
          break;
        }
      }
    }
  }

  void give_rows(const std::vector<Move>& moves) {
    given_.resize(static_cast<std::size_t>(comm_.size()));
    std::vector<Count> heaviest;
    for (const Move& move : moves) {
      if (move.from != comm_.rank() || move.whole <= 0) continue;
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

  void number_heavy_rows() {
    Count next = comm_.exclusive_sum(static_cast<Count>(blocks_.size()));
    for (std::size_t n = 0; n < blocks_.size(); ++n) {
      WorkShares::HeavyRow& row = shares_.heavy_rows[n];
      row.heavy = next++;
      for (const Block& block : blocks_[n]) {
        if (block.executor == comm_.rank()) {
          row.owner_has_part = true;
        } else {
          row.contributors.push_back(block.executor);
        }
      }
      std::sort(row.contributors.begin(), row.contributors.end());
      row.contributors.erase(std::unique(row.contributors.begin(), row.contributors.end()),
                             row.contributors.end());
    }
    shares_.num_heavy = comm_.sum(static_cast<Count>(blocks_.size()));
  }

  /// How a row or a part of one is announced to who will work on it.
  struct Header {
    Count heavy;  // -1: a whole row
    Count length;
    WorkShares::Bounds bounds;
  };
  /// Headers, columns and values on their way, by receiving rank.
  struct Parcels {
    std::vector<Header> headers;
    std::vector<Count> columns, header_counts, entry_counts;
    std::vector<float> values;
  };

  void add_entries(Parcels& parcels, Count begin, Count end) const {
    const std::span<const float> values = observed_.values();
    parcels.columns.insert(parcels.columns.end(), rows_.columns.begin() + begin, rows_.columns.begin() + end);
    parcels.values.insert(parcels.values.end(), values.begin() + begin, values.begin() + end);
  }

  Parcels pack() {
    Parcels parcels;
    for (int to = 0; to < comm_.size(); ++to) {
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

  void send_away() {
    shares_.lent_away.assign(static_cast<std::size_t>(comm_.size()), 0);
    for (std::size_t to = 0; to < given_.size(); ++to) {
      shares_.lent_away[to] = static_cast<Count>(given_[to].size());
      shares_.lent_rows.insert(shares_.lent_rows.end(), given_[to].begin(), given_[to].end());
    }
    shares_.lent_here = comm_.exchange_counts(shares_.lent_away);
    shares_.num_lent_here = std::accumulate(shares_.lent_here.begin(), shares_.lent_here.end(), Count{0});
    shares_.num_lent = comm_.sum(shares_.num_lent_here);
    const Parcels parcels = pack();
    const auto headers = comm_.alltoallv(std::span(parcels.headers), std::span(parcels.header_counts));
    const auto columns = comm_.alltoallv(std::span(parcels.columns), std::span(parcels.entry_counts)).data;
    const auto values = comm_.alltoallv(std::span(parcels.values), std::span(parcels.entry_counts)).data;
    unpack(headers, columns, values);
  }

  /// A row or part that arrived.
  struct Arrived {
    Header header;
    int owner;
    Count first;  // entry
  };

  void unpack(const Received<Header>& headers, const std::vector<Count>& columns,
              const std::vector<float>& values) {
    std::vector<Arrived> arrived;
    Count first = 0;
    std::size_t next = 0;
    for (std::size_t owner = 0; owner < headers.counts.size(); ++owner) {
      for (Count n = 0; n < headers.counts[owner]; ++n) {
        const Header& header = headers.data[next++];
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
      borrowed.offsets.push_back(static_cast<Count>(borrowed.columns.size()));
      if (row.header.heavy < 0) continue;
      const Count number = rows_.num_rows() + static_cast<Count>(borrowed.offsets.size()) - 2;
      shares_.parts.push_back({row.header.heavy, number, row.owner, row.header.bounds});
    }
    shares_.rows = WorkRows(rows_, std::move(elsewhere_), std::move(borrowed));
  }

  const Communicator& comm_;
  const ObservedRows& observed_;
  const SparseRows& rows_;
  const Partition& fixed_;
  const WorkCosts& costs_;
  const HeavyBlocks heavy_blocks_;
  std::vector<std::vector<Block>> blocks_;  // by owned heavy row
  std::vector<std::vector<Count>> given_;   // own rows by rank that solves them
  std::vector<char> elsewhere_;
  std::vector<double> whole_, heavy_;  // work by rank before any moves
  WorkShares shares_;
};

}  // namespace

WorkShares share_work(const Communicator& comm, const ObservedRows& observed, const Partition& fixed,
                      const WorkCosts& costs, HeavyBlocks heavy_blocks) {
  return Sharing(comm, observed, fixed, costs, heavy_blocks).run();
}

}  // namespace pushcart::als
