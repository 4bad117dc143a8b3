#pragma once

#include <string>
#include <vector>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// What a step will hold on this rank, said before it is allocated.
class MemoryPlan {
 public:
  void add(std::string what, Count num_bytes) { parts_.push_back({std::move(what), num_bytes}); }
  Count total_bytes() const;
  struct Part {
    std::string what;
    Count num_bytes;
  };
  const std::vector<Part>& parts() const { return parts_; }

 private:
  std::vector<Part> parts_;
};

/// The one that takes more: of steps one after the other, what they take.
MemoryPlan larger(const MemoryPlan& a, const MemoryPlan& b);

/// Has the allocator keep freed memory for the next step instead of giving it back: steps of a run use buffers
/// of like size one after the other, and fresh pages cost more than the work on them. For main, before anything
/// is allocated; the peak does not change.
void keep_freed_memory();

/// Largest resident set of this process so far, in bytes.
Count peak_memory_bytes();

}  // namespace pushcart
