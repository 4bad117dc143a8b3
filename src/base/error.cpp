#include "pushcart/base/error.hpp"

#include <fmt/core.h>

#include <cstring>

namespace pushcart::detail {

void contract_failed(const char* condition, const char* file, int line) {
  const char* slash = std::strrchr(file, '/');
  throw InternalError(fmt::format("broken contract '{}' at {}:{} (a bug in pushcart; please report it)",
                                  condition, slash ? slash + 1 : file, line));
}

}  // namespace pushcart::detail
