#include "pushcart/checkpoint/file_writer.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>

#include "checkpoint/block_digests.hpp"
#include "checkpoint/hdf5.hpp"
#include "checkpoint/header_io.hpp"
#include "checkpoint/plain_rows.hpp"
#include "checkpoint/seal.hpp"
#include "checkpoint/stored_rows.hpp"
#include "checkpoint/watchdog.hpp"
#include "pushcart/base/digest.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/file_error.hpp"

namespace pushcart {

namespace {

/// Closing and flushing move little; ten minutes of it are a hang.
constexpr int close_limit_seconds = 600;

/// Bytes; HDF5 keeps attributes in headers of 64 KiB.
constexpr std::size_t longest_attribute = 60000;

/// Rows of one block of a data set that this rank meant to write, to be compared with what is read back.
struct Piece {
  Count first_row;
  Count num_rows;
  std::uint64_t hash;
};
/// This rank's rows of a data set, cut where its blocks end.
struct Slab {
  std::string name;
  std::vector<Piece> pieces;
};

/// @param bytes  of rows [first, first + num_rows)
std::vector<Piece> pieces_of(Count first, Count num_rows, Count row_bytes, const char* bytes) {
  const Count block_rows = detail::rows_of_block(row_bytes);
  std::vector<Piece> pieces;
  for (Count row = first; row < first + num_rows;) {
    const Count end = std::min(first + num_rows, (row / block_rows + 1) * block_rows);
    const auto num_bytes = static_cast<std::size_t>((end - row) * row_bytes);
    pieces.push_back({row, end - row, hash_bytes(bytes + (row - first) * row_bytes, num_bytes)});
    row = end;
  }
  return pieces;
}

/// Hashes rows of a stored file.
class StoredHasher {
 public:
  explicit StoredHasher(const std::string& path) : path_(path), file_(detail::open_stored(path)) {}
  std::uint64_t operator()(const std::string& name, const DatasetShape& shape, Count first, Count count) {
    bytes_.resize(static_cast<std::size_t>(count * hdf5::type_bytes(shape.type) * shape.num_columns));
    detail::read_stored_rows(file_, path_, name, shape, first, count, bytes_.data());
    return hash_bytes(bytes_.data(), bytes_.size());
  }

 private:
  std::string path_;
  hdf5::Handle file_;
  std::vector<char> bytes_;
};

/// Removes what a run that was killed has left under this temporary name and names that begin with it.
void remove_leftovers(const std::string& temporary) {
  const std::filesystem::path path(temporary);
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  std::error_code error;
  std::vector<std::filesystem::path> leftovers;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().filename().string().starts_with(path.filename().string()))
      leftovers.push_back(entry.path());
  }
  for (const auto& leftover : leftovers) std::filesystem::remove(leftover, error);
}

}  // namespace

struct FileWriter::State {
  const Communicator& comm;
  std::string path;
  std::string temporary;
  FileHeader header;
  hdf5::Handle file;
  std::optional<detail::PlainRows> plain;  // in place of it
  std::vector<Slab> slabs;
  bool published = false;

  State(const Communicator& comm_, std::string path_) : comm(comm_), path(std::move(path_)) {
    temporary = path + ".partial";
  }

  /// All ranks go on, or all give the file up: it is left open on purpose, since closing it may crash or
  /// hang.
  /// @param others_seconds  that the others may take to come to the same point
  void agree(bool fine, const std::string& doing,
             int others_seconds = detail::Watchdog::seconds_after_an_error) {
    const std::string reason = fine ? "" : hdf5::last_error();
    std::optional<detail::Watchdog> watchdog;
    if (!fine) {
      ::unlink(temporary.c_str());
      watchdog.emplace(others_seconds,
                       fmt::format("pushcart: {}; the other ranks did not come out of the file library",
                                   failure(doing, comm.rank(), reason)),
                       [this] { discard_all(); });
    }
    const int failed = comm.allreduce(fine ? comm.size() : comm.rank(), Reduce::min);
    if (failed == comm.size()) return;
    file.release();
    const std::string text = comm.broadcast_text(reason, failed);
    discard();
    throw BrokenFileError(failure(doing, failed, text));
  }

  std::string failure(const std::string& doing, int rank, const std::string& reason) const {
    return fmt::format("{}: {} failed on rank {}: {}{}; nothing was changed", path, doing, rank, reason,
                       space_left());
  }

