#pragma once

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

namespace pushcart::test {

/// Under AddressSanitizer, ends the program if memory has leaked. To be called before MPI ends: its
/// components, once unloaded, have no names by which leaks.supp could know them, and what they left would be
/// held against us.
inline void check_leaks() {
#if defined(__SANITIZE_ADDRESS__)
  __lsan_do_leak_check();
#endif
}

}  // namespace pushcart::test
