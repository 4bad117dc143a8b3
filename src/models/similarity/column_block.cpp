#include "models/similarity/column_block.hpp"

#include <omp.h>

#include <algorithm>
#include <utility>

#include "pushcart/base/error.hpp"
#include "pushcart/base/parallel.hpp"

namespace pushcart::similarity {

namespace {

/// Calls body(u) for all u, on all threads.
template <class Body>
void for_each_inner(Count num_inner, Body&& body) {
  constexpr Count at_once = 2048;
  parallel_for((num_inner + at_once - 1) / at_once, [&](Count task) {
    for (Count u = task * at_once; u < std::min(num_inner, (task + 1) * at_once); ++u) body(u);
  });
}

/// Cuts rows into parts of about as many entries: one a thread, or fewer, so that counters of every u for
/// each of them take no more memory than the entries.
std::vector<Count> cut_evenly(const SparseRows& rows, Count first_row, const BlockShape& shape) {
  const Count most = shape.num_entries / std::max<Count>(1, shape.num_inner);
  const Count num_parts = std::clamp<Count>(most, 1, omp_get_max_threads());
  const auto begin = rows.offsets.begin() + first_row;
  std::vector<Count> cuts{0};
  for (Count part = 1; part < num_parts; ++part) {
    const Count entry = *begin + shape.num_entries * part / num_parts;
    cuts.push_back(std::lower_bound(begin, begin + shape.columns.size(), entry) - begin);
  }
  cuts.push_back(shape.columns.size());
  return cuts;
}

}  // namespace

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

  const std::vector<Count> cuts = cut_evenly(rows, first_row, shape);
  const auto num_parts = static_cast<Count>(cuts.size()) - 1;
  // Of each part: how many columns u has there, then where the next of them goes.
  std::vector<std::vector<std::uint32_t>> next(static_cast<std::size_t>(num_parts));
  const auto for_each_entry = [&](Count part, auto&& use) {
    for (Count column = cuts[static_cast<std::size_t>(part)];
         column < cuts[static_cast<std::size_t>(part) + 1]; ++column) {
      const auto row = static_cast<std::size_t>(first_row + column);
      for (auto entry = static_cast<std::size_t>(rows.offsets[row]);
           entry < static_cast<std::size_t>(rows.offsets[row + 1]); ++entry) {
        use(column, entry);
      }
    }
  };
  parallel_for(num_parts, [&](Count part) {
    auto& counts = next[static_cast<std::size_t>(part)];
    counts.assign(static_cast<std::size_t>(shape.num_inner), 0);
    for_each_entry(
        part, [&](Count, std::size_t entry) { ++counts[static_cast<std::size_t>(rows.columns[entry])]; });
  });
  std::uint32_t* const offsets = at<std::uint32_t>(2);
  std::uint32_t sum = 0;
  for (Count u = 0; u < shape.num_inner; ++u) {
    offsets[u] = sum;
    for (auto& of_part : next) {
      sum += std::exchange(of_part[static_cast<std::size_t>(u)], sum);
    }
  }
  offsets[shape.num_inner] = sum;
  parallel_for(num_parts, [&](Count part) {
    std::uint32_t* const places = next[static_cast<std::size_t>(part)].data();
    for_each_entry(part, [&](Count column, std::size_t entry) {
      const std::uint32_t place = places[rows.columns[entry]]++;
      at<std::uint16_t>(5)[place] = static_cast<std::uint16_t>(column);
      if (shape.has_values) at<float>(3)[place] = right.values[entry];
      if (shape.has_times) at<std::int32_t>(4)[place] = right.times[entry];
    });
  });
}

BlockShape ColumnBlock::merged(std::span<const BlockShape> shapes) {
  BlockShape all = shapes.front();
  for (const BlockShape& shape : shapes.subspan(1)) {
    all.columns = {std::min(all.columns.begin, shape.columns.begin),
                   std::max(all.columns.end, shape.columns.end)};
    all.num_entries += shape.num_entries;
    // Blocks without columns say nothing of the others.
    all.num_inner = std::max(all.num_inner, shape.num_inner);
    all.has_values = std::max(all.has_values, shape.has_values);
    all.has_times = std::max(all.has_times, shape.has_times);
  }
  return all;
}

void ColumnBlock::merge(std::vector<const ColumnBlock*> parts) {
  std::vector<BlockShape> shapes;
  for (const ColumnBlock* part : parts) shapes.push_back(part->shape());
  reserve(merged(shapes));
  std::erase_if(parts, [](const ColumnBlock* part) { return part->shape().columns.size() == 0; });
  std::sort(parts.begin(), parts.end(), [](const ColumnBlock* a, const ColumnBlock* b) {
    return a->shape().columns.begin < b->shape().columns.begin;
  });
  Count end = shape_.columns.begin;
  for (const ColumnBlock* part : parts) {
    const Range columns = part->shape().columns;
    PUSHCART_CHECK(columns.begin == end);
    std::copy_n(part->sizes(), columns.size(), at<double>(0) + (columns.begin - shape_.columns.begin));
    std::copy_n(part->scales(), columns.size(), at<double>(1) + (columns.begin - shape_.columns.begin));
    end = columns.end;
  }
  std::uint32_t* const offsets = at<std::uint32_t>(2);
  for_each_inner(shape_.num_inner, [&](Count u) {
    std::uint32_t place = 0;
    for (const ColumnBlock* part : parts) place += part->offsets()[u];
    offsets[u] = place;
    for (const ColumnBlock* part : parts) {
      const std::uint32_t begin = part->offsets()[u], length = part->offsets()[u + 1] - begin;
      const auto base = static_cast<std::uint16_t>(part->shape().columns.begin - shape_.columns.begin);
      std::transform(part->columns() + begin, part->columns() + begin + length, at<std::uint16_t>(5) + place,
                     [base](std::uint16_t column) { return static_cast<std::uint16_t>(column + base); });
      if (shape_.has_values) std::copy_n(part->values() + begin, length, at<float>(3) + place);
      if (shape_.has_times) std::copy_n(part->times() + begin, length, at<std::int32_t>(4) + place);
      place += length;
    }
  });
  offsets[shape_.num_inner] = static_cast<std::uint32_t>(shape_.num_entries);
}

std::vector<BlockShape> cut_into_blocks(const Product& product, Count block_columns) {
  const SparseRows& rows = *product.right.pattern;
  std::vector<BlockShape> blocks;
  for (Count row = 0; row < rows.num_rows();) {
    BlockShape shape{{rows.rows.begin + row, rows.rows.begin + row},
                     0,
                     rows.num_columns,
                     product.right.has_values ? 1 : 0,
                     product.right.has_times ? 1 : 0};
    while (row < rows.num_rows() && shape.columns.size() < block_columns &&
           (shape.num_entries == 0 || shape.num_entries + rows.row_length(row) < BlockShape::most_entries)) {
      shape.num_entries += rows.row_length(row++);
      ++shape.columns.end;
    }
    blocks.push_back(shape);
  }
  return blocks;
}

}  // namespace pushcart::similarity