  /// Removes what lies under the temporary name, with the two small files that Open MPI keeps beside an open
  /// file on each rank. Local.
  void discard() const {
    if (comm.is_root()) ::unlink(temporary.c_str());
    discard_of(comm.rank());
  }
  /// The same for all ranks, whose processes are about to end. Local.
  void discard_all() const {
    ::unlink(temporary.c_str());
    for (int rank = 0; rank < comm.size(); ++rank) discard_of(rank);
  }
  void discard_of(int rank) const {
    for (const char* part : {"data", "metadata"})
      ::unlink(fmt::format("{}.{}.{}", temporary, part, rank).c_str());
  }

  std::string space_left() const {
    std::error_code error;
    auto folder = std::filesystem::path(path).parent_path();
    const auto space = std::filesystem::space(folder.empty() ? "." : folder, error);
    return error ? "" : fmt::format(" ({} bytes free on that disk)", space.available);
  }

  void create();
  void write_rows(const std::string& name, hid_t type, const std::string& type_name, const void* data,
                  Count num_rows, Count num_columns);
  void write_collectively(const std::string& name, hid_t type, const DatasetShape& shape, Count first,
                          Count num_rows, const void* data);
  void close_and_sync();
  void complete();
  void verify_and_take_digests();
  std::vector<std::uint64_t> verified_blocks(const Slab& slab, const DatasetShape& shape,
                                             StoredHasher& stored) const;
};

FileWriter::FileWriter(const Communicator& comm, std::string path, std::string kind,
                       std::int64_t schema_version, WritesBy writes_by)
    : state_(std::make_unique<State>(comm, std::move(path))) {
  hdf5::quiet();
  forget_file_error();
  state_->header.kind = std::move(kind);
  state_->header.schema_version = schema_version;
  // One rank tries first: a missing folder or permission is then an ordinary error, not a broken file.
  collectively(comm, "creating " + state_->path, [&] {
    if (!comm.is_root()) return;
    if (std::filesystem::is_directory(state_->path)) {
      throw StorageError(state_->path + ": is a folder; a file is to be written there");
    }
    remove_leftovers(state_->temporary);
    const int descriptor = ::open(state_->temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (descriptor < 0) {
      throw StorageError(fmt::format("{}: cannot be created: {}", state_->path, std::strerror(errno)));
    }
    ::close(descriptor);
  });
  if (writes_by == WritesBy::hdf5) {
    state_->create();
    return;
  }
  try {
    state_->plain.emplace(comm, state_->temporary);
  } catch (const CollectiveError&) {
    state_->discard();
    throw;
  }
}

void FileWriter::State::create() {
  const hdf5::Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  const hdf5::Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  bool fine = H5Pset_fapl_mpio(access.get(), comm.handle(), MPI_INFO_NULL) >= 0;
  fine = fine && H5Pset_coll_metadata_write(access.get(), true) >= 0;
  fine = fine && H5Pset_obj_track_times(creation.get(), false) >= 0;
  if (fine) {
    file = hdf5::Handle(H5Fcreate(temporary.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()), H5Fclose);
  }
  agree(fine && file.valid(), "creating");
}

FileWriter::FileWriter(FileWriter&&) noexcept = default;

FileWriter::~FileWriter() {
  if (!state_ || state_->published) return;
  if (state_->file.valid()) {
    // Another error ended the write between two data sets. Destructors do not communicate: leave it open.
    state_->file.release();
  }
  state_->discard();
}

template <class T>
void FileWriter::write(const std::string& name, std::span<const T> local, Count num_columns) {
  PUSHCART_CHECK(num_columns > 0 && static_cast<Count>(local.size()) % num_columns == 0);
  state_->write_rows(name, hdf5::memory_type<T>(), hdf5::type_name<T>(), local.data(),
                     static_cast<Count>(local.size()) / num_columns, num_columns);
}

template void FileWriter::write(const std::string&, std::span<const float>, Count);
template void FileWriter::write(const std::string&, std::span<const double>, Count);
template void FileWriter::write(const std::string&, std::span<const std::int32_t>, Count);
template void FileWriter::write(const std::string&, std::span<const std::int64_t>, Count);
template void FileWriter::write(const std::string&, std::span<const std::uint8_t>, Count);
template void FileWriter::write(const std::string&, std::span<const std::uint32_t>, Count);
template void FileWriter::write(const std::string&, std::span<const std::uint64_t>, Count);

void FileWriter::State::write_rows(const std::string& name, hid_t type, const std::string& type_name,
                                   const void* data, Count num_rows, Count num_columns) {
  const Count first = comm.exclusive_sum(num_rows);
  const DatasetShape shape{type_name, comm.sum(num_rows), num_columns, {}};
  if (plain) {
    plain->write(name, shape, first, num_rows, data);
  } else {
    write_collectively(name, type, shape, first, num_rows, data);
  }
  const Count row_bytes = hdf5::type_bytes(type_name) * num_columns;
  slabs.push_back({name, pieces_of(first, num_rows, row_bytes, static_cast<const char*>(data))});
  header.datasets[name] = shape;
}

void FileWriter::State::write_collectively(const std::string& name, hid_t type, const DatasetShape& shape,
                                           Count first, Count num_rows, const void* data) {
  const hsize_t dims[2] = {static_cast<hsize_t>(shape.num_rows), static_cast<hsize_t>(shape.num_columns)};
  const int rank = shape.num_columns == 1 ? 1 : 2;
  const hdf5::Handle space(H5Screate_simple(rank, dims, nullptr), H5Sclose);
  const hdf5::Handle links(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  const hdf5::Handle creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_create_intermediate_group(links.get(), 1);
  H5Pset_obj_track_times(creation.get(), false);
  H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER);
  const hdf5::Handle set(
      H5Dcreate2(file.get(), name.c_str(), type, space.get(), links.get(), creation.get(), H5P_DEFAULT),
      H5Dclose);
  agree(set.valid(), fmt::format("creating '{}'", name));
  if (shape.num_rows == 0) return;  // a collective write of no rows at all is an error to HDF5
  const hsize_t start[2] = {static_cast<hsize_t>(first), 0};
  const hsize_t extent[2] = {static_cast<hsize_t>(num_rows), static_cast<hsize_t>(shape.num_columns)};
  const hdf5::Handle memory(H5Screate_simple(rank, extent, nullptr), H5Sclose);
  if (num_rows > 0) {
    H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start, nullptr, extent, nullptr);
  } else {
    H5Sselect_none(space.get());
    H5Sselect_none(memory.get());
  }
  const hdf5::Handle transfer(H5Pcreate(H5P_DATASET_XFER), H5Pclose);
  H5Pset_dxpl_mpio(transfer.get(), H5FD_MPIO_COLLECTIVE);
  agree(H5Dwrite(set.get(), type, memory.get(), space.get(), transfer.get(), data) >= 0,
        fmt::format("writing '{}'", name), close_limit_seconds);  // others may still be writing
}

