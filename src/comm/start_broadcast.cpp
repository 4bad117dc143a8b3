#include "pushcart/comm/start_broadcast.hpp"

#include <fmt/core.h>

#include "pushcart/base/checked.hpp"

namespace pushcart {

Request start_broadcast(const Communicator& comm, std::span<std::byte> bytes, int root) {
  if (comm.size() == 1 || bytes.empty()) return {};
  MPI_Request request = MPI_REQUEST_NULL;
  const int code =
      MPI_Ibcast(bytes.data(), checked_cast<int>(bytes.size()), MPI_BYTE, root, comm.handle(), &request);
  if (code != MPI_SUCCESS) throw MpiError(fmt::format("MPI_Ibcast failed with code {}", code));
  return Request(request);
}

}  // namespace pushcart
