#include "ingest/read_log.hpp"

#include <numeric>

#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/memory_budget.hpp"

namespace pushcart::detail {

namespace {

/// Ids that a rank may remember between batches of several ranks.
constexpr Count intern_limit = Count{1} << 17;

/// A guess from the size of the input; the rows themselves are the larger part.
MemoryPlan memory_plan(const IngestConfig& config, const std::vector<InputFile>& files,
                       const std::vector<WorkUnit>& units) {
  constexpr Count expansion = 6;  // of compressed text
  Count text_bytes = 0;
  for (const auto& unit : units) {
    const bool plain = files[static_cast<std::size_t>(unit.file)].compression == FileCompression::plain;
    text_bytes += (unit.end - unit.begin) * (plain ? 1 : expansion);
  }
  const auto bytes_per_row = [&]() -> Count {
    switch (config.format.format) {
      case LineFormat::csv:
        return 32;
      case LineFormat::dcolon:
        return 12;
      case LineFormat::jsonl:
        return 80;
      case LineFormat::adjacency:
        return 6;
    }
    return 32;
  }();
  const Count num_rows = text_bytes / bytes_per_row;
  constexpr Count id_bytes_per_row = 8;  // a distinct id of some 40 bytes in every five rows
  MemoryPlan plan;
  plan.add("rows as read", num_rows * static_cast<Count>(sizeof(StoredRow) + sizeof(LineHash)));
  plan.add("events at their users", num_rows * static_cast<Count>(sizeof(LogEvent)));
  plan.add("ids and names", num_rows * id_bytes_per_row);
  plan.add("blocks and batches", std::min(num_rows, config.batch_rows) * 64 + (Count{16} << 20));
  return plan;
}

bool maps(const IngestConfig& config, Role role) {
  return config.format.columns.contains(role);
}

/// After an exchange of ids: from positions in the batch's tables to slots at owners.
void translate(RowBatch& batch, const SpreadIds& users, const SpreadIds& items) {
  if (users.alone()) return;
  for (auto& row : batch.rows) {
    if (row.user != no_id) {
      const auto user = users[row.user];
      row.user = user.slot;
      row.user_owner = user.owner;
    }
    if (row.item != no_id) {
      const auto item = items[row.item];
      row.item = item.slot;
      row.item_owner = item.owner;
    }
  }
}

/// What all ranks must know of one unit to number lines and digest files.
struct UnitRecord {
  std::int64_t file = 0;
  Count num_lines = 0;
  std::uint64_t lines_digest = 0;
};

void locate_lines(const Communicator& comm, ReadLog& log, InteractionLog& result) {
  std::vector<UnitRecord> mine;
  for (std::size_t u = 0; u < log.units.size(); ++u) {
    mine.push_back({log.units[u].file, log.summaries[u].num_lines, log.summaries[u].lines_digest});
  }
  const auto all = comm.allgather(std::span<const UnitRecord>(mine));
  for (const auto& file : log.files) result.inputs.push_back({file.path, file.num_bytes, 0, 0});
  const auto first_of_mine = std::accumulate(all.counts.begin(), all.counts.begin() + comm.rank(), Count{0});
  for (std::size_t u = 0; u < all.data.size(); ++u) {
    auto& input = result.inputs[static_cast<std::size_t>(all.data[u].file)];
    const Count position = static_cast<Count>(u) - first_of_mine;
    if (position >= 0 && position < static_cast<Count>(mine.size()))
      log.lines_before.push_back(input.num_lines);
    input.num_lines += all.data[u].num_lines;
    input.lines_digest += all.data[u].lines_digest;
  }
}

}  // namespace

std::vector<std::string> read_log(const Communicator& comm, const ParseSettings& settings, ReadLog& log,
                                  InteractionLog& result, CleaningReport& report) {
  const auto& config = settings.config;
  log.files = collectively(comm, "find inputs", [&] { return find_inputs(config.inputs); });
  log.units = share_inputs(log.files, comm.size())[static_cast<std::size_t>(comm.rank())];
  announce_memory(comm, "ingest", memory_plan(config, log.files, log.units), config.memory_per_rank);

  SpreadIds users(comm, intern_limit), items(comm, intern_limit);
  TextVotes names, categories;
  result.has_names = maps(config, Role::name);
  result.has_categories = maps(config, Role::category);
  const ReadTargets targets{users, items, result.has_names ? &names : nullptr,
                            result.has_categories ? &categories : nullptr};
  auto reader = collectively(comm, "open inputs",
                             [&] { return std::make_unique<LogReader>(settings, log.files, log.units); });
  while (comm.any(!reader->at_end())) {
    collectively(comm, "read the log", [&] { reader->read_batch(log.batches.emplace_back(), targets); });
    users.settle();
    items.settle();
    if (targets.names) names.settle(comm, items);
    if (targets.categories) categories.settle(comm, items);
    translate(log.batches.back(), users, items);
    users.forget_if_large();
    if (items.forget_if_large()) reader->forget_items();
  }
  log.summaries = reader->summaries();
  locate_lines(comm, log, result);
  if (result.has_names) result.item_names = names.winners(items.num_owned());
  if (result.has_categories) result.item_categories = categories.winners(items.num_owned());
  result.user_ids = users.take_owned();
  result.item_ids = items.take_owned();

  report.parse_faults = reader->parse_faults();
  comm.allreduce(std::span<Count>(report.parse_faults), Reduce::sum);
  report.returns = comm.sum(reader->returns());
  return reader->types();
}

}  // namespace pushcart::detail
