#pragma once

#include <vector>

#include "topn/aligned_buffer.hpp"
#include "topn/item_panels.hpp"
#include "topn/query.hpp"

namespace pushcart::detail {

/// Takes from the cursors of a query what they have for the items of a block, whose items come after those of
/// all blocks before: calls visit(place, strength times weight) in the order of the history.
template <class Visit>
void take_weights(Query& query, const ItemPanels& panels, Visit&& visit) {
  const Count last = panels.last_item();
  constexpr std::size_t ahead = 6;  // cursors: what they point at lies all over W
  for (std::size_t c = 0; c < query.weights.size(); ++c) {
    if (c + ahead < query.weights.size()) {
      const WeightCursor& coming = query.weights[c + ahead];
      const auto* columns = reinterpret_cast<const char*>(coming.columns.data());
      __builtin_prefetch(columns);
      __builtin_prefetch(columns + 64);
      __builtin_prefetch(coming.values.data());
    }
    WeightCursor& cursor = query.weights[c];
    std::size_t used = 0;
    for (; used < cursor.columns.size() && cursor.columns[used] <= last; ++used) {
      const Count place = panels.place_of(cursor.columns[used]);
      if (place < 0) continue;
      visit(place, static_cast<double>(cursor.strength) * static_cast<double>(cursor.values[used]));
    }
    cursor.columns = cursor.columns.subspan(used);
    cursor.values = cursor.values.subspan(used);
  }
}

/// What bias and item weights add to the scores of some rows with the items of a block: exactly, and as
/// bounds from above in single precision for screening. Dense, since the weights of a history of some
/// length touch most panels. One object a thread.
class WeightOffsets {
 public:
  /// @param num_slots  rows that may be added
  void begin(const ItemPanels& panels, std::size_t num_slots);
  void add(std::size_t slot, Query& query);

  /// The sum of weights, by place: the terms in the order of the history.
  double sum(std::size_t slot, Count place) const { return sums_.data()[start(slot) + place]; }
  /// At least bias plus sum of weights, by place; whole panels.
  const float* bounds(std::size_t slot) const { return bounds_.data() + start(slot); }
  double reach(std::size_t slot) const { return reach_[slot]; }      ///< largest magnitude of bounds; or NaN
  double largest(std::size_t slot) const { return largest_[slot]; }  ///< of bounds; infinite if any is

 private:
  Count start(std::size_t slot) const { return static_cast<Count>(slot) * num_places_; }
  void find_bounds(std::size_t slot);

  const ItemPanels* panels_ = nullptr;
  Count num_places_ = 0;  ///< of whole panels
  AlignedBuffer<double> sums_;
  AlignedBuffer<float> bounds_;
  std::vector<double> reach_, largest_;
};

}  // namespace pushcart::detail
