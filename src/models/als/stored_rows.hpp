#pragma once

#include <bit>
#include <cstdint>
#include <span>

#include "pushcart/models/als.hpp"

namespace pushcart::als {

/// Floats of room that a stored row of k numbers takes.
constexpr Count stored_width(GatherPrecision precision, Count k) {
  return precision == GatherPrecision::float32 ? k : (k + 1) / 2;
}

/// A stored row as floats: itself, or widened into `room`.
inline const float* floats_of(const float* stored, GatherPrecision precision, std::span<float> room) {
  if (precision == GatherPrecision::float32) return stored;
  const auto* const halves = reinterpret_cast<const std::uint16_t*>(stored);
  for (std::size_t c = 0; c < room.size(); ++c)
    room[c] = std::bit_cast<float>(std::uint32_t{halves[c]} << 16);
  return room.data();
}

}  // namespace pushcart::als
