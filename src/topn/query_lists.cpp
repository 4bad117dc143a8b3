#include "pushcart/topn/query_lists.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "models/content/ngrams.hpp"
#include "models/search/text_rows.hpp"
#include "models/similarity/nearest.hpp"
#include "models/similarity/neighbour_matrix.hpp"
#include "pushcart/comm/memory_budget.hpp"
#include "pushcart/matrix/assemble.hpp"
#include "pushcart/models/popular.hpp"
#include "pushcart/topn/top_items.hpp"
#include "topn/short_lists.hpp"

namespace pushcart {

namespace {

void check(const QueryListConfig& config) {
  if (config.n < 1) throw ConfigError("--n: must be at least 1");
  if (config.similar_queries < 1) throw ConfigError("--similar-queries: must be at least 1");
  if (!(config.similar_weight >= 0 && std::isfinite(config.similar_weight)))
    throw ConfigError("--similar-weight: must be a number of at least 0");
  if (!(config.similar_power > 0 && std::isfinite(config.similar_power)))
    throw ConfigError("--similar-power: must be above 0");
}

/// Each row over the sum of its entries.
void divide_by_sums(SparseRows& rows) {
  for (Count row = 0; row < rows.num_rows(); ++row) {
    double sum = 0;
    for (const float value : rows.row_values(row)) sum += static_cast<double>(value);
    const auto first = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(row)]);
    for (auto at = first; at < first + static_cast<std::size_t>(rows.row_length(row)); ++at) {
      rows.values[at] = static_cast<float>(static_cast<double>(rows.values[at]) / sum);
    }
  }
}

/// Rows that are not marked lose their entries.
SparseRows only_marked(const SparseRows& rows, const std::vector<std::uint8_t>& marks) {
  if (marks.empty()) return rows;
  SparseRows result;
  result.rows = rows.rows;
  result.num_columns = rows.num_columns;
  for (Count row = 0; row < rows.num_rows(); ++row) {
    if (marks[static_cast<std::size_t>(row)]) {
      const auto columns = rows.row_columns(row);
      const auto values = rows.row_values(row);
      result.columns.insert(result.columns.end(), columns.begin(), columns.end());
      result.values.insert(result.values.end(), values.begin(), values.end());
    }
    result.offsets.push_back(result.num_entries());
  }
  return result;
}

/// The columns of `right` behind those of `left`.
SparseRows beside(const SparseRows& left, const SparseRows& right) {
  SparseRows result;
  result.rows = left.rows;
  result.num_columns = left.num_columns + right.num_columns;
  for (Count row = 0; row < left.num_rows(); ++row) {
    for (const Count column : left.row_columns(row)) result.columns.push_back(column);
    for (const Count column : right.row_columns(row)) result.columns.push_back(left.num_columns + column);
    for (const float value : left.row_values(row)) result.values.push_back(value);
    for (const float value : right.row_values(row)) result.values.push_back(value);
    result.offsets.push_back(result.num_entries());
  }
  return result;
}

/// Makes the lists of some queries, a source at a time.
class QueryLists {
 public:
  QueryLists(const Communicator& comm, const Dataset& dataset, const ServedQueries& served,
             const QueryListConfig& config, PhaseLog& phases)
      : comm_(comm), dataset_(dataset), served_(served), config_(config), phases_(phases) {
    request_.n = config.n;
    request_.item_allowed = config.item_allowed;
    lists_.rows = served.queries;
    lists_.rows.resize(served.queries.size() + static_cast<std::size_t>(served.unknown.size()), -1);
    lists_.offsets.resize(lists_.rows.size() + 1, 0);
  }

  TopLists run() {
    std::optional<SparseRows> shares;  // items x queries: p(i | q)
    if (dataset_.searches) {
      shares = shares_of_queries();
      fill(own_queries(), std::make_shared<const SparseRows>(*shares), "searched");
    }
    fill_from_alike(shares);
    fill_from_popular(comm_, train_popular(comm_, dataset_, PopularConfig{}), request_, lists_, "popular");
    return std::move(lists_);
  }

 private:
  SparseRows shares_of_queries() const {
    QueryItemConfig config = config_.weights;
    config.memory_budget_bytes = config_.memory_budget_bytes;
    SparseRows shares = query_items(comm_, dataset_, config);
    announce(shares);
    divide_by_sums(shares);
    return only_marked(transpose(comm_, shares, dataset_.items, dataset_.searches->queries.num_rows()),
                       config_.item_allowed);
  }

  /// What the shares of owned queries take until they are the items'.
  void announce(const SparseRows& shares) const {
    std::vector<Count> by_owner(static_cast<std::size_t>(comm_.size()), 0);
    for (const Count item : shares.columns) ++by_owner[static_cast<std::size_t>(dataset_.items.owner(item))];
    comm_.allreduce(std::span<Count>(by_owner), Reduce::sum);
    const Count of_items = by_owner[static_cast<std::size_t>(comm_.rank())];
    constexpr Count entry = sizeof(Count) + sizeof(float), sorting = entry + Count{sizeof(Count)};
    MemoryPlan plan;
    plan.add("query-item weights", shares.num_entries() * entry + shares.num_rows() * Count{sizeof(Count)});
    plan.add("shares on their way to items", (shares.num_entries() + of_items) * sorting);
    // Those in the lists' items, and those that are multiplied.
    plan.add("shares of items", 2 * (of_items * entry + dataset_.by_item.num_rows() * Count{sizeof(Count)}));
    announce_memory(comm_, "shares of items in queries", plan, config_.memory_budget_bytes);
  }