void FileWriter::write_offsets(const std::string& name, std::span<const Count> local_offsets) {
  PUSHCART_CHECK(!local_offsets.empty() && local_offsets.front() == 0);
  const auto& comm = state_->comm;
  const Count base = comm.exclusive_sum(local_offsets.back());
  std::vector<Count> global(local_offsets.begin(), local_offsets.end());
  for (Count& offset : global) offset += base;
  if (comm.rank() + 1 < comm.size()) global.pop_back();
  write(name, std::span<const Count>(global));
}

void FileWriter::write_strings(const std::string& name, const StringTable& local) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(local.bytes().data());
  write(name + "/bytes", std::span<const std::uint8_t>(bytes, local.bytes().size()));
  write_offsets(name + "/offsets", local.offsets());
}

void FileWriter::write_text(const std::string& name, const std::string& text) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  write(name, std::span<const std::uint8_t>(bytes, state_->comm.is_root() ? text.size() : 0));
}

void FileWriter::write_names(const std::string& name, std::span<const std::string> names) {
  StringTable table;
  if (state_->comm.is_root()) {
    for (const auto& text : names) table.push_back(text);
  }
  write_strings(name, table);
}

std::string name_in_file(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '_' || c == '-' || c == ' ' || (static_cast<unsigned char>(c) & 0x80) != 0;
    if (plain)
      name += c;
    else
      name += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return name.empty() ? "%" : name;
}

void FileWriter::attribute(const std::string& name, Attribute value) {
  PUSHCART_CHECK(value.text.size() <= longest_attribute);
  state_->header.attributes[name] = std::move(value);
}

void FileWriter::attribute_of(const std::string& data_set, const std::string& name, Attribute value) {
  PUSHCART_CHECK(value.text.size() <= longest_attribute && name != detail::attribute_digest);
  state_->header.datasets.at(data_set).attributes[name] = std::move(value);
}

