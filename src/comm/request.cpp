#include "pushcart/comm/request.hpp"

#include <vector>

#include "pushcart/comm/communicator.hpp"
#include "pushcart/comm/waiting.hpp"

namespace pushcart {

Request::~Request() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (!is_pending() || finalized) return;
  MPI_Cancel(&request_);
  MPI_Request_free(&request_);
}

void Request::complete(const MPI_Status& status) {
  int bytes = 0;
  // Undefined for what is no receive: those have no count.
  if (MPI_Get_count(&status, MPI_BYTE, &bytes) == MPI_SUCCESS && bytes != MPI_UNDEFINED) num_bytes_ = bytes;
}

bool Request::test() {
  if (!is_pending()) return true;
  int done = 0;
  MPI_Status status;
  check_mpi(MPI_Test(&request_, &done, &status), "MPI_Test");
  if (done) complete(status);
  return done != 0;
}

void Request::wait() {
  if (!is_pending()) return;
  MPI_Status status;
  const Waiting waiting("MPI_Wait");
  check_mpi(MPI_Wait(&request_, &status), "MPI_Wait");
  complete(status);
}

void Request::wait_for_any(std::span<Request* const> requests) {
  std::vector<MPI_Request> handles;
  handles.reserve(requests.size());
  for (const Request* request : requests) handles.push_back(request->request_);
  int index = MPI_UNDEFINED;
  MPI_Status status;
  const Waiting waiting("MPI_Waitany");
  check_mpi(MPI_Waitany(checked_cast<int>(handles.size()), handles.data(), &index, &status), "MPI_Waitany");
  if (index == MPI_UNDEFINED) return;
  Request& done = *requests[static_cast<std::size_t>(index)];
  done.request_ = handles[static_cast<std::size_t>(index)];
  done.complete(status);
}

}  // namespace pushcart
