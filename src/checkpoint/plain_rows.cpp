#include "checkpoint/plain_rows.hpp"

#include "checkpoint/header_io.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

template <class Work>
void PlainRows::at_root(const std::string& what, Work&& work) {
  collectively(comm_, what + " " + path_, [&] {
    if (comm_.is_root()) work();
  });
}

PlainRows::PlainRows(const Communicator& comm, std::string path) : comm_(comm), path_(std::move(path)) {
  collectively(comm_, "creating " + path_, [&] {
    file_ = std::make_unique<PlainFile>(path_, PlainFile::For::writing);
    if (comm_.is_root()) skeleton_ = std::make_unique<FileSkeleton>();
  });
}

void PlainRows::write(const std::string& name, const DatasetShape& shape, Count first, Count num_rows,
                      const void* data) {
  Count begin = 0;
  at_root("writing", [&] { begin = skeleton_->add(name, shape.type, shape.num_rows, shape.num_columns); });
  begin = comm_.broadcast(begin, 0);
  const Count row_bytes = hdf5::type_bytes(shape.type) * shape.num_columns;
  collectively(comm_, "writing " + path_, [&] {
    file_->write(begin + first * row_bytes,
                 {static_cast<const char*>(data), static_cast<std::size_t>(num_rows * row_bytes)});
  });
}

void PlainRows::close() {
  at_root("writing", [&] { skeleton_->copy_to(path_); });
  collectively(comm_, "flushing " + path_, [&] { file_->flush(); });
}

void PlainRows::store_header(const FileHeader& header) {
  at_root("completing", [&] {
    skeleton_->complete(header);
    skeleton_->copy_to(path_);
    if (load_header(path_).content_digest == header.content_digest) return;
    throw StorageError(path_ + ": the header read back differs from what was written; check the disk");
  });
}

}  // namespace pushcart::detail
