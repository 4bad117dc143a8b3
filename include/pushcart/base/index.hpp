#pragma once

#include <compare>
#include <cstdint>

namespace pushcart {

/// Number of rows, offset or global position in bulk arrays: always 64 bits.
using Count = std::int64_t;

/// A global position that carries the type of what it indexes, so that a user cannot be passed for an item.
template <class Tag>
struct Index {
  Count value = 0;
  friend auto operator<=>(const Index&, const Index&) = default;
};

using UserIndex = Index<struct UserTag>;
using ItemIndex = Index<struct ItemTag>;

/// Half-open range of global positions.
struct Range {
  Count begin = 0;
  Count end = 0;
  Count size() const { return end - begin; }
  bool contains(Count position) const { return begin <= position && position < end; }
  friend bool operator==(const Range&, const Range&) = default;
};

}  // namespace pushcart
