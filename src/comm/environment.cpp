#include "pushcart/comm/environment.hpp"

#include <mpi.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "pushcart/base/error.hpp"
#include "pushcart/comm/stop_request.hpp"

namespace pushcart {

namespace {

/// Whether all ranks are on this host, as far as the launcher told.
bool one_host() {
  const char* const ranks = std::getenv("OMPI_COMM_WORLD_SIZE");
  const char* const ranks_here = std::getenv("OMPI_COMM_WORLD_LOCAL_SIZE");
  if (ranks && ranks_here) return std::strcmp(ranks, ranks_here) == 0;
  return !std::getenv("PMIX_RANK") && !std::getenv("PMI_RANK");  // started without a launcher
}

}  // namespace

Environment::Environment(int& argc, char**& argv) {
  StopRequest::end_at_signals();
  // On one host, where ranks talk through shared memory, looking for network adapters takes longer than all else of
  // the start.
  if (one_host() && !std::getenv("OMPI_MCA_mtl") && !std::getenv("OMPI_MCA_btl")) setenv("OMPI_MCA_pml", "ob1", 0);
  // Open MPI's default collective file component reports success for writes that failed; this one does not.
  setenv("OMPI_MCA_fcoll", "individual", 0);
  // The default one leaves a locked semaphore behind a crash, on which later runs would hang.
  setenv("OMPI_MCA_sharedfp", "individual", 0);
  // File locks are refused or slow on many cluster file systems; files here appear by rename, whole.
  setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0);
  // Ranks that wait must not burn the cores of ranks that work, on machines with more ranks than cores.
  setenv("OMPI_MCA_mpi_yield_when_idle", "1", 0);
  int provided = 0;
  if (MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS) {
    std::fputs("pushcart: MPI_Init failed\n", stderr);
    std::_Exit(static_cast<int>(ExitCode::internal));
  }
}

Environment::~Environment() { MPI_Finalize(); }

bool Environment::all_arrive(double seconds) {
  MPI_Request request = MPI_REQUEST_NULL;
  if (MPI_Ibarrier(MPI_COMM_WORLD, &request) != MPI_SUCCESS) return false;
  const double deadline = MPI_Wtime() + seconds;
  int arrived = 0;
  while (!arrived && MPI_Wtime() < deadline) {
    if (MPI_Test(&request, &arrived, MPI_STATUS_IGNORE) != MPI_SUCCESS) return false;
    usleep(1000);
  }
  return arrived != 0;
}

void Environment::abort(int exit_code) {
  std::fflush(nullptr);
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::_Exit(exit_code);
}

void Environment::leave(int exit_code) {
  std::fflush(nullptr);
  std::_Exit(exit_code);
}

}  // namespace pushcart
