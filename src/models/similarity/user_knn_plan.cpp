#include <omp.h>

#include <algorithm>
#include <cmath>
#include <functional>

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

/// How many items the users like a user have, by the cosine of which items they have, as the search rounds
/// it.
class FoundItems {
 public:
  FoundItems(const Dataset& whole, Count k)
      : by_item_(whole.by_item),
        by_user_(whole.by_user),
        k_(static_cast<std::size_t>(k)),
        shared_(static_cast<std::size_t>(whole.num_users()), 0),
        found_(static_cast<std::size_t>(whole.num_items()), 0) {}

  Count of_user(Count user) {
    std::vector<std::pair<float, Count>> others = sharing(user);
    if (others.size() > k_) {
      std::nth_element(others.begin(), others.begin() + static_cast<std::ptrdiff_t>(k_), others.end(),
                       std::greater<>());
      others.resize(k_);
    }
    ++mark_;
    Count num_found = 0;
    for (const auto& [likeness, other] : others) {
      for (const Count item : by_user_.row_columns(-other)) {
        Count& mark = found_[static_cast<std::size_t>(item)];
        num_found += mark != mark_ ? 1 : 0;
        mark = mark_;
      }
    }
    return num_found;
  }

 private:
  /// Those who share an item with the user, and how like they are.
  std::vector<std::pair<float, Count>> sharing(Count user) {
    std::vector<Count> met;
    for (const Count item : by_user_.row_columns(user)) {
      for (const Count other : by_item_.row_columns(item)) {
        if (shared_[static_cast<std::size_t>(other)]++ == 0) met.push_back(other);
      }
    }
    std::vector<std::pair<float, Count>> others;  // of equally like ones those of small numbers first
    const float own = scale_of(user);
    for (const Count other : met) {
      Count& shared = shared_[static_cast<std::size_t>(other)];
      if (other != user) others.emplace_back(static_cast<float>(shared) * (own * scale_of(other)), -other);
      shared = 0;
    }
    return others;
  }

  float scale_of(Count user) const {
    return static_cast<float>(1 / std::sqrt(static_cast<double>(by_user_.row_length(user))));
  }

  const SparseRows &by_item_, &by_user_;
  const std::size_t k_;
  std::vector<Count> shared_;  // by user
  std::vector<Count> found_;   // by item: the last user who found it, in their order
  Count mark_ = 0;
};

/// How many items users find, at most `most` each: counted for at most `sample` of them, evenly drawn.
Count items_found(FoundItems& items, Range users, Count sample, Count most) {
  const Count step = std::max<Count>(1, (users.size() + sample - 1) / sample);
  Count found = 0, asked = 0;
  for (Count user = users.begin + std::min(step, users.size()) / 2; user < users.end; user += step, ++asked)
    found += std::min(most, items.of_user(user));
  return asked == 0 ? 0 : found * users.size() / asked;
}

/// The best items of users by what their neighbours have. Who these are is not known before they are found,
/// but for some of the users: all are taken to have as much of the work.
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

  /// @param sample  users of a rank that are asked at most
  SimilarityRankPlan plan(std::size_t rank, FoundItems& items, Count sample) const {
    const RingOrder order(shapes_, static_cast<Count>(parts_.size()), static_cast<Count>(rank),
                          config_.similarity.block_columns);
    SimilarityRankPlan result = users_[rank];
    result.num_neighbours = items_found(items, parts_[rank].by_user.rows, sample, kept_);
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
                                              std::span<const Dataset> parts, const UserKnnConfig& config,
                                              const AskedUsers& asked) {
  if (config.kept_items < 1) throw ConfigError("--kept-items: must be at least 1");
  const auto users = plan_nearest_users(alone, whole, parts, config.similarity);
  const similarity::ItemsOfUsers items(whole, parts, config, users);
  similarity::FoundItems found(whole, config.similarity.k);
  const Count sample = std::max(asked.of_a_rank, asked.of_all / static_cast<Count>(parts.size()));
  std::vector<SimilarityRankPlan> plans;
  for (std::size_t rank = 0; rank < parts.size(); ++rank) plans.push_back(items.plan(rank, found, sample));
  return plans;
}

}  // namespace pushcart
