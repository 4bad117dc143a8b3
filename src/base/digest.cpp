#include "pushcart/base/digest.hpp"

#include <fmt/core.h>
#include <xxhash.h>

namespace pushcart {

std::uint64_t hash_bytes(const void* data, std::size_t num_bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(data, num_bytes, seed);
}

std::string digest_text(std::uint64_t digest) { return fmt::format("{:016x}", digest); }

}  // namespace pushcart
