#include "pushcart/comm/node_window.hpp"

#include <sys/statvfs.h>

#include <exception>
#include <limits>

namespace pushcart {

NodeWindow::NodeWindow(const Communicator& node, Count num_floats)
    : node_(node), exceptions_at_start_(std::uncaught_exceptions()) {
  PUSHCART_CHECK(num_floats >= 0);
  // All of it belongs to the first rank; pages lie near whoever writes them first.
  const MPI_Aint bytes = node.is_root() ? static_cast<MPI_Aint>(num_floats) * MPI_Aint{sizeof(float)} : 0;
  void* own = nullptr;
  const Waiting waiting("MPI_Win_allocate_shared");
  check_mpi(MPI_Win_allocate_shared(bytes, sizeof(float), MPI_INFO_NULL, node.handle(), &own, &window_),
            "MPI_Win_allocate_shared");
  check_mpi(MPI_Win_set_errhandler(window_, MPI_ERRORS_RETURN), "MPI_Win_set_errhandler");
  MPI_Aint size = 0;
  int unit = 0;
  void* base = nullptr;
  check_mpi(MPI_Win_shared_query(window_, 0, &size, &unit, &base), "MPI_Win_shared_query");
  values_ = {static_cast<float*>(base), static_cast<std::size_t>(num_floats)};
  check_mpi(MPI_Win_lock_all(MPI_MODE_NOCHECK, window_), "MPI_Win_lock_all");
}

NodeWindow::~NodeWindow() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (window_ == MPI_WIN_NULL || finalized || std::uncaught_exceptions() > exceptions_at_start_) return;
  MPI_Win_unlock_all(window_);
  MPI_Win_free(&window_);
}

void NodeWindow::synchronize() const {
  check_mpi(MPI_Win_sync(window_), "MPI_Win_sync");
  node_.barrier();
  check_mpi(MPI_Win_sync(window_), "MPI_Win_sync");
}

Count free_shared_bytes() {
  struct statvfs room {};
  // Open MPI keeps its windows here; where it does not, the window's own error is what remains.
  if (statvfs("/dev/shm", &room) != 0) return std::numeric_limits<Count>::max();
  return static_cast<Count>(room.f_bavail) * static_cast<Count>(room.f_frsize);
}

}  // namespace pushcart