std::string FileWriter::finish() {
  State& state = *state_;
  state.close_and_sync();
  state.verify_and_take_digests();
  state.complete();
  detail::append_seal(state.comm, state.temporary);
  return state.header.content_digest;
}

void FileWriter::publish() {
  State& state = *state_;
  collectively(state.comm, "naming " + state.path, [&] {
    if (!state.comm.is_root()) return;
    if (std::rename(state.temporary.c_str(), state.path.c_str()) != 0) {
      throw StorageError(fmt::format("{}: renaming failed: {}", state.path, std::strerror(errno)));
    }
    sync_folder_of(state.path);
  });
  state.published = true;
}

std::string FileWriter::commit() {
  const std::string digest = finish();
  publish();
  return digest;
}

Count FileWriter::num_bytes() const {
  std::error_code error;
  const auto size = std::filesystem::file_size(state_->published ? state_->path : state_->temporary, error);
  if (error)
    throw StorageError(fmt::format("{}: its size cannot be read: {}", state_->path, error.message()));
  return static_cast<Count>(size);
}

void FileWriter::State::complete() {
  comm.barrier();  // no rank has the file open any more when one opens it to complete it
  if (plain) return plain->store_header(header);
  try {
    collectively(comm, "completing " + path, [&] {
      if (comm.is_root()) detail::store_header(temporary, header);
    });
  } catch (const CollectiveError& error) {  // the first rank may have left it open
    throw BrokenFileError(error.what());
  }
}

void FileWriter::State::close_and_sync() {
  if (plain) return plain->close();
  {
    const detail::Watchdog watchdog(
        close_limit_seconds,
        fmt::format("pushcart: {}: not closed on rank {}, nothing was changed", path, comm.rank()),
        [this] { discard_all(); });
    agree(H5Fflush(file.get(), H5F_SCOPE_GLOBAL) >= 0, "flushing");
    agree(H5Fclose(file.release()) >= 0, "closing");
  }
  collectively(comm, "flushing " + path, [&] {
    const int descriptor = ::open(temporary.c_str(), O_RDWR | O_CLOEXEC);
    const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
    const int reason = errno;
    if (descriptor >= 0) ::close(descriptor);
    if (!synced)
      throw StorageError(fmt::format("{}: flushing to disk failed: {}", path, std::strerror(reason)));
  });
}

void FileWriter::State::verify_and_take_digests() {
  std::optional<StoredHasher> stored;
  collectively(comm, "reading back " + path, [&] { stored.emplace(temporary); });
  Progress progress("reading back " + path, static_cast<Count>(slabs.size()));
  Count slabs_done = 0;
  for (const Slab& slab : slabs) {
    DatasetShape& shape = header.datasets.at(slab.name);
    shape.digest = detail::digest_of_blocks(comm, verified_blocks(slab, shape, *stored));
    progress.advance(++slabs_done);
  }
  header.content_digest = header_digest(header);
}

/// Reads this rank's rows back. @return the sums of the blocks that begin among them, 0 for others
std::vector<std::uint64_t> FileWriter::State::verified_blocks(const Slab& slab, const DatasetShape& shape,
                                                              StoredHasher& stored) const {
  const Count block_rows = detail::rows_of_block(hdf5::type_bytes(shape.type) * shape.num_columns);
  std::vector<std::uint64_t> sums(static_cast<std::size_t>((shape.num_rows + block_rows - 1) / block_rows),
                                  0);
  collectively(comm, "reading back " + path, [&] {
    Progress progress(slab.name, static_cast<Count>(slab.pieces.size()));
    Count pieces_done = 0;
    for (const Piece& piece : slab.pieces) {
      progress.advance(pieces_done++);
      std::uint64_t hash = stored(slab.name, shape, piece.first_row, piece.num_rows);
      if (hash != piece.hash) {
        throw StorageError(
            fmt::format("{}: '{}' read back differs from what was written; check the disk{}; nothing "
                        "was changed",
                        path, slab.name, space_left()));
      }
      if (piece.first_row % block_rows != 0) continue;  // the block is summed where it begins
      const Count whole = std::min(block_rows, shape.num_rows - piece.first_row);
      if (piece.num_rows < whole) hash = stored(slab.name, shape, piece.first_row, whole);
      sums[static_cast<std::size_t>(piece.first_row / block_rows)] = hash;
    }
  });
  return sums;
}

}  // namespace pushcart
