#include "matrix/stored_matrix.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "pushcart/base/error.hpp"

namespace pushcart {

namespace {

/// In 4 bytes where they fit: half the file is indices.
void write_indices(FileWriter& writer, const std::string& name, const SparseRows& rows) {
  if (rows.num_columns > std::numeric_limits<std::int32_t>::max()) {
    writer.write(name, std::span<const Count>(rows.columns));
  } else {
    const std::vector<std::int32_t> narrow(rows.columns.begin(), rows.columns.end());
    writer.write(name, std::span<const std::int32_t>(narrow));
  }
}

std::vector<Count> read_indices(const FileReader& reader, const std::string& name, Count first, Count count) {
  if (reader.shape(name).type == "i8") return reader.read<Count>(name, first, count);
  const auto narrow = reader.read<std::int32_t>(name, first, count);
  return {narrow.begin(), narrow.end()};
}

}  // namespace

void write_matrix(FileWriter& writer, const std::string& group, const SparseRows& rows) {
  writer.write_offsets(group + "/offsets", rows.offsets);
  write_indices(writer, group + "/indices", rows);
  writer.write(group + "/values", std::span<const float>(rows.values));
}

SparseRows read_matrix(const FileReader& reader, const std::string& group, Range mine, Count num_columns) {
  SparseRows rows;
  rows.rows = mine;
  rows.num_columns = num_columns;
  rows.offsets = reader.read_offsets(group + "/offsets", mine.begin, mine.size());
  const Count base = rows.offsets.front();
  const Count count = rows.offsets.back() - base;
  for (Count& offset : rows.offsets) offset -= base;
  rows.columns = read_indices(reader, group + "/indices", base, count);
  rows.values = reader.read<float>(group + "/values", base, count);
  for (Count row = 0; row < rows.num_rows(); ++row) {
    const auto columns = rows.row_columns(row);
    const bool ascending =
        std::adjacent_find(columns.begin(), columns.end(), std::greater_equal<>()) == columns.end();
    if (!columns.empty() && (!ascending || columns.front() < 0 || columns.back() >= num_columns)) {
      throw InputError(
          fmt::format("{}: row {} of '{}' has indices out of order or range; make the file again",
                      reader.path(), mine.begin + row, group));
    }
  }
  if (!std::all_of(rows.values.begin(), rows.values.end(),
                   [](float value) { return std::isfinite(value); })) {
    throw InputError(
        fmt::format("{}: '{}' has a value that is not finite; make the file again", reader.path(), group));
  }
  return rows;
}

}  // namespace pushcart
