#include "pushcart/checkpoint/file_reader.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "base/file_state.hpp"
#include "checkpoint/hdf5.hpp"
#include "checkpoint/header_io.hpp"
#include "checkpoint/seal.hpp"
#include "checkpoint/stored_rows.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/serialized.hpp"

namespace pushcart {

namespace {
constexpr std::int64_t newest_schema = 1;
}

struct FileReader::State {
  /// Opens the file if it is closed.
  const hdf5::Handle& opened();
  void check_unchanged();

  std::string path;
  FileHeader header;
  std::optional<detail::FileState> checked;  // as it was right before its seal
  detail::Seal seal;
  hdf5::Handle file;
};

const hdf5::Handle& FileReader::State::opened() {
  if (file.valid()) return file;
  check_unchanged();  // HDF5 may crash on a damaged file
  hdf5::Handle again = detail::open_stored(path);
  check_unchanged();
  file = std::move(again);
  return file;
}

/// Another owner, other rights or one link more are no other content, as its bytes say once more.
void FileReader::State::check_unchanged() {
  const auto now = detail::state_of_file(path);
  if (!now || now == checked) return;  // one that is gone cannot be opened
  const bool is_same =
      checked && detail::are_of_one_content(*checked, *now) && detail::fits_seal(path, seal);
  if (!is_same || detail::state_of_file(path) != now)
    throw InputError(path + ": has changed since it was checked");
  checked = now;
}

FileReader::FileReader(const Communicator& comm, std::string path, const std::string& kind)
    : state_(std::make_unique<State>()) {
  state_->path = std::move(path);
  state_->checked = detail::state_of_file(state_->path);
  state_->seal = detail::check_seal(comm, state_->path);
  collectively(comm, "opening " + state_->path, [&] {
    if (comm.is_root()) state_->header = detail::load_header(state_->path);
    const FileHeader& header = state_->header;
    if (comm.is_root() && header.schema_version > newest_schema) {
      throw InputError(fmt::format("{}: written by a newer pushcart (format {}, this one reads up to {})",
                                   state_->path, header.schema_version, newest_schema));
    }
    if (comm.is_root() && !kind.empty() && header.kind != kind) {
      throw InputError(
          fmt::format("{}: is a '{}' file, but a '{}' file is needed here", state_->path, header.kind, kind));
    }
  });
  broadcast_serialized(comm, state_->header, 0);
  collectively(comm, "opening " + state_->path, [&] { state_->file = detail::open_stored(state_->path); });
}

FileReader::~FileReader() = default;

void FileReader::close() {
  state_->file = {};
}

bool FileReader::has_changed() const {
  const auto now = detail::state_of_file(state_->path);
  return !state_->checked || !now || !detail::are_of_one_content(*state_->checked, *now);
}

const std::string& FileReader::path() const {
  return state_->path;
}
const FileHeader& FileReader::header() const {
  return state_->header;
}

const DatasetShape& FileReader::shape(const std::string& name) const {
  const auto found = state_->header.datasets.find(name);
  if (found == state_->header.datasets.end()) throw InputError(fmt::format("{}: has no '{}'", path(), name));
  return found->second;
}

const Attribute& FileReader::attribute(const std::string& name) const {
  const auto found = state_->header.attributes.find(name);
  if (found == state_->header.attributes.end()) {
    throw InputError(fmt::format("{}: has no attribute '{}'", path(), name));
  }
  return found->second;
}

template <class T>
std::vector<T> FileReader::read(const std::string& name, Count first_row, Count num_rows,
                                Count num_columns) const {
  const DatasetShape& found = shape(name);
  if (found.type != hdf5::type_name<T>()) {
    throw InputError(
        fmt::format("{}: '{}' holds {}, not {}", path(), name, found.type, hdf5::type_name<T>()));
  }
  if (found.num_columns != num_columns) {
    throw InputError(
        fmt::format("{}: '{}' has {} columns, not {}", path(), name, found.num_columns, num_columns));
  }
  if (first_row < 0 || num_rows < 0 || first_row + num_rows > found.num_rows) {
    throw InputError(fmt::format("{}: '{}' has {} rows; rows {} to {} were asked for", path(), name,
                                 found.num_rows, first_row, first_row + num_rows));
  }
  std::vector<T> values(static_cast<std::size_t>(num_rows * found.num_columns));
  detail::read_stored_rows(state_->opened(), path(), name, found, first_row, num_rows, values.data());
  return values;
}

template std::vector<float> FileReader::read(const std::string&, Count, Count, Count) const;
template std::vector<double> FileReader::read(const std::string&, Count, Count, Count) const;
template std::vector<std::int32_t> FileReader::read(const std::string&, Count, Count, Count) const;
template std::vector<std::int64_t> FileReader::read(const std::string&, Count, Count, Count) const;
template std::vector<std::uint8_t> FileReader::read(const std::string&, Count, Count, Count) const;
template std::vector<std::uint32_t> FileReader::read(const std::string&, Count, Count, Count) const;
template std::vector<std::uint64_t> FileReader::read(const std::string&, Count, Count, Count) const;

std::vector<Count> FileReader::read_offsets(const std::string& name, Count first_row, Count num_rows) const {
  auto offsets = read<Count>(name, first_row, num_rows + 1);
  if (offsets.empty()) throw InputError(fmt::format("{}: the offsets '{}' do not begin", path(), name));
  if (offsets.front() < 0 || !std::is_sorted(offsets.begin(), offsets.end())) {
    throw InputError(fmt::format("{}: the offsets '{}' do not ascend", path(), name));
  }
  return offsets;
}

StringTable FileReader::read_strings(const std::string& name, Count first_row, Count num_rows) const {
  auto offsets = read_offsets(name + "/offsets", first_row, num_rows);
  const Count base = offsets.front();
  const auto bytes = read<std::uint8_t>(name + "/bytes", base, offsets.back() - base);
  for (Count& offset : offsets) offset -= base;
  return {std::vector<char>(bytes.begin(), bytes.end()), std::move(offsets)};
}

std::string FileReader::read_text(const std::string& name) const {
  const auto bytes = read_all<std::uint8_t>(name);
  return {bytes.begin(), bytes.end()};
}

std::vector<std::string> FileReader::read_names(const std::string& name) const {
  const StringTable table = read_strings(name, 0, shape(name + "/offsets").num_rows - 1);
  std::vector<std::string> names;
  for (Count row = 0; row < table.size(); ++row) names.emplace_back(table[row]);
  return names;
}

}  // namespace pushcart
