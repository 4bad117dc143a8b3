#include <omp.h>

#include <algorithm>
#include <bit>

#include "models/similarity/bit_slices.hpp"
#include "models/similarity/column_block.hpp"
#include "models/similarity/operands.hpp"
#include "models/similarity/row_search.hpp"
#include "models/similarity/settings.hpp"
#include "pushcart/models/similarity_plan.hpp"

namespace pushcart {

namespace similarity {
namespace {

/// Of the same kind, of a part of the rows. Values are of no interest.
Operand part_of(const Operand& whole, const SparseRows& rows) {
  Operand part;
  part.pattern = {std::shared_ptr<const SparseRows>(), &rows};
  part.has_values = whole.has_values;
  part.has_times = whole.has_times;
  const auto num_rows = static_cast<std::size_t>(rows.num_rows());
  const auto num_entries = static_cast<std::size_t>(rows.num_entries());
  if (part.has_values) part.values.resize(num_entries);
  if (part.has_times) part.times.resize(num_entries);
  part.size.resize(num_rows);
  part.scale.resize(num_rows);
  return part;
}

Product part_of(const Product& whole, const SparseRows& rows) {
  Product part = whole;
  part.left = part_of(whole.left, rows);
  part.right = part_of(whole.right, rows);
  return part;
}

/// The largest blocks of columns and what is made of them, over all ranks: every rank gets to see them.
struct LargestBlock {
  Count block_bytes = 0, slice_bytes = 0;
};

class Planner {
 public:
  Planner(const Product& whole, const SparseRows& by_user, std::span<const Dataset> parts,
          const SimilarityConfig& config)
      : whole_(whole), by_user_(by_user), parts_(parts), config_(config), bytes_by_rank_(parts.size(), 0) {
    for (std::size_t rank = 0; rank < parts.size(); ++rank) look_at_blocks(rank);
  }

  SimilarityRankPlan plan(std::size_t rank) const {
    const SparseRows& rows = parts_[rank].by_item;
    SimilarityRankPlan result;
    for (std::size_t other = 0; other < parts_.size(); ++other) {
      if (other != rank) result.received_bytes += bytes_by_rank_[other];
    }
    for (Count row = 0; row < rows.num_rows(); ++row) {
      Count visits = 0;
      for (const Count user : rows.row_columns(row)) visits += by_user_.row_length(user);
      result.multiply_adds += static_cast<double>(visits);
      // Each user brings its other items.
      const Count others = std::min(visits - rows.row_length(row), by_user_.num_columns - 1);
      result.num_neighbours += std::min(config_.k, others);
    }
    result.memory = memory(parts_[rank], result.num_neighbours);
    return result;
  }

 private:
  void look_at_blocks(std::size_t rank) {
    const Product part = part_of(whole_, parts_[rank].by_item);
    ColumnBlock block;
    for (const BlockShape& shape : cut_into_blocks(part, config_.block_columns)) {
      bytes_by_rank_[rank] += ColumnBlock::num_bytes(shape);
      largest_.block_bytes = std::max(largest_.block_bytes, ColumnBlock::num_bytes(shape));
      if (!whole_.is_count() || whole_.has_window()) continue;
      block.pack(part.right, shape);
      largest_.slice_bytes = std::max(largest_.slice_bytes, BitSlices::needed_bytes(block));
    }
  }

  MemoryPlan memory(const Dataset& data, Count num_neighbours) const {
    const SparseRows& rows = data.by_item;
    const bool wants_support = config_.support == SupportColumn::wanted;
    const Count entries = rows.num_entries();
    MemoryPlan plan;
    plan.add("norms of rows, both sides", rows.num_rows() * Count{4 * sizeof(double)});
    const Count valued = (whole_.left.has_values ? entries : 0) + (whole_.right.has_values ? entries : 0);
    plan.add("values of pairs", valued * Count{sizeof(float)});
    plan.add("best of each row", rows.num_rows() * BestOfRows::bytes_a_row(config_.k, wants_support));
    MemoryPlan multiply;
    const Count buffers = parts_.size() == 1 ? 1 : 2;
    multiply.add("blocks of columns, one in and one out", buffers * largest_.block_bytes);
    multiply.add("bit slices of dense columns", largest_.slice_bytes);
    multiply.add("accumulators", omp_get_max_threads() * RowSearch::planned_bytes(whole_, config_));
    const Count lists = num_neighbours * (wants_support ? 20 : 12);
    // The lists are made when the blocks are gone.
    if (multiply.total_bytes() >= lists) {
      for (const auto& part : multiply.parts()) plan.add(part.what, part.num_bytes);
    } else {
      plan.add("lists of the best", lists);
    }
    if (!whole_.left.has_values) return plan;
    // A number for each pair as it lies by user, as it comes, and by item; before there is anything else.
    constexpr Count pair = sizeof(Count) + sizeof(float);
    MemoryPlan prepare;
    prepare.add("statistics of users on their way to items",
                data.by_user.num_entries() * pair + 2 * entries * pair);
    return plan.total_bytes() < prepare.total_bytes() ? prepare : plan;
  }

  const Product& whole_;
  const SparseRows& by_user_;
  const std::span<const Dataset> parts_;
  const SimilarityConfig& config_;
  std::vector<Count> bytes_by_rank_;  // of each rank's own blocks
  LargestBlock largest_;
};

}  // namespace
}  // namespace similarity

std::vector<SimilarityRankPlan> plan_nearest_items(const Communicator& alone, const Dataset& whole,
                                                   std::span<const Dataset> parts,
                                                   const SimilarityConfig& config) {
  PUSHCART_CHECK(alone.size() == 1);
  similarity::check_settings(config, whole.num_items(), whole.value_kind);
  const similarity::Product product =
      similarity::make_product(alone, whole, config, similarity::Neighbourhood::of_items);
  const similarity::Planner planner(product, whole.by_user, parts, config);
  std::vector<SimilarityRankPlan> plans;
  for (std::size_t rank = 0; rank < parts.size(); ++rank) plans.push_back(planner.plan(rank));
  return plans;
}

Count item_knn_bytes(Count num_items, Count num_neighbours) {
  constexpr Count entry = sizeof(Count) + sizeof(float);
  // Neighbours, and the rows that are made of them, growing: their columns lie twice when they move last.
  const auto moved = static_cast<Count>(std::bit_floor(static_cast<std::uint64_t>(num_neighbours)));
  return num_items * Count{2 * sizeof(Count)} + 2 * num_neighbours * entry + moved * Count{sizeof(Count)};
}

}  // namespace pushcart
