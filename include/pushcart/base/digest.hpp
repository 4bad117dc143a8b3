#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace pushcart {

/// 64-bit XXH3 of raw bytes. Used for id hashing and checksums, never for security.
std::uint64_t hash_bytes(const void* data, std::size_t num_bytes, std::uint64_t seed = 0);
inline std::uint64_t hash_text(std::string_view text, std::uint64_t seed = 0) {
  return hash_bytes(text.data(), text.size(), seed);
}

/// Bijective mixing of 64 bits (the finalizer of SplitMix64).
constexpr std::uint64_t mix_bits(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// "0123456789abcdef": how digests are printed and stored.
std::string digest_text(std::uint64_t digest);

}  // namespace pushcart
