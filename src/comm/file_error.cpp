#include "pushcart/comm/file_error.hpp"

#include <mpi.h>

#include <cerrno>
#include <cstring>
#include <mutex>

namespace pushcart {

namespace {

std::mutex mutex;
std::optional<FileError> noted;

void note(const char* reason) {
  const std::lock_guard lock(mutex);
  if (!noted) noted = FileError{reason, std::chrono::steady_clock::now()};
}

/// Open MPI reports success for a write that failed, of fewer bytes.
int checked(int result, MPI_Datatype type, int count, const MPI_Status* status) {
  MPI_Count bytes = 0, written = 0;
  MPI_Type_size_x(type, &bytes);
  bytes *= count;
  written = bytes;
  if (result == MPI_SUCCESS && status != MPI_STATUS_IGNORE) MPI_Get_elements_x(status, MPI_BYTE, &written);
  if (result != MPI_SUCCESS || written < bytes) {
    note(errno != 0 ? std::strerror(errno) : "fewer bytes were written than given");
  }
  return result;
}

}  // namespace

std::optional<FileError> noted_file_error() {
  const std::lock_guard lock(mutex);
  return noted;
}

void forget_file_error() {
  const std::lock_guard lock(mutex);
  noted.reset();
}

}  // namespace pushcart

// By MPI's profiling interface these stand before those of the library, for HDF5 too.
extern "C" {

int MPI_File_write_at(MPI_File file, MPI_Offset offset, const void* data, int count, MPI_Datatype type,
                      MPI_Status* status) {
  errno = 0;
  return pushcart::checked(PMPI_File_write_at(file, offset, data, count, type, status), type, count, status);
}

int MPI_File_write_at_all(MPI_File file, MPI_Offset offset, const void* data, int count, MPI_Datatype type,
                          MPI_Status* status) {
  errno = 0;
  return pushcart::checked(PMPI_File_write_at_all(file, offset, data, count, type, status), type, count,
                           status);
}

}  // extern "C"
