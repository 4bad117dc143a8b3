#pragma once

#include <cstdint>
#include <vector>

#include "pushcart/base/digest.hpp"
#include "pushcart/ingest/interaction_log.hpp"

namespace pushcart::detail {

/// Provisional ids, each once, in order of first sight: open addressing.
class DistinctIds {
 public:
  DistinctIds() : slots_(1 << 10, empty) {}

  /// The position of the id.
  std::uint32_t find_or_add(const ProvisionalId& id) {
    std::size_t at = first_slot(id);
    while (slots_[at] != empty && ids_[slots_[at]] != id) at = (at + 1) & (slots_.size() - 1);
    if (slots_[at] != empty) return slots_[at];
    slots_[at] = static_cast<std::uint32_t>(ids_.size());
    ids_.push_back(id);
    if (ids_.size() * 2 > slots_.size()) grow();
    return static_cast<std::uint32_t>(ids_.size() - 1);
  }
  const std::vector<ProvisionalId>& ids() const { return ids_; }

 private:
  static constexpr std::uint32_t empty = 0xffffffff;

  std::size_t first_slot(const ProvisionalId& id) const {
    return mix_bits((std::uint64_t{id.owner} << 32) | id.slot) & (slots_.size() - 1);
  }
  void grow() {
    slots_.assign(slots_.size() * 4, empty);
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      std::size_t at = first_slot(ids_[i]);
      while (slots_[at] != empty) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = static_cast<std::uint32_t>(i);
    }
  }

  std::vector<std::uint32_t> slots_;
  std::vector<ProvisionalId> ids_;
};

}  // namespace pushcart::detail
