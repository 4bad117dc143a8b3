#pragma once

#include <xxhash.h>

#include <cstdint>
#include <memory>
#include <new>

namespace pushcart::detail {

/// XXH3 (64 bits) of bytes that come in pieces; equal to hash_bytes of all of them together.
class StreamDigest {
 public:
  StreamDigest() : state_(XXH3_createState()) {
    if (state_ == nullptr) throw std::bad_alloc();
    XXH3_64bits_reset(state_.get());
  }
  void update(const void* data, std::size_t num_bytes) { XXH3_64bits_update(state_.get(), data, num_bytes); }
  std::uint64_t value() const { return XXH3_64bits_digest(state_.get()); }

 private:
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> state_;
};

}  // namespace pushcart::detail
