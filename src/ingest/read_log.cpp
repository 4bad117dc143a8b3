#include "ingest/read_log.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "ingest/held_memory.hpp"
#include "ingest/log_sizes.hpp"
#include "ingest/write_kept_lines.hpp"
#include "ingest/write_parts.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/memory_budget.hpp"
#include "pushcart/ingest/ingest_plan.hpp"

namespace pushcart::detail {

namespace {

/// Ids that a rank may remember between batches of several ranks.
constexpr Count intern_limit = Count{1} << 17;

/// The plan was made from a sample; a log of long or many ids may hold more. ConfigError on all ranks if so.
void check_budget(const Communicator& comm, Count held, Count budget) {
  if (budget == 0) return;
  const Count worst = comm.allreduce(held, Reduce::max);
  if (worst <= budget) return;
  throw ConfigError(fmt::format(
      "ingest needs {} on the fullest of {} ranks for the part of the log read so far, over "
      "--memory-per-rank {}; use more ranks or a larger budget",
      bytes_text(static_cast<double>(worst)), comm.size(), bytes_text(static_cast<double>(budget))));
}

bool maps(const IngestConfig& config, Role role) {
  return config.format.columns.contains(role);
}

/// After an exchange of ids: from positions in the batch's tables to slots at owners.
void translate(RowBatch& batch, const SpreadIds& users, const SpreadIds& items, const SpreadIds& queries) {
  if (users.alone()) return;
  for (auto& [row, query] : batch.queries) query = queries[query.slot];
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
  for (std::size_t u = 0; u < log.share.units.size(); ++u) {
    mine.push_back({log.share.units[u].file, log.summaries[u].num_lines, log.summaries[u].lines_digest});
  }
  const auto all = comm.allgather(std::span<const UnitRecord>(mine));
  for (const auto& file : log.share.files) result.inputs.push_back({file.path, file.num_bytes, 0, 0});
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

/// ConfigError where somebody counts on them.
void no_room_for_checkpoints(const KeptEvents& kept) {
  constexpr const char* why = "with what is in none yet, --memory-per-rank would not do";
  if (kept.checkpoints->are_asked_for())
    throw ConfigError(
        fmt::format("no checkpoints of the reading can be kept: {}; use a larger budget or more "
                    "ranks, or leave out {}",
                    why, kept.checkpoints->options()));
  log_warning("no checkpoints of the reading, which cannot be stopped: {}", why);
}

/// Announces the memory. Where the labels of all rows until a checkpoint are over the budget, it is written
/// after each round; if that is over it, too, there are none: ConfigError where somebody counts on them.
void announce_reading(const Communicator& comm, const ParseSettings& settings, const KeptEvents* kept,
                      ReadLog& log) {
  const IngestConfig& config = settings.config;
  IngestSizes sizes = sizes_of(comm, settings, log);
  const Count budget = config.memory_per_rank;
  const auto is_over = [&](Count unwritten_rows) {
    sizes.unwritten_rows = unwritten_rows;
    return budget > 0 && comm.any(plan_ingest(config, sizes).total_bytes() > budget);
  };
  if (log.unwritten && is_over(sizes.unwritten_rows) &&
      is_over(std::min(sizes.unwritten_rows, config.batch_rows))) {
    log.unwritten.reset();
    if (!is_over(0)) no_room_for_checkpoints(*kept);
  }
  if (log.writes_to_keep && is_over(0)) {
    log.writes_to_keep = false;
    sizes.written_rows = 0;
    if (!is_over(0)) no_room_for_checkpoints(*kept);
  }
  log.rows_written_at_once = rows_written_at_once(config, sizes);
  announce_memory(comm, "ingest", plan_ingest(config, sizes), budget);
}

/// Log files that some rank is to parse text of, of its units from `first_unit` on. Collective.
Count num_files_with_text(const Communicator& comm, const LogShare& share, std::size_t first_unit) {
  std::vector<int> has_text(share.files.size(), 0);
  for (std::size_t u = first_unit; u < share.units.size(); ++u) {
    if (share.is_text(u)) has_text[static_cast<std::size_t>(share.units[u].file)] = 1;
  }
  comm.allreduce(std::span<int>(has_text), Reduce::max);
  return std::accumulate(has_text.begin(), has_text.end(), Count{0});
}

/// Reads what `log.share` gives the ranks, in rounds of a batch each. All functions are collective.
class ReadingRounds {
 public:
  ReadingRounds(const Communicator& comm, const ParseSettings& settings, ReadLog& log, InteractionLog& result)
      : comm_(comm),
        settings_(settings),
        log_(log),
        users_(comm, intern_limit),
        items_(comm, intern_limit),
        queries_(comm, intern_limit) {
    const IngestConfig& config = settings.config;
    result.has_details = config.keep_details;
    result.has_names = maps(config, Role::name);
    result.has_categories = maps(config, Role::category);
    result.has_queries = maps(config, Role::query);
    if (result.has_names) targets_.names = &names_;
    if (result.has_categories) targets_.categories = &categories_;
    if (result.has_queries) targets_.queries = &queries_;
    reader_ = collectively(comm, "open inputs", [&] {
      return std::make_unique<LogReader>(settings, log.share, log.to_keep.get(), log.unwritten.get());
    });
  }

  bool is_read() const { return comm_.all(reader_->at_end()); }

  void read() {
    collectively(comm_, "read the log", [&] { reader_->read_batch(log_.batches.emplace_back(), targets_); });
    users_.settle();
    items_.settle();
    if (targets_.queries) queries_.settle();
    if (targets_.names) names_.settle(comm_, items_);
    if (targets_.categories) categories_.settle(comm_, items_);
    translate(log_.batches.back(), users_, items_, queries_);
    users_.forget_if_large();
    queries_.forget_if_large();
    if (items_.forget_if_large()) reader_->forget_items();
    held_bytes_ = held_bytes(settings_.config, log_, users_, items_, queries_);
    check_budget(comm_, held_bytes_, settings_.config.memory_per_rank);
    log_.types = reader_->types();
  }

  ReadingState state(bool is_read) const {
    const Count new_rows = log_.unwritten ? log_.unwritten->num_rows() : log_.to_keep->num_unwritten_rows();
    std::array<Count, 3> sums{new_rows, reader_->num_bytes(), reader_->num_bytes() - reader_->bytes_done()};
    comm_.allreduce(std::span<Count>(sums), Reduce::sum);
    const Count budget = settings_.config.memory_per_rank;
    return {.is_read = is_read,
            .new_rows = sums[0],
            .most_rows = comm_.allreduce(new_rows, Reduce::max),
            .num_bytes = sums[1],
            .bytes_left = is_read ? 0 : sums[2],
            .num_files = num_files_with_text(comm_, log_.share, 0),
            .files_left = num_files_with_text(comm_, log_.share, reader_->unit_left()),
            .bytes_to_digest = log_.unwritten ? bytes_to_digest(comm_, log_) : 0,
            .is_over_budget = log_.unwritten && budget > 0 &&
                              comm_.any(held_bytes_ + held_unwritten_bytes(log_) > budget)};
  }

  ReadIds ids() const { return {users_, items_, targets_.queries}; }

  /// Nothing is collected for checkpoints any more. Local.
  void leave_unwritten() {
    reader_->leave_unwritten();
    log_.unwritten.reset();
  }

  void finish(InteractionLog& result, CleaningReport& report) {
    log_.summaries = reader_->summaries();
    locate_lines(comm_, log_, result);
    if (result.has_names) result.item_names = names_.winners(items_.num_owned());
    if (result.has_categories) result.item_categories = categories_.winners(items_.num_owned());
    result.user_ids = users_.take_owned();
    result.item_ids = items_.take_owned();
    result.query_texts = queries_.take_owned();
    report.parse_faults = reader_->parse_faults();
    comm_.allreduce(std::span<Count>(report.parse_faults), Reduce::sum);
    report.returns = comm_.sum(reader_->returns());
  }

 private:
  const Communicator& comm_;
  const ParseSettings& settings_;
  ReadLog& log_;
  SpreadIds users_, items_, queries_;
  TextVotes names_, categories_;
  ReadTargets targets_{users_, items_};
  std::unique_ptr<LogReader> reader_;
  Count held_bytes_ = 0;  // but for what is unwritten
};

void read_share(const Communicator& comm, const ParseSettings& settings, KeptEvents* kept, PhaseLog& phases,
                ReadLog& log, InteractionLog& result, CleaningReport& report) {
  const auto timed = [&](auto work) {
    const auto timer = phases.time("read and parse");
    return work();
  };
  auto rounds = timed([&] {
    announce_reading(comm, settings, kept, log);
    return std::make_unique<ReadingRounds>(comm, settings, log, result);
  });
  ReadingCheckpoints* const checkpoints = kept ? kept->checkpoints : nullptr;
  bool can_write = checkpoints && kept->not_kept.empty() && (log.unwritten || log.writes_to_keep);
  if (checkpoints) can_write ? checkpoints->begin() : checkpoints->end();
  for (bool is_read = rounds->is_read(); !is_read;) {
    const auto state = timed([&] {
      rounds->read();
      is_read = rounds->is_read();
      return can_write ? std::optional(rounds->state(is_read)) : std::nullopt;
    });
    if (state) {
      checkpoints->between_rounds(*state, [&](Count most_rows) {
        return log.unwritten ? write_parts(comm, settings.config, rounds->ids(), most_rows, log, *kept)
                             : write_kept_lines(comm, settings.config, most_rows, log, *kept);
      });
    }
    if (state && state->is_over_budget) log.unwritten->free_tables();
    if (can_write && !kept->not_kept.empty()) {
      can_write = false;
      checkpoints->end();
      rounds->leave_unwritten();
    }
  }
  if (checkpoints) checkpoints->end();
  timed([&] { rounds->finish(result, report); });
  log.unwritten.reset();
}

}  // namespace

void read_log(const Communicator& comm, const ParseSettings& settings, KeptEvents* kept, PhaseLog& phases,
              ReadLog& log, InteractionLog& result, CleaningReport& report) {
  {
    const auto timer = phases.time("read and parse");
    log.share = find_log(comm, settings.config, kept);
  }
  for (;;) {
    share_out(comm, log.share, kept);
    if (log.share.kept && kept->is_for_later()) {
      log.to_keep = std::make_unique<KeptLines>(settings.config);
      log.writes_to_keep = kept->checkpoints != nullptr;
    } else if (log.share.kept && kept->checkpoints) {
      if (kept->not_kept.empty()) log.unwritten = std::make_unique<UnwrittenRows>(settings.config);
    }
    std::optional<CollectiveError> met;
    try {
      return read_share(comm, settings, kept, phases, log, result, report);
    } catch (const CollectiveError& error) {
      met = error;
    }
    if (!log.share.kept || !log.share.kept->leave_failed(comm)) throw *met;
    log.batches.clear();  // once more, without the kept events that could not be read
    log.unwritten.reset();
  }
}

}  // namespace pushcart::detail
