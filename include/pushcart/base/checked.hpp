#pragma once

#include <type_traits>

#include "pushcart/base/error.hpp"

namespace pushcart {

/// Integer conversion that refuses to change the value (throws InternalError).
template <class To, class From>
constexpr To checked_cast(From value) {
  static_assert(std::is_integral_v<To> && std::is_integral_v<From>);
  const To result = static_cast<To>(value);
  PUSHCART_CHECK(static_cast<From>(result) == value && ((result < To{}) == (value < From{})));
  return result;
}

}  // namespace pushcart
