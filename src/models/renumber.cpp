#include "pushcart/models/renumber.hpp"

#include <algorithm>

#include "pushcart/ids/dictionary_lookup.hpp"
#include "pushcart/ids/fetch_values.hpp"
#include "pushcart/ids/send_by_rank.hpp"

namespace pushcart {

namespace {

Count num_known(const Communicator& comm, const std::vector<Count>& indices) {
  return comm.sum(static_cast<Count>(
      std::count_if(indices.begin(), indices.end(), [](Count index) { return index >= 0; })));
}

/// Rows of this rank that are known elsewhere, grouped by the rank that owns them there.
struct Moves {
  std::vector<Count> rows;     ///< local rows
  std::vector<Count> targets;  ///< their new global indices
  SendOrder send;              ///< positions in both
};

Moves moves_of(const Communicator& comm, const std::vector<Count>& indices, const Partition& to) {
  Moves moves;
  std::vector<int> owners;
  for (std::size_t row = 0; row < indices.size(); ++row) {
    if (indices[row] < 0) continue;
    moves.rows.push_back(static_cast<Count>(row));
    moves.targets.push_back(indices[row]);
    owners.push_back(to.owner(indices[row]));
  }
  moves.send = order_by_rank(owners, comm.size());
  return moves;
}

/// Rows of `width` numbers to their new owners; rows that nobody brings are zero.
std::vector<float> move_rows(const Communicator& comm, std::span<const float> values, Count width,
                             const Moves& moves, const Partition& to) {
  const auto columns = static_cast<std::size_t>(width);
  const auto targets = exchange_grouped<Count>(comm, moves.targets, moves.send);
  std::vector<float> grouped;
  grouped.reserve(moves.rows.size() * columns);
  for (const Count position : moves.send.order) {
    const auto row = static_cast<std::size_t>(moves.rows[static_cast<std::size_t>(position)]);
    grouped.insert(grouped.end(), values.begin() + static_cast<std::ptrdiff_t>(row * columns),
                   values.begin() + static_cast<std::ptrdiff_t>((row + 1) * columns));
  }
  std::vector<Count> counts = moves.send.counts;
  for (Count& count : counts) count *= width;
  const auto came = comm.alltoallv(std::span<const float>(grouped), std::span<const Count>(counts));
  const Range mine = to.range(comm.rank());
  std::vector<float> result(static_cast<std::size_t>(mine.size()) * columns, 0.0F);
  for (std::size_t i = 0; i < targets.data.size(); ++i) {
    const auto at = static_cast<std::size_t>(targets.data[i] - mine.begin);
    std::copy_n(came.data.begin() + static_cast<std::ptrdiff_t>(i * columns), columns,
                result.begin() + static_cast<std::ptrdiff_t>(at * columns));
  }
  return result;
}

/// The same of what only some models have: nothing if no rank has any.
std::vector<float> move_optional(const Communicator& comm, const std::vector<float>& values, Count width,
                                 const Moves& moves, const Partition& to) {
  if (!comm.any(!values.empty())) return {};
  return move_rows(comm, values, width, moves, to);
}

FactorTable move_table(const Communicator& comm, const FactorTable& table, const Moves& moves,
                       const Partition& to) {
  FactorTable moved;
  moved.rows = to.range(comm.rank());
  moved.num_columns = comm.allreduce(table.num_columns, Reduce::max);
  if (moved.num_columns > 0) moved.values = move_rows(comm, table.values, moved.num_columns, moves, to);
  return moved;
}

struct Entry {
  Count row = 0, column = 0;
  float value = 0;
  friend bool operator<(const Entry& a, const Entry& b) {
    return a.row != b.row ? a.row < b.row : a.column < b.column;
  }
};

/// Sparse rows whose columns are items.
SparseRows move_sparse(const Communicator& comm, const SparseRows& rows, const Moves& moves,
                       const Partition& to, const Partition& items_from, const std::vector<Count>& new_items,
                       Count num_items) {
  const auto columns = fetch_values<Count>(comm, items_from, new_items, rows.columns);
  std::vector<Entry> entries;
  std::vector<Count> counts(static_cast<std::size_t>(comm.size()), 0);
  for (const Count position : moves.send.order) {
    const auto row = static_cast<std::size_t>(moves.rows[static_cast<std::size_t>(position)]);
    const Count target = moves.targets[static_cast<std::size_t>(position)];
    for (auto e = static_cast<std::size_t>(rows.offsets[row]);
         e < static_cast<std::size_t>(rows.offsets[row + 1]); ++e) {
      if (columns[e] < 0) continue;
      entries.push_back({target, columns[e], rows.values[e]});
      ++counts[static_cast<std::size_t>(to.owner(target))];
    }
  }
  auto came = comm.alltoallv(std::span<const Entry>(entries), std::span<const Count>(counts)).data;
  std::sort(came.begin(), came.end());
  SparseRows moved;
  moved.rows = to.range(comm.rank());
  moved.num_columns = num_items;
  moved.offsets.assign(static_cast<std::size_t>(moved.rows.size()) + 1, 0);
  for (const Entry& entry : came) {
    ++moved.offsets[static_cast<std::size_t>(entry.row - moved.rows.begin) + 1];
    moved.columns.push_back(entry.column);
    moved.values.push_back(entry.value);
  }
  for (std::size_t row = 1; row < moved.offsets.size(); ++row) moved.offsets[row] += moved.offsets[row - 1];
  return moved;
}

}  // namespace

IdMap map_ids(const Communicator& comm, const Dataset& from, const Dataset& to) {
  IdMap ids;
  ids.users = DictionaryLookup(comm, to.users, to.user_ids).find(from.user_ids);
  ids.items = DictionaryLookup(comm, to.items, to.item_ids).find(from.item_ids);
  ids.num_users = num_known(comm, ids.users);
  ids.num_items = num_known(comm, ids.items);
  return ids;
}

Model renumber(const Communicator& comm, const Model& model, const IdMap& ids, const Dataset& to) {
  const Moves users = moves_of(comm, ids.users, to.users), items = moves_of(comm, ids.items, to.items);
  Model moved;
  moved.family = model.family;
  moved.users = to.users;
  moved.items = to.items;
  moved.item_bias = move_optional(comm, model.item_bias, 1, items, to.items);
  moved.user_bias = move_optional(comm, model.user_bias, 1, users, to.users);
  moved.user_factors = move_table(comm, model.user_factors, users, to.users);
  moved.item_factors = move_table(comm, model.item_factors, items, to.items);
  moved.factor_origins = model.factor_origins;
  moved.origin_scales = move_optional(comm, model.origin_scales,
                                      static_cast<Count>(model.factor_origins.size()), users, to.users);
  if (model.item_weights) {
    moved.item_weights =
        move_sparse(comm, *model.item_weights, items, to.items, model.items, ids.items, to.num_items());
  }
  moved.session_profile = model.session_profile;
  if (model.user_items) {
    moved.user_items =
        move_sparse(comm, *model.user_items, users, to.users, model.items, ids.items, to.num_items());
  }
  moved.predicts_ratings = model.predicts_ratings;
  moved.mean = model.mean;
  moved.user_attribute_map = model.user_attribute_map;
  moved.item_attribute_map = model.item_attribute_map;
  moved.dataset_digest = model.dataset_digest;
  moved.config = model.config;
  moved.history = model.history;
  moved.digest = model.digest;
  return moved;
}

}  // namespace pushcart
