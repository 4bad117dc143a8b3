#include <fmt/core.h>

#include <fstream>

#include "matrix/delimited_lines.hpp"
#include "matrix/vectors/npy_header.hpp"
#include "matrix/vectors/vector_rows.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

namespace {

/// This rank's share of a file with an id a line.
StringTable read_ids(const Communicator& comm, const std::string& path) {
  const auto inputs = find_inputs({path});
  const auto units = share_inputs(inputs, comm.size());
  StringTable ids;
  for_each_line(inputs.front(), units[static_cast<std::size_t>(comm.rank())],
                [&](std::string_view line, bool) { ids.push_back(line); });
  return ids;
}

template <class T>
std::vector<float> read_rows(const std::string& path, const NpyHeader& header, Count first, Count count) {
  std::vector<T> stored(static_cast<std::size_t>(count * header.num_columns));
  std::ifstream file(path, std::ios::binary);
  file.seekg(header.data_begin + first * header.num_columns * Count{sizeof(T)});
  file.read(reinterpret_cast<char*>(stored.data()), static_cast<std::streamsize>(stored.size() * sizeof(T)));
  if (!file) throw StorageError(fmt::format("{}: cannot be read", path));
  return {stored.begin(), stored.end()};
}

}  // namespace

VectorRows read_npy_vectors(const Communicator& comm, const std::string& path,
                            const AnnounceColumns& announce) {
  const std::string ids_path = path + ".ids";
  VectorRows rows;
  const auto header = collectively(comm, "reading item vectors", [&] { return read_npy_header(path); });
  announce(header.num_columns);
  collectively(comm, "reading item vectors", [&] { rows.ids = read_ids(comm, ids_path); });
  const Count first = comm.exclusive_sum(rows.ids.size()), num_ids = comm.sum(rows.ids.size());
  collectively(comm, "reading item vectors", [&] {
    if (num_ids != header.num_rows) {
      throw InputError(fmt::format("{}: has {} rows, and {} has {} lines; it must have an id a row", path,
                                   header.num_rows, ids_path, num_ids));
    }
    rows.num_columns = header.num_columns;
    rows.values = header.element_bytes == 4 ? read_rows<float>(path, header, first, rows.ids.size())
                                            : read_rows<double>(path, header, first, rows.ids.size());
    check_vectors(path, rows, first);
  });
  return rows;
}

}  // namespace pushcart::detail
