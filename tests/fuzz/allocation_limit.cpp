// So that a length read from an input cannot make the machine swap: an allocation beyond the limit throws
// what no reader may throw. In a file of its own, where the compiler cannot inline it into what it allocates
// for.

#include <cstdio>
#include <cstdlib>
#include <new>
#include <stdexcept>

namespace {
constexpr std::size_t largest_allocation = std::size_t{256} << 20;
}

void* operator new(std::size_t num_bytes) {
  if (num_bytes > largest_allocation) {
    std::fprintf(stderr, "an allocation of %zu bytes\n", num_bytes);
    throw std::logic_error("an allocation beyond the limit");
  }
  void* memory = std::malloc(num_bytes == 0 ? 1 : num_bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
