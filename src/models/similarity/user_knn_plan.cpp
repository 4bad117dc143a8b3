#include <omp.h>

#include <algorithm>
#include <numeric>

#include "models/similarity/best_columns.hpp"
#include "models/similarity/operands.hpp"
#include "models/similarity/ring_order.hpp"
#include "models/similarity/row_search.hpp"
#include "pushcart/models/similarity_plan.hpp"

namespace pushcart {

namespace similarity {
namespace {

Operand items_of(const Dataset& part, SimilarityValues values) {
  return plain_operand({std::shared_ptr<const SparseRows>(), &part.by_item}, values);
}

/// How many items users find, at most `most` each, if their neighbours are as long as all who share an item
/// with them, and have nothing in common but that.
Count items_found(const Dataset& whole, Range users, Count k, Count most) {
  std::vector<Count> brought;  // by item: other items of all who have it
  const SparseRows &by_item = whole.by_item, &by_user = whole.by_user;
  for (Count item = 0; item < by_item.num_rows(); ++item) {
    Count sum = 0;
    for (const Count user : by_item.row_columns(item)) sum += by_user.row_length(user) - 1;
    brought.push_back(sum);
  }
  Count found = 0;
  for (Count user = users.begin; user < users.end; ++user) {
    const Count length = by_user.row_length(user);
    Count sharing = 0, others = 0;
    for (const Count item : by_user.row_columns(user)) {
      sharing += by_item.row_length(item) - 1;
      others += brought[static_cast<std::size_t>(item)] - (length - 1);
    }
    if (sharing == 0) continue;
    const double asked = std::min(1.0, static_cast<double>(k) / static_cast<double>(sharing));
    found += std::min(most, length + static_cast<Count>(asked * static_cast<double>(others)));
  }
  return found;
}

/// The best items of users by what their neighbours have. Who these are is not known before they are found:
/// all users are taken to have as much of the work.
class ItemsOfUsers {
 public:
  /// @param users  by rank, the search for neighbours
  ItemsOfUsers(const Dataset& whole, std::span<const Dataset> parts, const UserKnnConfig& config,
               std::span<const SimilarityRankPlan> users)
      : whole_(whole), parts_(parts), config_(config), users_(users), num_users_(whole.num_users()) {
    kept_ = std::min(config.kept_items, whole.num_items());
    for (const SimilarityRankPlan& rank : users) num_neighbours_ += rank.num_neighbours;
    mean_length_ = static_cast<double>(whole.by_user.num_entries()) / static_cast<double>(num_users_);
    product_.left.has_values = true;
    product_.right = items_of(whole, config.similarity.values);
    std::vector<std::vector<BlockShape>> by_rank;
    std::vector<Count> ends;
    for (const Dataset& part : parts) {
      Product of_rank;
      of_rank.right = items_of(part, config.similarity.values);
      by_rank.push_back(cut_into_blocks(of_rank, config.similarity.block_columns));
      ends.push_back(part.by_item.rows.end);
    }
    shapes_ = padded_shapes(by_rank, ends);
  }

  SimilarityRankPlan plan(std::size_t rank) const {
    const RingOrder order(shapes_, static_cast<Count>(parts_.size()), static_cast<Count>(rank),
                          config_.similarity.block_columns);
    SimilarityRankPlan result = users_[rank];
    result.num_neighbours = items_found(whole_, parts_[rank].by_user.rows, config_.similarity.k, kept_);
    result.received_bytes += order.received_bytes();
    result.multiply_adds +=
        static_cast<double>(num_neighbours_) * mean_length_ / static_cast<double>(parts_.size());
    for (const MemoryPlan& step :
         {neighbours(rank), search(rank, order, result.num_neighbours), model(rank, result.num_neighbours)}) {
      if (result.memory.total_bytes() < step.total_bytes()) result.memory = step;
    }
    return result;
  }

 private:
  static constexpr Count entry = sizeof(Count) + sizeof(float);

  MemoryPlan neighbours(std::size_t rank) const {
    MemoryPlan plan;
    plan.add("neighbours of users, and the rows made of them",
             item_knn_bytes(parts_[rank].by_user.num_rows(), users_[rank].num_neighbours));
    return plan;
  }

  /// Neighbours of users, and items.
  MemoryPlan sides(std::size_t rank) const {
    const Dataset& part = parts_[rank];
    MemoryPlan plan;
    plan.add("neighbours of users",
             product_.left.num_bytes(part.by_user.num_rows(), users_[rank].num_neighbours));
    plan.add("norms of items", part.by_item.num_rows() * Count{2 * sizeof(double)});
    plan.add("values of pairs",
             product_.right.has_values ? part.by_item.num_entries() * Count{sizeof(float)} : 0);
    return plan;
  }

  MemoryPlan search(std::size_t rank, const RingOrder& order, Count num_items) const {
    const auto num_ranks = static_cast<Count>(parts_.size());
    const Count searched = (num_users_ + num_ranks - 1) / num_ranks;
    MemoryPlan plan = sides(rank);
    if (num_ranks > 1)
      plan.add("rows searched here", product_.left.num_bytes(searched, num_neighbours_ / num_ranks));
    plan.add("best of each row", searched * BestOfRows::bytes_a_row(kept_, false));
    SimilarityConfig config = config_.similarity;
    config.k = kept_;
    const Count multiplying =
        order.buffer_bytes() + omp_get_max_threads() * RowSearch::planned_bytes(product_, config);
    // The lists are made when the blocks are gone.
    plan.add("blocks of columns and accumulators, then lists of the best",
             std::max(multiplying, num_items * entry));
    return plan;
  }

  MemoryPlan model(std::size_t rank, Count num_items) const {
    MemoryPlan plan = sides(rank);
    plan.add("items of users, and the model made of them",
             item_knn_bytes(parts_[rank].by_user.num_rows(), num_items));
    return plan;
  }

  const Dataset& whole_;
  const std::span<const Dataset> parts_;
  const UserKnnConfig& config_;
  const std::span<const SimilarityRankPlan> users_;
  const Count num_users_;
  Count kept_ = 0, num_neighbours_ = 0;  // items of a user; of all users
  double mean_length_ = 0;               // of a user's row
  Product product_;                      // its kind alone
  std::vector<BlockShape> shapes_;       // of all ranks' blocks
};

}  // namespace
}  // namespace similarity

std::vector<SimilarityRankPlan> plan_user_knn(const Communicator& alone, const Dataset& whole,
                                              std::span<const Dataset> parts, const UserKnnConfig& config) {
  if (config.kept_items < 1) throw ConfigError("--kept-items: must be at least 1");
  const auto users = plan_nearest_users(alone, whole, parts, config.similarity);
  const similarity::ItemsOfUsers items(whole, parts, config, users);
  std::vector<SimilarityRankPlan> plans;
  for (std::size_t rank = 0; rank < parts.size(); ++rank) plans.push_back(items.plan(rank));
  return plans;
}

}  // namespace pushcart
