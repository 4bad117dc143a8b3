#include <boost/archive/binary_oarchive.hpp>
#include <memory>
#include <sstream>

#include "events/raw_file.hpp"
#include "ingest/kept_sources.hpp"
#include "pushcart/base/digest.hpp"
#include "pushcart/base/parallel.hpp"
#include "pushcart/base/version.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

namespace {

constexpr Count digested_block_bytes = Count{1} << 22;

/// Raised whenever parsing makes something else of the same line, or kept rows are laid out in another way.
constexpr int parse_schema = 1;

struct Block {
  std::size_t file = 0;
  Count begin = 0, end = 0;
};

std::uint64_t digest_of(const InputFile& file, const Block& block) {
  const RawFile stored(file.path);
  const auto size = static_cast<std::size_t>(block.end - block.begin);
  const auto bytes = std::make_unique_for_overwrite<char[]>(size);  // zeros would take as long as the digest
  for (std::size_t got = 0; got < size;) {
    const std::size_t more =
        stored.read_at(block.begin + static_cast<Count>(got), bytes.get() + got, size - got);
    if (more == 0) throw StorageError(file.path + ": has become shorter while it was read; run again");
    got += more;
  }
  return hash_bytes(bytes.get(), size);
}

}  // namespace

std::vector<std::uint64_t> stored_digests(const Communicator& comm, const std::vector<InputFile>& files) {
  std::vector<Block> blocks;
  for (std::size_t f = 0; f < files.size(); ++f) {
    for (Count begin = 0; begin < files[f].num_bytes; begin += digested_block_bytes) {
      blocks.push_back({f, begin, std::min(begin + digested_block_bytes, files[f].num_bytes)});
    }
  }
  std::vector<std::uint64_t> sums(blocks.size(), 0);
  collectively(comm, "comparing the log with what is kept", [&] {
    const auto num_blocks = static_cast<Count>(blocks.size());
    parallel_for((num_blocks + comm.size() - 1 - comm.rank()) / comm.size(), [&](Count i) {
      const auto b = static_cast<std::size_t>(i * comm.size() + comm.rank());
      sums[b] = digest_of(files[blocks[b].file], blocks[b]);
    });
  });
  comm.allreduce(std::span<std::uint64_t>(sums), Reduce::sum);
  std::vector<std::uint64_t> digests;
  std::size_t first = 0;
  for (std::size_t f = 0; f < files.size(); ++f) {
    std::size_t end = first;
    while (end < blocks.size() && blocks[end].file == f) ++end;
    digests.push_back(hash_bytes(sums.data() + first, (end - first) * sizeof(std::uint64_t)));
    first = end;
  }
  return digests;
}

std::uint64_t parse_settings_digest(const IngestConfig& config, const std::string& path) {
  IngestConfig settings = config;
  settings.format = format_of_file(config, path);
  // What is looked at after parsing; whatever is not named here decides.
  const IngestConfig usual;
  settings.inputs.clear();
  settings.file_types.clear();
  settings.half_life_days = usual.half_life_days;
  settings.missing_ids = usual.missing_ids;
  settings.drop_bad_price = usual.drop_bad_price;
  settings.drop_impossible_time = usual.drop_impossible_time;
  settings.now = usual.now;
  settings.min_time = usual.min_time;
  settings.window_begin = usual.window_begin;
  settings.window_end = usual.window_end;
  settings.quantity_outlier_z = config.quantity_outlier_z > 0 ? 1 : 0;
  settings.price_outlier_z = config.price_outlier_z > 0 ? 1 : 0;
  settings.bot_events_per_day = usual.bot_events_per_day;
  settings.bot_distinct_items = usual.bot_distinct_items;
  settings.exclude_items.clear();
  settings.include_items.clear();
  settings.core_users = usual.core_users;
  settings.core_items = usual.core_items;
  settings.list_outside_window = usual.list_outside_window;
  settings.max_rejects = usual.max_rejects;
  settings.rejects_path.clear();
  settings.memory_per_rank = usual.memory_per_rank;
  settings.batch_rows = usual.batch_rows;
  std::ostringstream out;
  boost::archive::binary_oarchive(out) << version() << parse_schema << std::as_const(settings);
  return hash_text(out.str());
}

}  // namespace pushcart::detail
