#include <omp.h>

#include <algorithm>
#include <map>

#include "models/similarity/bit_slices.hpp"
#include "models/similarity/column_block.hpp"
#include "models/similarity/left_shares.hpp"
#include "models/similarity/operands.hpp"
#include "models/similarity/ring_order.hpp"
#include "models/similarity/row_costs.hpp"
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

class Planner {
 public:
  Planner(const Communicator& alone, const Product& whole, const SparseRows& by_user,
          std::span<const Dataset> parts, const SimilarityConfig& config)
      : whole_(whole),
        by_user_(by_user),
        parts_(parts),
        config_(config),
        searched_(even_cuts(row_costs(alone, whole, config.k), static_cast<int>(parts.size()))) {
    std::vector<std::vector<BlockShape>> by_rank;
    std::vector<Count> ends;
    for (const Dataset& part : parts) {
      by_rank.push_back(cut_into_blocks(part_of(whole, part.by_item), config.block_columns));
      ends.push_back(part.by_item.rows.end);
    }
    shapes_ = padded_shapes(by_rank, ends);
  }

  SimilarityRankPlan plan(std::size_t rank) const {
    const Range searched = searched_by(rank);
    SimilarityRankPlan result;
    for (Count row = searched.begin; row < searched.end; ++row) {
      result.multiply_adds += static_cast<double>(visits_of(row));
    }
    const Range owned = parts_[rank].by_item.rows;
    for (Count row = owned.begin; row < owned.end; ++row) {
      // Each user brings its other items.
      const Count others =
          std::min(visits_of(row) - whole_.left.pattern->row_length(row), by_user_.num_columns - 1);
      result.num_neighbours += std::min(config_.k, others);
    }
    const RingOrder order(shapes_, static_cast<Count>(parts_.size()), static_cast<Count>(rank),
                          config_.block_columns);
    result.received_bytes = order.received_bytes();
    result.memory = memory(rank, order, result.num_neighbours);
    return result;
  }

 private:
  Range searched_by(std::size_t rank) const { return {searched_[rank], searched_[rank + 1]}; }

  Count visits_of(Count row) const {
    Count visits = 0;
    for (const Count user : whole_.left.pattern->row_columns(row)) visits += by_user_.row_length(user);
    return visits;
  }

  /// Of the largest block that the rank works on; blocks are packed to be looked at, each once.
  Count slice_bytes(const RingOrder& order) const {
    if (!whole_.is_count() || whole_.has_window()) return 0;
    Count largest = 0;
    for (const BlockShape& shape : order.blocks()) {
      if (shape.columns.size() == 0) continue;
      const auto [known, is_new] = slice_bytes_.try_emplace({shape.columns.begin, shape.columns.end}, 0);
      if (is_new) {
        ColumnBlock block;
        block.pack(whole_.right, shape);
        known->second = BitSlices::needed_bytes(block);
      }
      largest = std::max(largest, known->second);
    }
    return largest;
  }

  bool lends_rows() const {
    for (std::size_t rank = 0; rank < parts_.size(); ++rank) {
      if (!(searched_by(rank) == parts_[rank].by_item.rows)) return true;
    }
    return false;
  }

  MemoryPlan memory(std::size_t rank, const RingOrder& order, Count num_neighbours) const {
    const Dataset& data = parts_[rank];
    const SparseRows& rows = data.by_item;
    const Range searched = searched_by(rank);
    const bool wants_support = config_.support == SupportColumn::wanted;
    const Count entries = rows.num_entries();
    MemoryPlan plan;
    plan.add("norms of rows, both sides", rows.num_rows() * Count{4 * sizeof(double)});
    const Count valued = (whole_.left.has_values ? entries : 0) + (whole_.right.has_values ? entries : 0);
    plan.add("values of pairs", valued * Count{sizeof(float)});
    const std::size_t num_of_sides = plan.parts().size();
    if (lends_rows()) {
      const auto& offsets = whole_.left.pattern->offsets;
      plan.add("rows searched here",
               whole_.left.num_bytes(searched.size(), offsets[static_cast<std::size_t>(searched.end)] -
                                                          offsets[static_cast<std::size_t>(searched.begin)]));
      const Range both{std::max(searched.begin, rows.rows.begin), std::min(searched.end, rows.rows.end)};
      const Count num_lent =
          searched.size() + rows.num_rows() - 2 * std::max<Count>(0, both.end - both.begin);
      plan.add("lists of lent rows", num_lent * BestOfRows::bytes_a_row(config_.k, wants_support));
    }
    plan.add("best of each row", searched.size() * BestOfRows::bytes_a_row(config_.k, wants_support));
    MemoryPlan multiply;
    multiply.add("blocks of columns, in, out and merged", order.buffer_bytes());
    multiply.add("bit slices of dense columns", slice_bytes(order));
    multiply.add("accumulators", omp_get_max_threads() * RowSearch::planned_bytes(whole_, config_));
    const Count lists = num_neighbours * (wants_support ? 20 : 12);
    // The lists are made when the blocks are gone.
    if (multiply.total_bytes() >= lists) {
      for (const auto& part : multiply.parts()) plan.add(part.what, part.num_bytes);
    } else {
      plan.add("lists of the best", lists);
    }
    if (parts_.size() > 1) {
      // Gone when rows are searched.
      MemoryPlan costs;
      for (std::size_t part = 0; part < num_of_sides; ++part) {
        costs.add(plan.parts()[part].what, plan.parts()[part].num_bytes);
      }
      costs.add("costs of rows", row_cost_bytes(whole_, rows.num_rows()));
      if (plan.total_bytes() < costs.total_bytes()) plan = std::move(costs);
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
  std::vector<Count> searched_;                                   // cuts between the rows that ranks search
  std::vector<BlockShape> shapes_;                                // of all ranks' blocks
  mutable std::map<std::pair<Count, Count>, Count> slice_bytes_;  // by the columns of a block
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
  const similarity::Planner planner(alone, product, whole.by_user, parts, config);
  std::vector<SimilarityRankPlan> plans;
  for (std::size_t rank = 0; rank < parts.size(); ++rank) plans.push_back(planner.plan(rank));
  return plans;
}

Count item_knn_bytes(Count num_items, Count num_neighbours) {
  constexpr Count entry = sizeof(Count) + sizeof(float);
  // Neighbours, and the rows that are made of them.
  return num_items * Count{2 * sizeof(Count)} + 2 * num_neighbours * entry;
}

}  // namespace pushcart
