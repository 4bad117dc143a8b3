#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/ids/partition.hpp"
#include "pushcart/matrix/row_exchange.hpp"
#include "pushcart/matrix/work_rows.hpp"

namespace pushcart {

/// How the rows of a distributed table come to the ranks that touch them (design, section 5).
enum class ExchangeMethod : int {
  automatic,  ///< "auto": whichever moves the fewest bytes and fits
  replicate,  ///< the whole table once a node, in memory that the node's ranks share
  sparse,     ///< the rows needed, each once, in batches that arrive while earlier ones are worked on
  stream      ///< the rows needed, batch by batch within `batch_bytes`, however large the table
};
ExchangeMethod exchange_method_of(std::string_view name);  ///< ConfigError with the nearest known name
std::string_view exchange_method_name(ExchangeMethod method);

/// Whether rows travel while others are worked on, or before.
enum class Overlap : int { off, on };
Overlap overlap_of(std::string_view name);  ///< "on" or "off"; ConfigError
std::string_view overlap_name(Overlap overlap);

/// Memory for rows of other ranks. Exchanges that never run at the same time may share one.
class ExchangeRoom;
std::shared_ptr<ExchangeRoom> make_exchange_room();

struct ExchangeSettings {
  ExchangeMethod method = ExchangeMethod::sparse;  ///< not automatic
  Overlap overlap = Overlap::on;
  Count row_bytes = sizeof(float);  ///< of the widest table that will travel
  /// stream: room for the fetched rows of the batch at hand and the next one together. Never less than two
  /// rows of the matrix need.
  Count batch_bytes = Count{1} << 28;
  std::shared_ptr<ExchangeRoom> room = {};  ///< none: one of its own
};

/// What a rank's messages carried.
struct Traffic {
  Count received_bytes = 0, sent_bytes = 0;
  friend bool operator==(const Traffic&, const Traffic&) = default;
  friend Traffic operator+(const Traffic& a, const Traffic& b) {
    return {a.received_bytes + b.received_bytes, a.sent_bytes + b.sent_bytes};
  }
  friend Traffic operator*(Count times, const Traffic& traffic) {
    return {times * traffic.received_bytes, times * traffic.sent_bytes};
  }
};

/// What a method would take on this rank for one pass.
struct ExchangeForecast {
  Count received_bytes = 0;
  Count memory_bytes = 0;  ///< for rows on their way and at hand, and the lists of who needs what
};

/// Brings the rows of a distributed table (factors of the columns) that this rank's sparse rows touch.
/// Planned once from the pattern. Every method gives each entry the same row of the table, in batches of
/// whole rows of the matrix, in their order. What this rank owns is not sent. A pass:
///
///     exchange.start(table, width);
///     for (Count batch = 0; batch < exchange.num_batches(); ++batch) {
///       const GatheredRows rows = exchange.await(batch);
///       ... work on pieces(batch), with progress() in between ...
///     }
///     exchange.finish();
class FactorExchange {
 public:
  /// Collective; `rows` must outlive this. Takes 4 bytes an entry of `rows`, and what forecast() says.
  FactorExchange(const Communicator& comm, const WorkRows& rows, const Partition& columns,
                 const ExchangeSettings& settings);
  ~FactorExchange();
  FactorExchange(FactorExchange&&) noexcept;

  /// Collective.
  static ExchangeForecast forecast(const Communicator& comm, const WorkRows& rows, const Partition& columns,
                                   const ExchangeSettings& settings);
  /// Whether every node has room for the shared memory of `replicate`. Collective.
  static bool can_replicate(const Communicator& comm, const Partition& columns, Count row_bytes);

  ExchangeMethod method() const { return method_; }
  /// May differ between ranks.
  Count num_batches() const { return static_cast<Count>(batch_begin_.size()) - 1; }
  /// Rows that have entries, in order.
  std::span<const RowPiece> pieces(Count batch) const;
  /// Place of each entry's row in the GatheredRows of its batch. With `sparse` and `replicate` places hold
  /// until the end of the pass.
  std::span<const std::int32_t> positions() const { return positions_; }

  /// Begins a pass: `owned` is this rank's part of the table, `width` floats a row; it must stay as it is
  /// until finish(). Collective.
  void start(std::span<const float> owned, Count width);
  /// Waits for a batch; each once, in order. Every rank comes through all of its batches.
  GatheredRows await(Count batch);
  /// Moves messages on; for the main thread, now and then while it works. Local.
  void progress();
  /// Ends a pass: all that others still want from here is sent. Before this no other collective call may be
  /// made: ranks in it would not send. What the last await() gave stays until the next start(). Collective.
  void finish();

  /// By count of what all passes so far received and sent.
  const Traffic& counted() const { return *counted_; }
  /// By plan, for one pass over a table of this width.
  Traffic planned(Count width) const;

  class Strategy;

 private:
  ExchangeMethod method_;
  std::vector<RowPiece> pieces_;
  std::vector<Count> batch_begin_{0};  // positions in pieces_, one more than batches
  std::vector<std::int32_t> positions_;
  std::unique_ptr<Traffic> counted_;  // the strategy counts into it
  std::unique_ptr<Strategy> strategy_;
};

}  // namespace pushcart
