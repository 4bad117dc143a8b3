#pragma once

#include <cstddef>
#include <cstring>
#include <new>
#include <vector>

#include "pushcart/base/index.hpp"

namespace pushcart::detail {

/// Plain numbers that begin on a cache line, so that vectors of them do too.
template <class T>
class AlignedBuffer {
 public:
  /// Room for so many; what was there is lost if it grows.
  void resize(Count size) {
    const auto lines = (static_cast<std::size_t>(size) * sizeof(T) + sizeof(Line) - 1) / sizeof(Line);
    if (lines > lines_.size()) lines_.resize(lines);
  }
  T* data() { return reinterpret_cast<T*>(lines_.data()); }
  const T* data() const { return reinterpret_cast<const T*>(lines_.data()); }

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  std::vector<Line> lines_;
};

}  // namespace pushcart::detail
