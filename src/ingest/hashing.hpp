#pragma once

#define XXH_INLINE_ALL  // most texts are short: the call would cost more than the hash
#define XXH_VECTOR 1    // SSE2; g++ 12 warns in its own AVX-512 headers
#include <xxhash.h>

#include <cstdint>
#include <string_view>

namespace pushcart::detail {

/// 96 bits of a line's XXH3-128: enough that 1e10 lines collide with a probability below 1e-8.
struct LineHash {
  std::uint32_t words[3] = {0, 0, 0};
  friend bool operator==(const LineHash&, const LineHash&) = default;
};

inline std::uint64_t hash64(std::string_view text) {
  return XXH3_64bits(text.data(), text.size());
}

inline LineHash line_hash(std::string_view text, std::uint64_t seed = 0) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(text.data(), text.size(), seed);
  return {{static_cast<std::uint32_t>(hash.low64), static_cast<std::uint32_t>(hash.low64 >> 32),
           static_cast<std::uint32_t>(hash.high64)}};
}

/// What a line adds to the digest of its file's lines.
inline std::uint64_t digest_part(const LineHash& hash) {
  return hash.words[0] | (std::uint64_t{hash.words[1]} << 32);
}

/// The rank that owns an id with this hash.
inline int hash_owner(std::uint64_t hash, int num_ranks) {
  return static_cast<int>(((hash >> 32) * static_cast<std::uint64_t>(num_ranks)) >> 32);
}

}  // namespace pushcart::detail
