#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pushcart/comm/start_broadcast.hpp"
#include "pushcart/models/model.hpp"

namespace pushcart::detail {

/// The item side of a model, by this rank's items.
struct ItemSide {
  const Partition& partition;
  std::span<const float> bias;            ///< owned items; empty = all zero
  const FactorTable& factors;             ///< owned items x k; may be empty
  std::span<const std::uint8_t> allowed;  ///< owned items; empty = all
};

double euclidean_norm(std::span<const float> row);

/// Bytes of an item on its way: its number, factors and bias.
inline Count shown_item_bytes(Count num_columns) {
  return Count{sizeof(Count) + sizeof(float)} + num_columns * Count{sizeof(float)};
}

/// Some allowed items of one owner with all that scoring needs: one message.
class ItemBlock {
 public:
  ItemBlock() = default;
  /// Room for `size` items.
  ItemBlock(Count size, Count num_columns);

  Count num_columns() const { return num_columns_; }
  Count size() const { return size_; }
  std::span<Count> items() { return {at<Count>(0), count(size_)}; }  ///< global
  std::span<float> factors() { return {at<float>(factors_at_), count(size_ * num_columns_)}; }
  std::span<float> bias() { return {at<float>(bias_at_), count(size_)}; }
  std::span<const Count> items() const { return {at<Count>(0), count(size_)}; }
  std::span<const float> factors() const { return {at<float>(factors_at_), count(size_ * num_columns_)}; }
  std::span<const float> bias() const { return {at<float>(bias_at_), count(size_)}; }
  std::span<const float> row(Count position) const {
    return factors().subspan(count(position * num_columns_), count(num_columns_));
  }
  std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(memory_)); }

 private:
  struct alignas(64) Line {
    char bytes[64];
  };
  static std::size_t count(Count value) { return static_cast<std::size_t>(value); }
  static Count lines(Count num_bytes) { return (num_bytes + Count{sizeof(Line)} - 1) / Count{sizeof(Line)}; }
  template <class T>
  T* at(Count line) {
    return reinterpret_cast<T*>(memory_.data() + line);
  }
  template <class T>
  const T* at(Count line) const {
    return reinterpret_cast<const T*>(memory_.data() + line);
  }

  Count size_ = 0, num_columns_ = 0;
  Count factors_at_ = 0, bias_at_ = 0;  ///< in lines
  std::vector<Line> memory_;
};

/// In which order items are shown.
enum class TourOrder : int {
  by_index,  ///< ascending
  by_norm    ///< items of an owner by descending norm, blocks of all owners by descending largest norm
};

/// Brings all allowed items of the catalogue to all ranks, block by block, by broadcasts from their owners. A
/// rank holds the block shown and the one that is on its way.
class ItemTour {
 public:
  static constexpr Count block_items = 1024;
  /// Collective.
  ItemTour(const Communicator& comm, const ItemSide& side, TourOrder order);
  /// The first `size` items as one block, by owner, the same on all ranks; next() then goes on behind them.
  /// Collective; before next().
  ItemBlock take_first(Count size);
  /// The next block, which stays valid until the next call; nullptr when all have been shown. Starts the
  /// transfer of the one after it. Collective.
  const ItemBlock* next();
  /// Lets the transfer under way go on. Local; from the thread that started MPI.
  void progress() { request_.test(); }

  Count num_items() const { return num_items_; }                              ///< over all ranks
  Count num_owned() const { return static_cast<Count>(owned_rows_.size()); }  ///< of these, by this rank
  Count num_columns() const { return num_columns_; }

 private:
  struct Stop {
    int owner;
    Count begin, size;  ///< positions in the owner's order
  };
  void sort_owned_by_norm();
  void plan_stops(TourOrder order);
  void start(std::size_t stop);
  void pack(ItemBlock& block, Count begin) const;
  std::vector<Stop> leave(Count size);

  const Communicator& comm_;
  ItemSide side_;
  std::vector<Count> owned_rows_;  ///< local rows that may appear, in the order in which they are shown
  std::vector<double> norms_;      ///< of owned_rows_; by_norm only
  std::vector<Stop> stops_;
  Count num_items_ = 0;
  Count num_columns_ = 0;
  std::size_t shown_ = 0;
  ItemBlock current_, coming_;
  Request request_;  // last: gone before its buffer
};

}  // namespace pushcart::detail
