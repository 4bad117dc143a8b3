#include "feed/bought_together.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "feed/item_labels.hpp"
#include "feed/json_text.hpp"
#include "feed/list_hdf5.hpp"
#include "feed/list_text.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart {

namespace {

void append_row(std::string& out, std::string_view row_id, const Neighbours& neighbours, Count row,
                const ItemLabels& labels) {
  const auto first = static_cast<std::size_t>(neighbours.offsets[static_cast<std::size_t>(row)]);
  const auto last = static_cast<std::size_t>(neighbours.offsets[static_cast<std::size_t>(row) + 1]);
  const auto row_size = static_cast<double>(neighbours.row_sizes[static_cast<std::size_t>(row)]);
  for (std::size_t at = first; at < last; ++at) {
    const auto support = static_cast<double>(neighbours.support[at]);
    const auto column_size = static_cast<double>(neighbours.column_sizes[at]);
    append_csv_field(out, row_id);
    fmt::format_to(std::back_inserter(out), ",{},", at - first + 1);
    append_csv_field(out, labels.id(neighbours.columns[at]));
    out += ',';
    append_csv_field(out, valid_utf8(labels.name(neighbours.columns[at])));
    out += ',';
    append_number(out, neighbours.scores[at]);
    fmt::format_to(std::back_inserter(out), ",{},{:.6g},{:.6g}\n", neighbours.support[at], support / row_size,
                   support * static_cast<double>(neighbours.num_inner) / (row_size * column_size));
  }
}

}  // namespace

void write_bought_together(const Communicator& comm, const Dataset& dataset, const Neighbours& neighbours,
                           const ListOptions& options, StagedFiles& files) {
  const StringTable& ids = list_rows(dataset, options.kind, comm.rank()).ids;
  constexpr Count rows_at_once = 4096;  // whose labels are held at a time
  const std::size_t shard = collectively(comm, "create shards of bought-together lists", [&] {
    const char* ending = options.compression == Compression::gzip ? ".gz" : "";
    const std::string name = fmt::format("together-{:05}.csv{}", comm.rank(), ending);
    const auto handle = files.open({name, "together_csv", static_cast<Count>(neighbours.columns.size())},
                                   options.compression);
    files.file(handle).write(
        fmt::format("{},rank,other,name,score,support,share,lift\n", row_word(options.kind)));
    return handle;
  });
  const Count num_rows = neighbours.rows.size();
  const Count rounds = comm.allreduce((num_rows + rows_at_once - 1) / rows_at_once, Reduce::max);
  for (Count round = 0; round < rounds; ++round) {
    const Count first = std::min(num_rows, round * rows_at_once),
                last = std::min(num_rows, first + rows_at_once);
    const auto begin = neighbours.columns.begin();
    const std::vector<Count> items(begin + neighbours.offsets[static_cast<std::size_t>(first)],
                                   begin + neighbours.offsets[static_cast<std::size_t>(last)]);
    const ItemLabels labels(comm, dataset, items);
    collectively(comm, "write bought-together lists", [&] {
      std::string text;
      for (Count row = first; row < last; ++row) append_row(text, ids[row], neighbours, row, labels);
      files.file(shard).write(text);
    });
  }
}

}  // namespace pushcart
