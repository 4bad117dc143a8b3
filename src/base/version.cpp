#include "pushcart/base/version.hpp"

#include <fmt/core.h>

namespace pushcart {

std::string version() { return PUSHCART_VERSION; }

std::string build_description() {
#if defined(__AVX512F__)
  const char* instructions = "avx512";
#elif defined(__AVX2__)
  const char* instructions = "avx2";
#else
  const char* instructions = "baseline";
#endif
#ifdef NDEBUG
  const char* contracts = "release";
#else
  const char* contracts = "debug";
#endif
  return fmt::format("{}, {}, {}", __VERSION__, instructions, contracts);
}

}  // namespace pushcart
