#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "pushcart/base/digest.hpp"
#include "pushcart/base/random.hpp"
#include "pushcart/matrix/dataset.hpp"

namespace pushcart {

/// Calls use(row, entry, value) for every pair of this rank's users, with what the owner of its item says of
/// the item. Values come round in blocks, in ascending index order, so that no rank holds those of all items.
/// Collective.
/// @param value_of  of an item of this rank, by its local index
template <class Value, class ValueOf, class Use>
void with_item_values(const Communicator& comm, const Dataset& dataset, ValueOf&& value_of, Use&& use) {
  constexpr Count block_items = 1 << 16;
  const SparseRows& rows = dataset.by_user;
  std::vector<Count> next(rows.offsets.begin(), rows.offsets.end() - 1);
  std::vector<Value> values;
  for (int owner = 0; owner < comm.size(); ++owner) {
    const Range range = dataset.items.range(owner);
    for (Count begin = range.begin; begin < range.end; begin += block_items) {
      const Count end = std::min(range.end, begin + block_items);
      values.assign(static_cast<std::size_t>(end - begin), Value{});
      for (Count item = begin; item < end && owner == comm.rank(); ++item) {
        values[static_cast<std::size_t>(item - begin)] = value_of(item - range.begin);
      }
      comm.broadcast(std::span(values), owner);
      for (Count row = 0; row < rows.num_rows(); ++row) {
        Count& entry = next[static_cast<std::size_t>(row)];
        for (; entry < rows.offsets[static_cast<std::size_t>(row) + 1]; ++entry) {
          const Count item = rows.columns[static_cast<std::size_t>(entry)];
          if (item >= end) break;
          use(row, entry, values[static_cast<std::size_t>(item - begin)]);
        }
      }
    }
  }
}

enum class CoinOf { item, pair };

/// Calls use(entry, coin) for every pair with a coin of its item or its own, by outside ids. Collective.
template <class Use>
void toss_coins(const Communicator& comm, const Dataset& dataset, std::uint64_t seed, CoinOf coin_of,
                Use&& use) {
  std::vector<std::uint64_t> user_keys;
  for (Count row = 0; row < dataset.by_user.num_rows(); ++row) {
    user_keys.push_back(coin_of == CoinOf::pair ? mix_bits(hash_text(dataset.user_ids[row])) : 0);
  }
  with_item_values<std::uint64_t>(
      comm, dataset, [&](Count item) { return hash_text(dataset.item_ids[item]); },
      [&](Count row, Count entry, std::uint64_t item_key) {
        use(entry, RandomStream(seed, user_keys[static_cast<std::size_t>(row)] ^ item_key));
      });
}

}  // namespace pushcart
