// Counting in bit slices, for a file of one CPU path: plane p holds bit p of 512 counters. Carry-save adders
// (Harley and Seal's population count) take eight bitmaps at a time, so that a bitmap costs two logic
// operations a plane and most planes are seldom reached.

using Bits = unsigned long __attribute__((vector_size(64), aligned(8)));

#pragma GCC diagnostic ignored "-Wpsabi"  // every call of these is inlined

constexpr int most_planes = 40;
/// Bounds are computed in float: a column is left out only if it misses by more than their rounding.
constexpr float caution = 1.0F - 1e-5F;

/// sum and carry of three bits each.
inline void add_bits(Bits a, Bits b, Bits c, Bits& sum, Bits& carry) {
  const Bits half = a ^ b;
  carry = (a & b) | (half & c);
  sum = half ^ c;
}

/// Adds `carry` at plane p.
inline void ripple(Bits* planes, int num_planes, int p, Bits carry) {
  for (; p < num_planes; ++p) {
    const Bits next = planes[p] & carry;
    planes[p] ^= carry;
    carry = next;
  }
}

/// Counters of all `num` bitmaps. @return planes that `num` can reach
inline int add_bitmaps(const unsigned long* bits, Count words_a_row, const Count* inner, Count num,
                       Bits* planes) {
  const auto of = [&](Count n) -> const Bits& {
    return *reinterpret_cast<const Bits*>(bits + inner[n] * words_a_row);
  };
  int num_planes = 1;
  while ((Count{1} << num_planes) <= num) ++num_planes;
  for (int p = 0; p < num_planes + 3; ++p) planes[p] = Bits{};
  Bits ones{}, twos{}, fours{};
  Count n = 0;
  for (; n + 8 <= num; n += 8) {
    for (Count next = n + 16; next < n + 24 && next < num; ++next) {
      __builtin_prefetch(bits + inner[next] * words_a_row);
    }
    Bits twos_a, twos_b, fours_a, fours_b, eights;
    add_bits(ones, of(n), of(n + 1), ones, twos_a);
    add_bits(ones, of(n + 2), of(n + 3), ones, twos_b);
    add_bits(twos, twos_a, twos_b, twos, fours_a);
    add_bits(ones, of(n + 4), of(n + 5), ones, twos_a);
    add_bits(ones, of(n + 6), of(n + 7), ones, twos_b);
    add_bits(twos, twos_a, twos_b, twos, fours_b);
    add_bits(fours, fours_a, fours_b, fours, eights);
    ripple(planes, num_planes, 3, eights);
  }
  planes[0] = ones;
  planes[1] = twos;
  planes[2] = fours;
  for (; n < num; ++n) ripple(planes, num_planes, 0, of(n));
  return num_planes;
}

/// Bit c: counter c >= least of its chunk.
inline Bits slices_at_least(const Bits* planes, int num_planes, const unsigned long* least) {
  Bits above{}, equal = ~Bits{};
  const Bits bounds = *reinterpret_cast<const Bits*>(least);
  for (int p = num_planes - 1; p >= 0; --p) {
    const Bits bit = -((bounds >> p) & 1);
    above |= equal & planes[p] & ~bit;
    equal &= ~(planes[p] ^ bit);
  }
  return above | equal;
}

inline Count sweep_slices(const unsigned long* bits, Count words_a_row, const Count* inner, Count num,
                          const float* z, const CountBound& bound, Count first_column,
                          const ScoredColumns& out) {
  constexpr int num_chunks = 8;
  unsigned long least[num_chunks];
  bool any = false;
  for (int chunk = 0; chunk < num_chunks; ++chunk) {
    float needed = (bound.p + bound.q * z[chunk]) * caution;
    needed = needed > static_cast<float>(bound.lowest) ? needed : static_cast<float>(bound.lowest);
    const bool possible = needed <= static_cast<float>(num);
    const auto whole = possible ? static_cast<unsigned long>(needed) : 0UL;
    least[chunk] = possible ? whole + (static_cast<float>(whole) < needed ? 1 : 0) : 0;
    any = any || possible;
  }
  if (!any) return 0;
  Bits planes[most_planes + 3];
  const int num_planes = add_bitmaps(bits, words_a_row, inner, num, planes);
  const Bits passing = slices_at_least(planes, num_planes, least);
  Count found = 0;
  for (int chunk = 0; chunk < num_chunks; ++chunk) {
    if (least[chunk] == 0) continue;
    for (unsigned long mask = passing[chunk]; mask != 0; mask &= mask - 1) {
      const int c = __builtin_ctzll(mask);
      unsigned count = 0;
      for (int p = 0; p < num_planes; ++p) count |= static_cast<unsigned>(planes[p][chunk] >> c & 1) << p;
      out.columns[found] = static_cast<unsigned>(first_column + 64 * chunk + c);
      out.counts[found] = count;
      ++found;
    }
  }
  return found;
}
