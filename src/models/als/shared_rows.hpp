#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "models/als/lent_rows.hpp"
#include "models/als/observed_rows.hpp"
#include "pushcart/comm/node_window.hpp"

namespace pushcart::als {

/// Of a rank's work: enough for CPUs of which one is half as fast as the other.
inline constexpr double usually_shared = 0.4;

/// How much of its work a rank lets the others of its node do, if they are done with theirs before.
struct SharingSettings {
  double part = 0;            ///< of the predicted work of its plain rows; 0 = nothing is shared
  double batch_work = 4e6;    ///< multiply-adds that are taken at once: some tenths of a millisecond
  Count longest_row = 512;    ///< of those shared
  bool others_first = false;  ///< to test: each rank takes from the others before it does its own
};

/// Rows that any rank of the node may solve for their owners, in memory that the node shares: entries, what
/// iterations start from, and solutions. Each rank's are cut into batches of like work, which ranks take one
/// by one. A row's bits do not depend on who solves it.
class SharedRows {
 public:
  /// Rows of a rank of the node, by number: [begin, end).
  struct Batch {
    int rank = 0;
    Count begin = 0, end = 0;
  };
  /// What a rank takes of others.
  struct Taking {
    Count longest_row = 0;      ///< that its solvers have room for
    bool others_first = false;  ///< before its own
  };
  /// A row as it is solved. Entries are numbered in the node's copy of the fixed side.
  struct Row {
    std::span<const std::int32_t> positions;
    std::span<const float> weights, targets;
    std::span<float> x;
    RowOutcome& outcome;
  };
  /// What a rank shares of one half sweep.
  struct Offer {
    std::vector<RowPiece> pieces;    ///< whole rows of its own, in the order of solving
    std::vector<Count> batch_begin;  ///< places in `pieces`, one more than batches
    double work = 0;                 ///< multiply-adds, as predicted
    /// Bytes that the node's memory holds for it. Local.
    Count memory_bytes(Count k) const;
  };

  /// Collective over the node; MpiError if it has no room.
  /// @param node       the ranks that share memory, each with its own offer
  /// @param observed   of the rows offered
  /// @param positions  by entry: where its row of the fixed side lies in the node's copy
  SharedRows(Communicator node, const Offer& offer, const ObservedRows& observed,
             std::span<const std::int32_t> positions, Count k, const Taking& taking);

  /// Puts what iterations start from where all see it, and lets others take rows. Local.
  void open(const FactorTable& solved);
  /// A batch that nobody else has: of this rank while there is one, then of whoever has the most left that
  /// fits. None if there is none. Local; by any thread.
  std::optional<Batch> take();
  Row row(int rank, Count number);
  /// Waits until all rows are solved, and brings this rank's to `solved` and `outcomes`, by local row.
  /// Collective over the node.
  void close(FactorTable& solved, std::span<RowOutcome> outcomes);

  double work() const { return work_; }  ///< of this rank's rows
  bool is_own(const Batch& batch) const { return batch.rank == node_.rank(); }

 private:
  /// Where a rank's rows lie in the window.
  struct Section {
    Count* next = nullptr;  // batch to be taken, atomically
    std::span<Count> batch_begin, row_begin;
    std::span<std::int32_t> positions;
    std::span<float> weights, targets, x;
    std::span<RowOutcome> outcomes;
    Count num_batches() const { return static_cast<Count>(batch_begin.size()) - 1; }
  };
  void fill(const Offer& offer, const ObservedRows& observed, std::span<const std::int32_t> positions);
  std::optional<Batch> take_from(int rank);
  Count num_left(int rank) const;

  const Communicator node_;
  const Count k_;
  const Taking taking_;
  std::vector<Count> own_rows_;  // local numbers
  double work_ = 0;
  std::optional<NodeWindow> window_;
  std::vector<Section> sections_;  // by rank of the node
};

/// The rows that a rank shares: the longest of its own that are short enough, since these take the least room
/// for their work. Local. @param cost  multiply-adds of a row of so many entries
SharedRows::Offer offer_rows(const WorkShares& shares, const SharingSettings& settings,
                             const std::function<double(Count)>& cost);

}  // namespace pushcart::als
