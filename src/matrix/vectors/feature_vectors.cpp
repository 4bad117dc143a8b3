#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "matrix/vectors/vector_rows.hpp"
#include "pushcart/base/suggest.hpp"
#include "pushcart/checkpoint/file_reader.hpp"
#include "pushcart/checkpoint/file_writer.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/ids/partition.hpp"

namespace pushcart::detail {

namespace {

/// Where the features file has it (features/features_file.cpp).
std::string stored_name(const FileReader& file, const std::string& feature) {
  const auto known = file.read_names("items/feature_names");
  if (std::find(known.begin(), known.end(), feature) == known.end()) {
    throw InputError(fmt::format("{}: its items have no feature '{}'; did you mean '{}'? (known: {})",
                                 file.path(), feature, nearest_word(feature, known), fmt::join(known, ", ")));
  }
  return "items/features/" + name_in_file(feature);
}

/// Without the rows that are missing.
VectorRows present_rows(const StringTable& ids, Count num_columns, const std::vector<float>& values) {
  VectorRows rows;
  rows.num_columns = num_columns;
  for (Count row = 0; row < ids.size(); ++row) {
    const auto first = values.begin() + row * num_columns;
    if (std::all_of(first, first + num_columns, [](float v) { return std::isnan(v); })) continue;
    rows.ids.push_back(ids[row]);
    rows.values.insert(rows.values.end(), first, first + num_columns);
  }
  return rows;
}

}  // namespace

VectorRows read_feature_vectors(const Communicator& comm, const std::string& path, const std::string& feature,
                                const AnnounceColumns& announce) {
  const FileReader file(comm, path, "features");
  std::string stored;
  DatasetShape shape;
  collectively(comm, "reading item vectors", [&] {
    stored = stored_name(file, feature);
    shape = file.shape(stored);
  });
  announce(shape.num_columns);
  return collectively(comm, "reading item vectors", [&] {
    const Range mine = Partition::even(shape.num_rows, comm.size()).range(comm.rank());
    const auto rows = present_rows(file.read_strings("items/ids", mine.begin, mine.size()), shape.num_columns,
                                   file.read<float>(stored, mine.begin, mine.size(), shape.num_columns));
    check_vectors(path, rows, mine.begin);
    return rows;
  });
}

}  // namespace pushcart::detail
