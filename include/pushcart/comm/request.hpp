#pragma once

#include <mpi.h>

#include <span>
#include <utility>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// One non-blocking operation on its way. Move-only; its buffers belong to the caller and must stay until it
/// is complete. An empty one counts as complete. Dropping a pending one is for an error on its way out only:
/// it is cancelled, and the buffers of sends may still be read. Every function is local.
class Request {
 public:
  Request() = default;
  explicit Request(MPI_Request request) : request_(request) {}
  Request(Request&& other) noexcept { *this = std::move(other); }
  Request& operator=(Request&& other) noexcept {
    std::swap(request_, other.request_);
    std::swap(num_bytes_, other.num_bytes_);
    return *this;
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  ~Request();

  bool is_pending() const { return request_ != MPI_REQUEST_NULL; }
  /// Moves communication on. @return whether it is complete
  bool test();
  void wait();
  /// Bytes that a completed receive brought.
  Count num_bytes() const { return num_bytes_; }

  /// Waits until at least one of the pending requests is complete; returns at once if none is pending.
  static void wait_for_any(std::span<Request* const> requests);

 private:
  void complete(const MPI_Status& status);

  MPI_Request request_ = MPI_REQUEST_NULL;
  Count num_bytes_ = 0;
};

}  // namespace pushcart
