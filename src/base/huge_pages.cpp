#include "pushcart/base/huge_pages.hpp"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

// The sanitizers have a `new` of their own, which must match their `delete`.
#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define PUSHCART_OWN_NEW 1
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#undef PUSHCART_OWN_NEW
#endif
#endif
#endif

namespace pushcart {

namespace {

std::atomic<bool> wanted{false};

}  // namespace

void use_huge_pages() {
  wanted = true;
}

}  // namespace pushcart

#ifdef PUSHCART_OWN_NEW

namespace {

constexpr std::size_t page = std::size_t{2} << 20;

/// Advice only: if the system refuses, pages are small ones.
void advise(void* memory, std::size_t size) {
  const auto begin = (reinterpret_cast<std::uintptr_t>(memory) + page - 1) / page * page;
  const auto end = (reinterpret_cast<std::uintptr_t>(memory) + size) / page * page;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

}  // namespace

void* operator new(std::size_t size) {
  for (;;) {
    if (void* const memory = std::malloc(size > 0 ? size : 1)) {
      if (size >= 2 * page && pushcart::wanted.load(std::memory_order_relaxed)) advise(memory, size);
      return memory;
    }
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

#endif
