#include "app/bought_together.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <iterator>

#include "feed/item_labels.hpp"
#include "feed/json_text.hpp"
#include "pushcart/checkpoint/output_file.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::app {

namespace {

std::string shard_path(const std::string& folder, int rank) {
  return fmt::format("{}/together-{:05}.csv", folder, rank);
}

void append_row(std::string& out, const Dataset& dataset, const Neighbours& neighbours, Count row,
                const ItemLabels& labels) {
  const auto first = static_cast<std::size_t>(neighbours.offsets[static_cast<std::size_t>(row)]);
  const auto last = static_cast<std::size_t>(neighbours.offsets[static_cast<std::size_t>(row) + 1]);
  const auto row_size = static_cast<double>(neighbours.row_sizes[static_cast<std::size_t>(row)]);
  for (std::size_t at = first; at < last; ++at) {
    const auto support = static_cast<double>(neighbours.support[at]);
    const auto column_size = static_cast<double>(neighbours.column_sizes[at]);
    append_csv_field(out, dataset.item_ids[row]);
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

/// Shards of an earlier run on more ranks.
void remove_other_shards(const std::string& folder, int num_ranks) {
  for (int rank = num_ranks; std::filesystem::remove(shard_path(folder, rank)); ++rank) {
  }
}

}  // namespace

void write_bought_together(const Communicator& comm, const Dataset& dataset, const Neighbours& neighbours,
                           const std::string& folder) {
  constexpr Count rows_at_once = 4096;  // whose labels are held at a time
  auto file = collectively(comm, "create shards of bought-together lists", [&] {
    OutputFile created(shard_path(folder, comm.rank()));
    created.write("item,rank,other,name,score,support,share,lift\n");
    return created;
  });
  const Count num_rows = neighbours.rows.size();
  const Count rounds = comm.allreduce((num_rows + rows_at_once - 1) / rows_at_once, Reduce::max);
  for (Count round = 0; round < rounds; ++round) {
    const Count first = std::min(num_rows, round * rows_at_once), last = std::min(num_rows, first + rows_at_once);
    const auto begin = neighbours.columns.begin();
    const std::vector<Count> items(begin + neighbours.offsets[static_cast<std::size_t>(first)],
                                   begin + neighbours.offsets[static_cast<std::size_t>(last)]);
    const ItemLabels labels(comm, dataset, items);
    collectively(comm, "write bought-together lists", [&] {
      std::string text;
      for (Count row = first; row < last; ++row) append_row(text, dataset, neighbours, row, labels);
      file.write(text);
    });
  }
  collectively(comm, "finish bought-together lists", [&] { file.finish(); });
  collectively(comm, "publish bought-together lists", [&] {
    file.publish();
    if (comm.is_root()) remove_other_shards(folder, comm.size());
  });
}

}  // namespace pushcart::app
