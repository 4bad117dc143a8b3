#include "models/similarity/product_plan.hpp"

#include <algorithm>
#include <numeric>

#include "models/similarity/nearest.hpp"
#include "pushcart/comm/received_bytes.hpp"

namespace pushcart::similarity {

namespace {

/// The right rows of all ranks by what they have.
struct ColumnsOfInner {
  std::vector<Count> offsets;
  std::vector<Count> columns;

  Count length(Count inner) const {
    return offsets[static_cast<std::size_t>(inner) + 1] - offsets[static_cast<std::size_t>(inner)];
  }
  std::span<const Count> of(Count inner) const {
    return std::span(columns).subspan(static_cast<std::size_t>(offsets[static_cast<std::size_t>(inner)]),
                                      static_cast<std::size_t>(length(inner)));
  }
};

ColumnsOfInner columns_of_inner(std::span<const PreparedSearch> ranks) {
  ColumnsOfInner result;
  result.offsets.assign(static_cast<std::size_t>(ranks.front().right->num_columns) + 1, 0);
  for (const PreparedSearch& rank : ranks) {
    for (const Count inner : rank.right->columns) ++result.offsets[static_cast<std::size_t>(inner) + 1];
  }
  std::partial_sum(result.offsets.begin(), result.offsets.end(), result.offsets.begin());
  result.columns.resize(static_cast<std::size_t>(result.offsets.back()));
  std::vector<Count> next(result.offsets.begin(), result.offsets.end() - 1);
  for (const PreparedSearch& rank : ranks) {
    for (Count row = 0; row < rank.right->num_rows(); ++row) {
      for (const Count inner : rank.right->row_columns(row)) {
        Count& at = next[static_cast<std::size_t>(inner)];
        result.columns[static_cast<std::size_t>(at++)] = rank.right->rows.begin + row;
      }
    }
  }
  return result;
}

/// How many other rows share something with a row, counted to `most`.
class Others {
 public:
  Others(const ColumnsOfInner& inner, Count num_columns, Count most)
      : inner_(inner), most_(most), met_by_(static_cast<std::size_t>(num_columns), -1) {}

  Count of(Count row, std::span<const Count> has) {
    met_by_[static_cast<std::size_t>(row)] = row;
    Count others = 0;
    for (const Count u : has) {
      for (const Count column : inner_.of(u)) {
        Count& last = met_by_[static_cast<std::size_t>(column)];
        if (last == row) continue;
        last = row;
        if (++others == most_) return others;
      }
    }
    return others;
  }

 private:
  const ColumnsOfInner& inner_;
  const Count most_;
  std::vector<Count> met_by_;  // by column: the last row that met it
};

}  // namespace

PreparedSearch prepare_search(const Communicator& comm, const Product& product,
                              const SimilarityConfig& config) {
  const Count received_before = received_bytes();
  SharedSearch search(comm, product, config);
  return {product.left.pattern, product.right.pattern, search.shares().searched(),
          search.order().received_bytes() + received_bytes() - received_before};
}

std::vector<SimilarityRankPlan> plan_search(std::span<const PreparedSearch> ranks, Count k) {
  const ColumnsOfInner inner = columns_of_inner(ranks);
  Others others(inner, ranks.back().right->rows.end, k);
  constexpr Count list_bytes = sizeof(std::int32_t),
                  entry_bytes = sizeof(std::uint64_t);  // as they come back
  std::vector<SimilarityRankPlan> plans(ranks.size());
  std::size_t searcher = 0;
  for (std::size_t owner = 0; owner < ranks.size(); ++owner) {
    const SparseRows& left = *ranks[owner].left;
    for (Count row = left.rows.begin; row < left.rows.end; ++row) {
      while (row >= ranks[searcher].searched.end) ++searcher;
      const auto has = left.row_columns(row - left.rows.begin);
      const Count kept = others.of(row, has);
      plans[owner].num_neighbours += kept;
      if (searcher != owner) plans[owner].received_bytes += list_bytes + kept * entry_bytes;
      for (const Count u : has) plans[searcher].multiply_adds += static_cast<double>(inner.length(u));
    }
  }
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    plans[rank].received_bytes += ranks[rank].received_bytes;
  }
  return plans;
}

void turn_lists_round(std::span<const Count> shares, std::vector<SimilarityRankPlan>& ranks) {
  constexpr Count moving_entry = 12;  // as transpose() sends them
  const auto whole =
      static_cast<double>(std::max<Count>(1, std::accumulate(shares.begin(), shares.end(), Count{0})));
  Count all = 0;
  for (const SimilarityRankPlan& rank : ranks) all += rank.num_neighbours;
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    const double share = static_cast<double>(shares[rank]) / whole;
    const Count of_others = all - ranks[rank].num_neighbours;
    ranks[rank].received_bytes += moving_entry * static_cast<Count>(share * static_cast<double>(of_others));
    ranks[rank].num_neighbours = static_cast<Count>(share * static_cast<double>(all));
  }
}

}  // namespace pushcart::similarity
