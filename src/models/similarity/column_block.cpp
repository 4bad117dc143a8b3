#include "models/similarity/column_block.hpp"

#include <algorithm>

#include "pushcart/base/error.hpp"

namespace pushcart::similarity {

std::array<Count, 7> ColumnBlock::layout(const BlockShape& shape) {
  constexpr Count line = 64;
  const std::array<Count, 6> part_bytes{shape.columns.size() * 8,
                                        shape.columns.size() * 8,
                                        (shape.num_inner + 1) * 4,
                                        shape.has_values ? shape.num_entries * 4 : 0,
                                        shape.has_times ? shape.num_entries * 4 : 0,
                                        shape.num_entries * 2};
  std::array<Count, 7> begins{};
  for (std::size_t part = 0; part < part_bytes.size(); ++part) {
    begins[part + 1] = begins[part] + (part_bytes[part] + line - 1) / line * line;
  }
  return begins;
}

void ColumnBlock::reserve(const BlockShape& shape) {
  shape_ = shape;
  parts_ = layout(shape);
  num_bytes_ = parts_.back();
  if (static_cast<Count>(memory_.size()) < num_bytes_) memory_.resize(static_cast<std::size_t>(num_bytes_));
}

void ColumnBlock::pack(const Operand& right, const BlockShape& shape) {
  reserve(shape);
  const SparseRows& rows = *right.pattern;
  const Count first_row = shape.columns.begin - rows.rows.begin;
  std::copy_n(right.size.begin() + first_row, shape.columns.size(), at<double>(0));
  std::copy_n(right.scale.begin() + first_row, shape.columns.size(), at<double>(1));

  const auto first = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(first_row)]);
  const auto last = first + static_cast<std::size_t>(shape.num_entries);
  // next[u] is where the next column of u goes; filling leaves it at the begin of u + 1.
  std::uint32_t* const next = at<std::uint32_t>(2);
  std::fill_n(next, shape.num_inner + 1, 0U);
  for (std::size_t entry = first; entry < last; ++entry) ++next[rows.columns[entry]];
  std::uint32_t sum = 0;
  for (Count u = 0; u <= shape.num_inner; ++u) {
    const std::uint32_t length = next[u];
    next[u] = sum;
    sum += length;
  }
  for (Count column = 0; column < shape.columns.size(); ++column) {
    const auto row = static_cast<std::size_t>(first_row + column);
    for (auto entry = static_cast<std::size_t>(rows.offsets[row]);
         entry < static_cast<std::size_t>(rows.offsets[row + 1]); ++entry) {
      const std::uint32_t place = next[rows.columns[entry]]++;
      at<std::uint16_t>(5)[place] = static_cast<std::uint16_t>(column);
      if (shape.has_values) at<float>(3)[place] = right.values[entry];
      if (shape.has_times) at<std::int32_t>(4)[place] = right.times[entry];
    }
  }
  std::copy_backward(next, next + shape.num_inner, next + shape.num_inner + 1);
  next[0] = 0;
}

std::vector<BlockShape> cut_into_blocks(const Product& product, Count block_columns) {
  constexpr Count most_entries = Count{1} << 31;
  const SparseRows& rows = *product.right.pattern;
  std::vector<BlockShape> blocks;
  for (Count row = 0; row < rows.num_rows();) {
    BlockShape shape{{rows.rows.begin + row, rows.rows.begin + row},
                     0,
                     rows.num_columns,
                     product.right.has_values ? 1 : 0,
                     product.right.has_times ? 1 : 0};
    while (row < rows.num_rows() && shape.columns.size() < block_columns &&
           (shape.num_entries == 0 || shape.num_entries + rows.row_length(row) < most_entries)) {
      shape.num_entries += rows.row_length(row++);
      ++shape.columns.end;
    }
    blocks.push_back(shape);
  }
  return blocks;
}

}  // namespace pushcart::similarity
