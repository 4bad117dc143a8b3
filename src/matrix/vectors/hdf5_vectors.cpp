#include <fmt/core.h>

#include <optional>

#include "matrix/vectors/vector_rows.hpp"
#include "pushcart/checkpoint/foreign_hdf5.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/ids/partition.hpp"

namespace pushcart::detail {

VectorRows read_hdf5_vectors(const Communicator& comm, const std::string& path,
                             const AnnounceColumns& announce) {
  std::optional<ForeignHdf5> file;
  ForeignHdf5::Shape shape;
  collectively(comm, "reading item vectors", [&] {
    shape = file.emplace(path).shape("vectors");
    const auto ids = file->shape("ids");
    if (ids != ForeignHdf5::Shape{shape.num_rows, 1} || shape.num_columns < 1) {
      throw InputError(
          fmt::format("{}: 'vectors' is {} x {} and 'ids' {} x {}; needed are a vector and an id a row", path,
                      shape.num_rows, shape.num_columns, ids.num_rows, ids.num_columns));
    }
  });
  announce(shape.num_columns);
  return collectively(comm, "reading item vectors", [&] {
    const Range mine = Partition::even(shape.num_rows, comm.size()).range(comm.rank());
    VectorRows rows{file->read_texts("ids", mine.begin, mine.size()), shape.num_columns,
                    file->read_floats("vectors", mine.begin, mine.size())};
    check_vectors(path, rows, mine.begin);
    return rows;
  });
}

}  // namespace pushcart::detail
