#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "models/similarity/operands.hpp"

namespace pushcart::similarity {

/// Columns that bounds treat as one, and that one cache line of byte counters holds.
inline constexpr Count chunk_columns = 64;

/// What all ranks know of a block before it comes.
struct BlockShape {
  static constexpr Count most_entries = Count{1} << 31;  ///< but for a single longer row

  Range columns;          ///< global; at most 65536
  Count num_entries = 0;  ///< below 2^32
  Count num_inner = 0;
  std::int32_t has_values = 0, has_times = 0;

  Count num_chunks() const { return (columns.size() + chunk_columns - 1) / chunk_columns; }
};

/// A block of right rows, transposed: the columns of each u, ascending, local to the block. All in one piece
/// of memory, so that it travels as it is.
class ColumnBlock {
 public:
  ColumnBlock() = default;

  /// Room for a block of that shape; memory is reused.
  void reserve(const BlockShape& shape);
  /// Fills it from this rank's right rows. Local, by all threads.
  void pack(const Operand& right, const BlockShape& shape);
  /// Joins blocks of neighbouring columns, in any order. Local, by all threads.
  void merge(std::vector<const ColumnBlock*> parts);
  std::span<std::byte> bytes() { return std::span(memory_).first(static_cast<std::size_t>(num_bytes_)); }

  const BlockShape& shape() const { return shape_; }
  const double* sizes() const { return at<double>(0); }                  ///< per column
  const double* scales() const { return at<double>(1); }                 ///< per column
  const std::uint32_t* offsets() const { return at<std::uint32_t>(2); }  ///< per u, and the end
  const float* values() const { return shape_.has_values ? at<float>(3) : nullptr; }
  const std::int32_t* times() const { return shape_.has_times ? at<std::int32_t>(4) : nullptr; }
  const std::uint16_t* columns() const { return at<std::uint16_t>(5); }

  static Count num_bytes(const BlockShape& shape) { return layout(shape).back(); }
  /// Of what merge() makes of such blocks.
  static BlockShape merged(std::span<const BlockShape> shapes);

 private:
  static std::array<Count, 7> layout(const BlockShape& shape);  ///< begin of each part, and the end
  template <class T>
  T* at(std::size_t part) {
    return reinterpret_cast<T*>(memory_.data() + parts_[part]);
  }
  template <class T>
  const T* at(std::size_t part) const {
    return reinterpret_cast<const T*>(memory_.data() + parts_[part]);
  }

  BlockShape shape_;
  std::array<Count, 7> parts_{};
  Count num_bytes_ = 0;
  std::vector<std::byte> memory_;
};

/// Cuts this rank's right rows into blocks. Local.
std::vector<BlockShape> cut_into_blocks(const Product& product, Count block_columns);

}  // namespace pushcart::similarity
