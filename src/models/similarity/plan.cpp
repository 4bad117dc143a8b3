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

/// Which rows of a data set are compared, and those of what they have.
struct Compared {
  SparseRows Dataset::*rows;
  SparseRows Dataset::*inner;
};
constexpr Compared items_by_users{&Dataset::by_item, &Dataset::by_user};
constexpr Compared users_by_items{&Dataset::by_user, &Dataset::by_item};

/// The blocks of all ranks' columns.
std::vector<BlockShape> shapes_of_ranks(const Product& whole, SparseRows Dataset::*columns,
                                        std::span<const Dataset> parts, Count block_columns) {
  std::vector<std::vector<BlockShape>> by_rank;
  std::vector<Count> ends;
  for (const Dataset& part : parts) {
    by_rank.push_back(cut_into_blocks(part_of(whole, part.*columns), block_columns));
    ends.push_back((part.*columns).rows.end);
  }
  return padded_shapes(by_rank, ends);
}

class Planner {
 public:
  Planner(const Communicator& alone, const Product& whole, const Dataset& data, Compared compared,
          std::span<const Dataset> parts, const SimilarityConfig& config)
      : whole_(whole),
        compared_(compared),
        inner_(data.*compared.inner),
        parts_(parts),
        config_(config),
        searched_(even_cuts(row_costs(alone, whole, config.k), static_cast<int>(parts.size()))),
        shapes_(shapes_of_ranks(whole, compared.rows, parts, config.block_columns)) {}

  SimilarityRankPlan plan(std::size_t rank) const {
    const Range searched = searched_by(rank);
    SimilarityRankPlan result;
    for (Count row = searched.begin; row < searched.end; ++row) {
      result.multiply_adds += static_cast<double>(visits_of(row));
    }
    const Range owned = rows_of(rank).rows;
    for (Count row = owned.begin; row < owned.end; ++row) {
      // All that a row has brings its other rows.
      const Count others =
          std::min(visits_of(row) - whole_.left.pattern->row_length(row), inner_.num_columns - 1);
      result.num_neighbours += std::min(config_.k, others);
    }
    const RingOrder order(shapes_, static_cast<Count>(parts_.size()), static_cast<Count>(rank),
                          config_.block_columns);
    result.received_bytes = order.received_bytes();
    result.memory = memory(rank, order, result.num_neighbours);
    return result;
  }

 private:
  const SparseRows& rows_of(std::size_t rank) const { return parts_[rank].*compared_.rows; }
  Range searched_by(std::size_t rank) const { return {searched_[rank], searched_[rank + 1]}; }

  Count visits_of(Count row) const {
    Count visits = 0;
    for (const Count u : whole_.left.pattern->row_columns(row)) visits += inner_.row_length(u);
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
      if (!(searched_by(rank) == rows_of(rank).rows)) return true;
    }
    return false;
  }

  MemoryPlan memory(std::size_t rank, const RingOrder& order, Count num_neighbours) const {
    const SparseRows& rows = rows_of(rank);
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
    // A number for each pair as it lies by what rows have, as it comes, and by row; before there is anything
    // else.
    constexpr Count pair = sizeof(Count) + sizeof(float);
    MemoryPlan prepare;
    prepare.add("statistics of what rows have on their way to rows",
                (parts_[rank].*compared_.inner).num_entries() * pair + 2 * entries * pair);
    return plan.total_bytes() < prepare.total_bytes() ? prepare : plan;
  }

  const Product& whole_;
  const Compared compared_;
  const SparseRows& inner_;
  const std::span<const Dataset> parts_;
  const SimilarityConfig& config_;
  std::vector<Count> searched_;                                   // cuts between the rows that ranks search
  const std::vector<BlockShape> shapes_;                          // of all ranks' blocks
  mutable std::map<std::pair<Count, Count>, Count> slice_bytes_;  // by the columns of a block
};

}  // namespace
}  // namespace similarity

namespace {

std::vector<SimilarityRankPlan> plan_nearest(const Communicator& alone, const Dataset& whole,
                                             std::span<const Dataset> parts, const SimilarityConfig& config,
                                             similarity::Neighbourhood what) {
  PUSHCART_CHECK(alone.size() == 1);
  const bool of_users = what == similarity::Neighbourhood::of_users;
  similarity::check_settings(config, of_users ? whole.num_users() : whole.num_items(), whole.value_kind);
  const similarity::Product product = similarity::make_product(alone, whole, config, what);
  const similarity::Planner planner(alone, product, whole,
                                    of_users ? similarity::users_by_items : similarity::items_by_users, parts,
                                    config);
  std::vector<SimilarityRankPlan> plans;
  for (std::size_t rank = 0; rank < parts.size(); ++rank) plans.push_back(planner.plan(rank));
  return plans;
}

}  // namespace

std::vector<SimilarityRankPlan> plan_nearest_items(const Communicator& alone, const Dataset& whole,
                                                   std::span<const Dataset> parts,
                                                   const SimilarityConfig& config) {
  return plan_nearest(alone, whole, parts, config, similarity::Neighbourhood::of_items);
}

std::vector<SimilarityRankPlan> plan_nearest_users(const Communicator& alone, const Dataset& whole,
                                                   std::span<const Dataset> parts,
                                                   const SimilarityConfig& config) {
  return plan_nearest(alone, whole, parts, config, similarity::Neighbourhood::of_users);
}

Count item_knn_bytes(Count num_items, Count num_neighbours) {
  constexpr Count entry = sizeof(Count) + sizeof(float);
  // Neighbours, and the rows that are made of them.
  return num_items * Count{2 * sizeof(Count)} + 2 * num_neighbours * entry;
}

}  // namespace pushcart
