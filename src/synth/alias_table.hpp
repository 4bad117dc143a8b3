#pragma once

#include <cstdint>
#include <span>

#include "pushcart/base/index.hpp"

namespace pushcart::synth {

/// One slot of an alias table: keep the slot's own outcome, or take the other one.
struct AliasSlot {
  std::uint32_t threshold = 0;  ///< own outcome if a random 32-bit number is below this
  std::uint32_t alias = 0;
};

/// Fills `slots` so that pick_slot draws outcome i with probability weights[i] / sum in constant time.
/// Weights >= 0, not all 0; slots as many as weights. Weight 0 is never drawn. Vose, IEEE Transactions on
/// Software Engineering 17 (1991).
void build_alias(std::span<const double> weights, std::span<AliasSlot> slots);

/// One draw from 64 random bits.
inline Count pick_slot(std::span<const AliasSlot> slots, std::uint64_t bits) {
  const std::uint64_t slot = ((bits >> 32) * slots.size()) >> 32;
  const AliasSlot& chosen = slots[slot];
  return static_cast<std::uint32_t>(bits) < chosen.threshold ? static_cast<Count>(slot)
                                                             : static_cast<Count>(chosen.alias);
}

}  // namespace pushcart::synth
