#include "pushcart/topn/top_items.hpp"

#include <fmt/core.h>

#include <numeric>

#include "pushcart/base/indices_of.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/models/item_history.hpp"
#include "pushcart/topn/list_plan.hpp"
#include "topn/batched_search.hpp"
#include "topn/request_parts.hpp"
#include "topn/top_search.hpp"

namespace pushcart {

namespace {

void label(TopLists& lists, const std::string& source) {
  lists.source_names = {source};
  lists.sources.assign(lists.items.size(), 0);
}

void check_count(Count n, const char* option) {
  if (n < 1) throw ConfigError(fmt::format("{} {}: a list needs at least one place", option, n));
}

void check_request(const TopRequest& request, Range owned) {
  for (std::size_t i = 0; i < request.users.size(); ++i) {
    PUSHCART_CHECK(owned.contains(request.users[i]));
    PUSHCART_CHECK(i == 0 || request.users[i - 1] < request.users[i]);
  }
}

/// Rows of length one, so that a dot product is a cosine; `allowed` gets 0 for zero rows.
FactorTable unit_rows(const FactorTable& factors, std::vector<std::uint8_t>& allowed) {
  FactorTable unit{factors.rows, factors.num_columns, std::vector<float>(factors.values.size())};
  allowed.resize(static_cast<std::size_t>(factors.rows.size()));
  for (Count row = 0; row < factors.rows.size(); ++row) {
    const auto from = factors.row(row);
    const double norm = detail::euclidean_norm(from);
    allowed[static_cast<std::size_t>(row)] = norm != 0;
    for (std::size_t c = 0; norm != 0 && c < from.size(); ++c) {
      unit.row(row)[c] = static_cast<float>(static_cast<double>(from[c]) / norm);
    }
  }
  return unit;
}

/// Row i excludes item rows[i] itself.
SparseRows self_excluded(const std::vector<Count>& rows, Count num_items) {
  SparseRows excluded;
  excluded.rows = {0, static_cast<Count>(rows.size())};
  excluded.num_columns = num_items;
  excluded.columns = rows;
  excluded.values.assign(rows.size(), 1.0F);
  for (std::size_t i = 0; i < rows.size(); ++i) excluded.offsets.push_back(static_cast<Count>(i) + 1);
  return excluded;
}

/// Beside bias and factors: terms that are there on all ranks or on none, this rank's part of them.
struct SparseTerms {
  const SparseRows* item_weights = nullptr;
  const SparseRows* user_items = nullptr;
};

TopLists search_lists(const Communicator& comm, const Model& model, const SparseTerms& terms,
                      const Dataset& dataset, const TopRequest& request) {
  const Range owned = dataset.users.range(comm.rank());
  static const SparseRows no_weights;
  SparseRows no_history;
  std::optional<ItemHistory> history;
  detail::SearchTask task{{model.items, model.item_bias, model.item_factors, request.item_allowed},
                          model.user_factors,
                          request.users,
                          request.excluded,
                          request.n,
                          nullptr,
                          nullptr,
                          [&](Count user) {
                            const Count row = user - owned.begin;
                            return row < dataset.user_ids.size() ? list_row_name(dataset.user_ids[row])
                                                                 : fmt::format("user number {}", user);
                          }};
  if (terms.user_items && terms.user_items->num_rows() > 0) task.row_items = terms.user_items;
  if (terms.item_weights) {
    task.weights = terms.item_weights;
    task.history = &history.emplace(model, dataset, request.users).rows();
  } else if (terms.user_items) {  // nothing to look up for what users have
    no_history.rows = owned;
    no_history.offsets.assign(static_cast<std::size_t>(owned.size()) + 1, 0);
    task.weights = &no_weights;
    task.history = &no_history;
  }
  return detail::search_top(comm, task);
}

void check(const Communicator& comm, const Dataset& dataset, const TopRequest& request) {
  collectively(comm, "check the request for lists", [&] {
    check_count(request.n, "--n");
    check_request(request, dataset.users.range(comm.rank()));
  });
}

/// Searches for the items whose factors point where others do.
class ItemsByDirection {
 public:
  ItemsByDirection(const Communicator& comm, const Model& model, Count k)
      : comm_(comm), model_(model), k_(k), unit_(unit_rows(model.item_factors, has_direction_)) {}

  /// Owned items, zero rows among them.
  std::vector<Count> rows() const { return indices_of(unit_.rows); }

