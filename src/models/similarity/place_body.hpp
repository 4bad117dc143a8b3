// Places of keys in descending order, for a file of one CPU path.

inline void places_of(const std::uint64_t* keys, Count size, std::uint64_t* places) {
  constexpr Count at_once = 8;
  for (Count first = 0; first < size; first += at_once) {
    std::uint64_t mine[at_once] = {}, larger[at_once] = {};
    std::copy_n(keys + first, std::min(at_once, size - first), mine);
    for (Count other = 0; other < size; ++other) {
      for (Count lane = 0; lane < at_once; ++lane) larger[lane] += keys[other] > mine[lane] ? 1 : 0;
    }
    std::copy_n(larger, at_once, places + first);
  }
}
