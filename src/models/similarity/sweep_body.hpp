// The sweeps, for a file of one CPU path: that file has declared, in an unnamed namespace,
//   Mask at_least(const T* chunk, T least)                       bit c: chunk[c] >= least, for the counter
//   types Mask at_least(const float* chunk, const float* z, float p, float q)   bit c: chunk[c] > 0 and >= p
//   + q z[c] void clear(T* chunk)

constexpr long chunk_size = 64;
/// Bounds are computed in float: a column is left out only if it misses by more than their rounding.
constexpr float caution = 1.0F - 1e-5F;

template <class T>
long emit(Mask mask, long first_column, const T* chunk, const Candidates& out, long found) {
  while (mask != 0) {
    const int c = __builtin_ctzll(mask);
    mask &= mask - 1;
    out.columns[found] = static_cast<unsigned short>(first_column + c);
    out.counts[found] = chunk[c];
    ++found;
  }
  return found;
}

template <class T>
Count sweep_counters(T* counters, const unsigned short* chunks, Count num_chunks, const float* z,
                     const SweepBound& bound, const Candidates& out) {
  constexpr float most = static_cast<float>(static_cast<T>(~T{0}));
  const float lowest = static_cast<float>(bound.lowest);
  long found = 0;
  for (Count n = 0; n < num_chunks; ++n) {
    const long chunk = chunks[n];
    T* const at = counters + chunk * chunk_size;
    float least = (bound.p + bound.q * z[chunk]) * caution;
    least = least > lowest ? least : lowest;
    if (least <= most) {
      T needed = static_cast<T>(least);
      needed = static_cast<T>(needed + (static_cast<float>(needed) < least ? 1 : 0));
      const Mask mask = at_least(at, needed);
      if (mask != 0) found = emit(mask, chunk * chunk_size, at, out, found);
    }
    clear(at);
  }
  return found;
}

Count sweep_sums(float* sums, unsigned* counters, const unsigned short* chunks, Count num_chunks,
                 const float* z, const SweepBound& bound, const Candidates& out) {
  long found = 0;
  for (Count n = 0; n < num_chunks; ++n) {
    const long first = chunks[n] * chunk_size;
    float* const at = sums + first;
    Mask mask = at_least(at, z + first, bound.p * caution, bound.q * caution);
    while (mask != 0) {
      const int c = __builtin_ctzll(mask);
      mask &= mask - 1;
      out.columns[found] = static_cast<unsigned short>(first + c);
      out.sums[found] = at[c];
      out.counts[found] = counters ? counters[first + c] : 0;
      ++found;
    }
    clear(at);
    if (counters) clear(counters + first);
  }
  return found;
}
