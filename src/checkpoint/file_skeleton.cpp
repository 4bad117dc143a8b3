#include "checkpoint/file_skeleton.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "checkpoint/header_io.hpp"

namespace pushcart::detail {

namespace {

[[noreturn]] void failed(const std::string& what) {
  throw StorageError(fmt::format("{} in memory failed: {}", what, hdf5::last_error()));
}

}  // namespace

FileSkeleton::FileSkeleton() {
  hdf5::quiet();
  // HDF5 asks for a file's real path, which one from memfd_create has not.
  std::string path = "/dev/shm/pushcart-" + std::string(6, 'X');  // in place of these mkstemp puts what is free
  const int made = ::mkstemp(path.data());
  if (made < 0) throw StorageError(fmt::format("{}: cannot be created: {}", path, std::strerror(errno)));
  ::close(made);
  memory_.emplace(path);
  const hdf5::Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  H5Pset_obj_track_times(creation.get(), false);
  file_ = hdf5::Handle(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), H5P_DEFAULT), H5Fclose);
  ::unlink(path.c_str());  // it goes with the process, however that ends
  if (!file_.valid()) failed("creating an HDF5 file");
}

Count FileSkeleton::add(const std::string& name, const std::string& type, Count num_rows, Count num_columns) {
  const hsize_t dims[2] = {static_cast<hsize_t>(num_rows), static_cast<hsize_t>(num_columns)};
  const hdf5::Handle space(H5Screate_simple(num_columns == 1 ? 1 : 2, dims, nullptr), H5Sclose);
  const hdf5::Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(links.get(), 1);
  H5Pset_obj_track_times(creation.get(), false);
  H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_EARLY);  // it has its place in the file at once
  H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER);
  const hdf5::Handle set(H5Dcreate2(file_.get(), name.c_str(), hdf5::memory_type_of(type), space.get(),
                                    links.get(), creation.get(), H5P_DEFAULT),
                         H5Dclose);
  if (!set.valid()) failed(fmt::format("creating '{}'", name));
  if (num_rows == 0) return 0;
  const haddr_t begin = H5Dget_offset(set.get());
  if (begin == HADDR_UNDEF) failed(fmt::format("finding a place for '{}'", name));
  const auto first = static_cast<Count>(begin);
  const Stretch stretch{first, first + num_rows * num_columns * hdf5::type_bytes(type)};
  const auto after = [&](const Stretch& other) { return other.begin < stretch.begin; };
  rows_.insert(std::partition_point(rows_.begin(), rows_.end(), after), stretch);
  return first;
}

void FileSkeleton::complete(const FileHeader& header) {
  try {
    put_header(file_.get(), header, "a file in memory");
  } catch (...) {
    file_.release();  // HDF5 crashes when it closes what it could not write
    throw;
  }
  if (H5Fclose(file_.release()) < 0) failed("closing an HDF5 file");
}

void FileSkeleton::copy_to(const std::string& path) {
  if (file_.valid() && H5Fflush(file_.get(), H5F_SCOPE_GLOBAL) < 0) {
    file_.release();
    failed("flushing an HDF5 file");
  }
  const PlainFile& from = *memory_;
  const PlainFile to(path, PlainFile::For::writing);
  const auto copy = [&](Count begin, Count end) {
    constexpr Count piece_bytes = Count{1} << 20;
    std::vector<char> bytes;
    for (; begin < end; begin += static_cast<Count>(bytes.size())) {
      bytes.resize(static_cast<std::size_t>(std::min(piece_bytes, end - begin)));
      from.read(begin, bytes.data(), static_cast<Count>(bytes.size()));
      to.write(begin, {bytes.data(), bytes.size()});
    }
  };
  Count done = 0;
  for (const Stretch& stretch : rows_) {
    copy(done, stretch.begin);
    done = stretch.end;
  }
  copy(done, from.num_bytes());
  to.flush();
}

}  // namespace pushcart::detail