  /// What both say is added by one product over queries and terms.
  void fill_from_alike(const std::optional<SparseRows>& shares) {
    auto names = text_rows(dataset_.item_names, dataset_.items.range(comm_.rank()));
    SparseRows items = only_marked(names.texts, config_.item_allowed);
    if (!shares) return fill(names.wanted, std::make_shared<const SparseRows>(std::move(items)), "similar");
    fill(beside(similar_queries(), names.wanted), std::make_shared<const SparseRows>(beside(*shares, items)),
         "similar");
  }

  /// A row a list: 1 at the query itself.
  SparseRows own_queries() const {
    SparseRows rows;
    rows.rows = {0, lists_.num_rows()};
    rows.num_columns = dataset_.searches->queries.num_rows();
    for (const Count query : lists_.rows) {
      if (query >= 0) rows.columns.push_back(query);
      rows.offsets.push_back(rows.num_entries());
    }
    rows.values.assign(rows.columns.size(), 1.0F);
    return rows;
  }

  /// A row a list: what the queries most like its own count.
  SparseRows similar_queries() const {
    const Searches& searches = *dataset_.searches;
    const auto rows = text_rows(searches.texts, searches.queries.range(comm_.rank()));
    SparseRows similar =
        similarity::matrix_of(best(rows.wanted, std::make_shared<const SparseRows>(rows.texts),
                                   searches.queries, config_.similar_queries));
    for (float& value : similar.values) {
      value = static_cast<float>(config_.similar_weight *
                                 std::pow(static_cast<double>(value), config_.similar_power));
    }
    return similar;
  }

  search::TextRows text_rows(const StringTable& texts, Range owned) const {
    content::NgramCutter ngrams{NgramConfig{}};
    return search::text_rows(comm_, texts, owned, texts_of_lists(),
                             [&](std::string_view text, const auto& visit) { ngrams.cut(text, visit); });
  }

  StringTable texts_of_lists() const {
    StringTable texts;
    for (const Count query : served_.queries) {
      texts.push_back(dataset_.searches->texts[query - dataset_.searches->queries.range(comm_.rank()).begin]);
    }
    for (Count n = 0; n < served_.unknown.size(); ++n) texts.push_back(served_.unknown[n]);
    return texts;
  }

  /// For each left row the right rows with the largest products.
  Neighbours best(const SparseRows& left, std::shared_ptr<const SparseRows> right, const Partition& columns,
                  Count k) const {
    auto rows = std::make_shared<SparseRows>(left);
    const Count before = comm_.exclusive_sum(left.num_rows());
    rows->rows = {before, before + left.num_rows()};  // lists of all ranks, in order
    similarity::Product product;
    product.left = similarity::plain_operand(std::move(rows), SimilarityValues::as_is);
    product.right = similarity::plain_operand(std::move(right), SimilarityValues::as_is);
    product.rows_are_columns = false;
    product.num_inner = static_cast<double>(left.num_columns);
    SimilarityConfig config;
    config.k = std::min(k, columns.num_rows());
    config.memory_budget_bytes = config_.memory_budget_bytes;
    return similarity::best_of_product(comm_, product, columns, config, phases_, nullptr);
  }

  /// Fills lists that are short with the best items of left x items'.
  void fill(const SparseRows& left, std::shared_ptr<const SparseRows> items, const std::string& source) {
    auto short_lists = detail::find_short_lists(request_, lists_);
    // Whatever a list has already, as many are left as it may want.
    const Neighbours found =
        best(left, std::move(items), dataset_.items, 2 * std::min(config_.n, dataset_.num_items()));
    for (detail::ShortList& list : short_lists) {
      for (auto at = static_cast<std::size_t>(found.offsets[static_cast<std::size_t>(list.row)]);
           at < static_cast<std::size_t>(found.offsets[static_cast<std::size_t>(list.row) + 1]); ++at) {
        if (list.missing > 0 && list.wants(found.columns[at]))
          list.add({found.columns[at], found.scores[at]});
      }
    }
    detail::append_added(lists_, short_lists, source);
  }

  const Communicator& comm_;
  const Dataset& dataset_;
  const ServedQueries& served_;
  const QueryListConfig& config_;
  PhaseLog& phases_;
  TopRequest request_;
  TopLists lists_;
};

}  // namespace

TopLists query_lists(const Communicator& comm, const Dataset& dataset, const ServedQueries& served,
                     const QueryListConfig& config, PhaseLog& phases) {
  check(config);
  return QueryLists(comm, dataset, served, config, phases).run();
}

}  // namespace pushcart