  /// The k nearest of the owned items at these positions, ascending; zero rows have none. Collective.
  TopLists nearest(const std::vector<Count>& positions) const {
    std::vector<Count> rows;
    for (const Count position : positions) rows.push_back(unit_.rows.begin + position);
    const SparseRows excluded = self_excluded(rows, model_.items.num_rows());
    // The search serves zero rows like others, all cosines being 0; they are emptied afterwards.
    const TopLists lists =
        detail::search_top(comm_, {{model_.items, {}, unit_, has_direction_},
                                   unit_,
                                   rows,
                                   excluded,
                                   k_,
                                   nullptr,
                                   nullptr,
                                   [](Count item) { return fmt::format("item number {}", item); }});
    TopLists kept;
    kept.rows = lists.rows;
    kept.scoring = lists.scoring;
    for (std::size_t r = 0; r < rows.size(); ++r) {
      if (has_direction_[static_cast<std::size_t>(positions[r])]) {
        const auto begin = lists.offsets[r], end = lists.offsets[r + 1];
        kept.items.insert(kept.items.end(), lists.items.begin() + begin, lists.items.begin() + end);
        kept.scores.insert(kept.scores.end(), lists.scores.begin() + begin, lists.scores.begin() + end);
      }
      kept.offsets.push_back(static_cast<Count>(kept.items.size()));
    }
    return kept;
  }

 private:
  const Communicator& comm_;
  const Model& model_;
  const Count k_;
  std::vector<std::uint8_t> has_direction_;  // by owned item
  const FactorTable unit_;
};

}  // namespace

TopLists top_items(const Communicator& comm, const Model& model, const Dataset& dataset,
                   const TopRequest& request, PhaseLog& phases) {
  check(comm, dataset, request);
  auto timer = phases.time("score users", static_cast<Count>(request.users.size()));
  static const SparseRows none;
  const auto part = [&](const std::optional<SparseRows>& term) -> const SparseRows* {
    if (!comm.any(term.has_value())) return nullptr;
    return term ? &*term : &none;
  };
  TopLists lists =
      search_lists(comm, model, {part(model.item_weights), part(model.user_items)}, dataset, request);
  label(lists, model.family);
  return lists;
}

TopLists top_items(const Communicator& comm, const Model& model, const ExactFilter& filter,
                   const Dataset& dataset, const TopRequest& request, PhaseLog& phases) {
  check(comm, dataset, request);
  auto timer = phases.time("score users by the exact filter", static_cast<Count>(request.users.size()));
  const auto num_users = static_cast<Count>(request.users.size());
  const Count batch = filter.batch_users();
  const Count num_batches = comm.allreduce((num_users + batch - 1) / batch, Reduce::max);
  Progress progress("filtering users", num_batches);
  TopLists lists;
  for (Count n = 0; n < num_batches; ++n) {
    const Range rows{std::min(num_users, n * batch), std::min(num_users, (n + 1) * batch)};
    const TopRequest part = detail::part_of(request, rows);
    const SparseRows terms = filter.terms(part.users);
    detail::append(lists, search_lists(comm, model, {nullptr, &terms}, dataset, part));
    progress.advance(n + 1);
  }
  label(lists, model.family);
  return lists;
}

TopLists top_items_in_batches(const Communicator& comm, const Model& model, const Dataset& dataset,
                              const TopRequest& request, RowCheckpoints& checkpoints,
                              const ListSearch& search) {
  const Count num_factors = comm.allreduce(model.item_factors.num_columns, Reduce::max);
  return detail::search_in_batches(
      comm, {dataset.users.range(comm.rank()), request.users, dataset.num_items(), num_factors}, checkpoints,
      [&](const std::vector<Count>& positions) {
        const bool is_all = positions.size() == request.users.size();  // needs no copy
        return is_all ? search(request) : search(detail::part_of(request, positions));
      },
      model.family);
}

TopLists similar_items(const Communicator& comm, const Model& model, Count k, PhaseLog& phases,
                       RowCheckpoints* checkpoints) {
  collectively(comm, "check the request for similar items", [&] { check_count(k, "--n"); });
  if (!comm.any(!model.item_factors.empty())) {
    throw ConfigError(
        fmt::format("--model: similar items need item factors, and a model of family '{}' has none; "
                    "give a model such as als",
                    model.family));
  }
  const ItemsByDirection items(comm, model, k);
  const auto search = [&](const std::vector<Count>& positions) {
    const auto timer = phases.time("compare items", static_cast<Count>(positions.size()));
    return items.nearest(positions);
  };
  const std::vector<Count> all = items.rows();
  std::vector<Count> positions(all.size());
  std::iota(positions.begin(), positions.end(), Count{0});
  if (checkpoints) {
    const Count num_factors = comm.allreduce(model.item_factors.num_columns, Reduce::max);
    return detail::search_in_batches(
        comm, {model.items.range(comm.rank()), all, model.items.num_rows(), num_factors}, *checkpoints,
        search, model.family);
  }
  TopLists lists = search(positions);
  label(lists, model.family);
  return lists;
}

}  // namespace pushcart
