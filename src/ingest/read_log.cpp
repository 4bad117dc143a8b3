#include "ingest/read_log.hpp"

#include <fmt/core.h>
#include <omp.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <unordered_set>

#include "ingest/write_parts.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/memory_budget.hpp"
#include "pushcart/ingest/ingest_plan.hpp"

namespace pushcart::detail {

namespace {

/// Ids that a rank may remember between batches of several ranks.
constexpr Count intern_limit = Count{1} << 17;

/// Bytes of text that make a row: measured at the begin of what this rank reads. Ids of an adjacency line are
/// a row each, so their number is counted there.
Count sampled_row_bytes(const IngestConfig& config, const InputFile& file, const WorkUnit& unit) {
  constexpr std::size_t sample_bytes = 1 << 18;
  constexpr Count unknown = 32;
  std::string block;
  try {
    BlockReader reader(file, unit, sample_bytes, config.format.max_line_bytes);
    if (!reader.next(block)) return unknown;
  } catch (const Error&) {
    return unknown;  // told when the file is read
  }
  const bool adjacency = config.format.format == LineFormat::adjacency;
  const Count rows = std::count(block.begin(), block.end(), adjacency ? ' ' : '\n');
  return std::max<Count>(1, static_cast<Count>(block.size()) / std::max<Count>(1, rows));
}

/// Bytes a row that the steps after reading hold at once: its event, then its pair and the matrices.
constexpr Count later_bytes_per_row = 48;

/// Bytes a row of what an event says beside its strength: as read, on its way, and in the cleaned log.
constexpr Count details_bytes_per_row = 3 * sizeof(EventDetails) + sizeof(LogEvent);

/// Bytes of a search in the batch it was read in, at its user's owner, and in the data set.
constexpr Count search_bytes = sizeof(RowQuery) + 2 * sizeof(SearchEvent) + 3 * sizeof(Count);

const WorkUnit* first_text(const LogShare& share) {
  for (std::size_t u = 0; u < share.units.size(); ++u) {
    if (share.is_text(u)) return &share.units[u];
  }
  return nullptr;
}

/// Bytes of ids that a checkpoint holds for a row, each once in so many rows, with what tells where it
/// begins.
Count sampled_text_bytes(const ParseSettings& settings, const InputFile& file, const WorkUnit& unit) {
  constexpr std::size_t sample_bytes = 1 << 20;
  constexpr Count least = 8;
  const LogFormat& format = settings.config.format;
  std::string block;
  ParsedLines lines;
  try {
    BlockReader reader(file, unit, sample_bytes, format.max_line_bytes);
    if (!reader.next(block)) return least;
    LineParser(settings, format_of_file(settings.config, file.path), read_header(format, file))
        .parse(block, lines);
  } catch (const Error&) {
    return least;  // told when the file is read
  }
  std::unordered_set<std::string_view> users, items;
  Count bytes = 0;
  for (const ParsedRow& row : lines.rows) {
    if (users.insert(row.user).second) bytes += static_cast<Count>(row.user.size() + sizeof(Count));
    if (items.insert(row.item).second) bytes += static_cast<Count>(row.item.size() + sizeof(Count));
  }
  return std::max(least, bytes / std::max<Count>(1, static_cast<Count>(lines.rows.size())));
}

/// Of text that this rank will parse.
Count text_bytes(const LogShare& share) {
  constexpr Count expansion = 6;  // of compressed text
  Count bytes = 0;
  for (std::size_t u = 0; u < share.units.size(); ++u) {
    if (!share.is_text(u)) continue;
    const WorkUnit& unit = share.units[u];
    const bool plain = share.files[static_cast<std::size_t>(unit.file)].compression == FileCompression::plain;
    bytes += (unit.end - unit.begin) * (plain ? 1 : expansion);
  }
  return bytes;
}

/// Whether reading takes some rank longer than some ten seconds: a shorter one is not worth collecting what
/// checkpoints hold, unless somebody asks for them. Collective.
bool is_long(const Communicator& comm, const LogShare& share) {
  constexpr Count least_bytes = Count{1} << 30;
  return comm.any(text_bytes(share) >= least_bytes);
}

/// Of a kept row.
constexpr Count text_bytes_per_row = 8;

/// Bytes a row of what is collected to be kept, with its texts.
Count kept_bytes(const IngestConfig& config) {
  const KeptColumns columns(config);
  return static_cast<Count>(sizeof(KeptRow) + (columns.hashes ? sizeof(LineHash) : 0) +
                            (columns.details ? sizeof(EventDetails) : 0) +
                            (columns.labels ? sizeof(KeptLabels) : 0)) +
         text_bytes_per_row;
}

/// The same of what is in no checkpoint yet: what the batches do not hold. A write holds its longest column
/// beside, which held_unwritten_bytes() counts.
Count unwritten_bytes(const IngestConfig& config, const IngestSizes& sizes) {
  return static_cast<Count>(sizeof(RowTexts) + (KeptColumns(config).labels ? sizeof(KeptLabels) : 0)) +
         sizes.unwritten_text_bytes;
}

/// What is held of the rows read so far, and what the steps after reading will add for them. Ids are held up
/// to four times over when they go to the owners of their final numbers.
Count held_bytes(const IngestConfig& config, const ReadLog& log, const SpreadIds& users,
                 const SpreadIds& items, const SpreadIds& queries) {
  Count rows = 0, searches = 0;
  for (const auto& batch : log.batches) {
    rows += static_cast<Count>(batch.rows.size());
    searches += static_cast<Count>(batch.queries.size());
  }
  const auto row_bytes = static_cast<Count>(sizeof(StoredRow) + sizeof(LineHash)) + later_bytes_per_row +
                         (config.keep_details ? details_bytes_per_row : 0);
  const Count copies = 3 * (users.text_bytes() + items.text_bytes() + queries.text_bytes());
  return rows * row_bytes + searches * search_bytes + users.memory_bytes() + items.memory_bytes() +
         queries.memory_bytes() + copies + (log.to_keep ? log.to_keep->memory_bytes() : 0);
}

/// What is held beside that of rows in no checkpoint, and its longest column while it is written.
Count held_unwritten_bytes(const ReadLog& log) {
  if (!log.unwritten) return 0;
  return log.unwritten->memory_bytes() + log.unwritten->num_rows() * static_cast<Count>(sizeof(KeptRow));
}

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

IngestSizes sizes_of(const Communicator& comm, const ParseSettings& settings, const ReadLog& log) {
  const IngestConfig& config = settings.config;
  constexpr Count rows_an_id = 25;  // not known yet; check_budget() counts
  IngestSizes sizes;
  if (const WorkUnit* first = first_text(log.share)) {
    const InputFile& file = log.share.files[static_cast<std::size_t>(first->file)];
    sizes.row_bytes = sampled_row_bytes(config, file, *first);
    if (log.unwritten) sizes.unwritten_text_bytes = sampled_text_bytes(settings, file, *first);
  }
  const Count parsed_rows = text_bytes(log.share) / sizes.row_bytes;
  sizes.read_rows = parsed_rows + log.share.kept_rows();
  if (log.to_keep) sizes.kept_rows = parsed_rows;
  if (log.unwritten) sizes.unwritten_rows = parsed_rows;
  const Count all_rows = comm.sum(sizes.read_rows);
  sizes.owned_rows = all_rows / comm.size();
  sizes.num_ids = all_rows / rows_an_id;
  const bool rated = config.ratings != RatingsMode::off;
  sizes.num_types = rated ? 0 : std::max<Count>(1, static_cast<Count>(config.events.size()));
  sizes.num_ranks = comm.size();
  return sizes;
}

/// Announces the memory. Where checkpoints are over the budget, they are written after each round; if that is
/// over it, too, there are none: ConfigError where somebody counts on them.
void announce_reading(const Communicator& comm, const ParseSettings& settings, const KeptEvents* kept,
                      ReadLog& log) {
  const IngestConfig& config = settings.config;
  IngestSizes sizes = sizes_of(comm, settings, log);
  const Count budget = config.memory_per_rank;
  const auto is_over = [&](Count unwritten_rows) {
    sizes.unwritten_rows = unwritten_rows;
    IngestSizes writing = sizes;  // a checkpoint, with its longest column
    writing.unwritten_text_bytes += static_cast<Count>(sizeof(KeptRow));
    return budget > 0 && comm.any(plan_ingest(config, writing).total_bytes() > budget);
  };
  if (log.unwritten && is_over(sizes.unwritten_rows) &&
      is_over(std::min(sizes.unwritten_rows, config.batch_rows))) {
    log.unwritten.reset();
    constexpr const char* why = "with what is in none yet, --memory-per-rank would not do";
    if (!is_over(0)) {
      if (kept->checkpoints->are_asked_for())
        throw ConfigError(
            fmt::format("no checkpoints of the reading can be kept: {}; use a larger budget or more "
                        "ranks, or leave out --max-hours and --checkpoint-every",
                        why));
      log_warning("no checkpoints of the reading, which cannot be stopped: {}", why);
    }
  }
  announce_memory(comm, "ingest", plan_ingest(config, sizes), budget);
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
    const Count new_rows = log_.unwritten->num_rows();
    std::array<Count, 3> sums{new_rows, reader_->num_bytes(), reader_->num_bytes() - reader_->bytes_done()};
    comm_.allreduce(std::span<Count>(sums), Reduce::sum);
    const Count budget = settings_.config.memory_per_rank;
    return {.is_read = is_read,
            .new_rows = sums[0],
            .most_rows = comm_.allreduce(new_rows, Reduce::max),
            .num_bytes = sums[1],
            .bytes_left = is_read ? 0 : sums[2],
            .bytes_to_digest = bytes_to_digest(comm_, log_),
            .is_over_budget = budget > 0 && comm_.any(held_bytes_ + held_unwritten_bytes(log_) > budget)};
  }

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
  if (checkpoints) log.unwritten ? checkpoints->begin() : checkpoints->end();
  for (bool is_read = rounds->is_read(); !is_read;) {
    const auto state = timed([&] {
      rounds->read();
      is_read = rounds->is_read();
      return log.unwritten ? std::optional(rounds->state(is_read)) : std::nullopt;
    });
    if (state) {
      checkpoints->between_rounds(
          *state, [&](Count most_rows) { return write_parts(comm, settings.config, most_rows, log, *kept); });
    }
    if (state && state->is_over_budget) log.unwritten->free_tables();
    if (log.unwritten && !kept->not_kept.empty()) {
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
    if (log.share.kept && kept->checkpoints) {
      const bool is_worth_it = kept->checkpoints->are_for_short_logs() || is_long(comm, log.share);
      if (kept->not_kept.empty() && is_worth_it)
        log.unwritten = std::make_unique<UnwrittenRows>(settings.config);
    } else if (log.share.kept && kept->adds) {
      log.to_keep = std::make_unique<KeptLines>(settings.config);
    }
    std::optional<CollectiveError> met;
    try {
      return read_share(comm, settings, kept, phases, log, result, report);
    } catch (const CollectiveError& error) {
      met = error;
    }
    if (!log.share.kept || !log.share.kept->leave_failed(comm)) throw *met;
    log.batches.clear();  // once more, without the kept events that could not be read
  }
}

}  // namespace pushcart::detail

namespace pushcart {

namespace {

/// Of ids and of the text at hand, of several ranks.
Count bytes_beside_rows(const IngestConfig& config, const IngestSizes& sizes) {
  constexpr Count an_id = 100;
  const Count own_ids = sizes.num_ids / sizes.num_ranks;
  const Count ids_of_batch = std::min({sizes.num_ids - own_ids, sizes.read_rows, config.batch_rows});
  const Count block_bytes = static_cast<Count>(detail::block_bytes_per_thread) * omp_get_max_threads();
  const Count parsed_rows = std::min(sizes.read_rows, block_bytes / std::max<Count>(1, sizes.row_bytes));
  return (own_ids + ids_of_batch) * an_id + parsed_rows * Count{sizeof(detail::ParsedRow)};
}

/// While the log is read, with what rows grew out of; by what was measured (docs/planning.md).
Count reading_bytes(const IngestConfig& config, const IngestSizes& sizes) {
  if (sizes.num_ranks == 1) {
    constexpr Count a_row = 90, an_id = 150;
    return sizes.read_rows * a_row + sizes.num_ids * an_id;
  }
  constexpr Count a_row = 76;
  return sizes.read_rows * a_row + bytes_beside_rows(config, sizes);
}

/// While it is checked, by several ranks: rows with hashes, places and verdicts, beside hashes that came to
/// be compared.
Count checking_bytes(const IngestConfig& config, const IngestSizes& sizes) {
  if (sizes.num_ranks == 1) return 0;  // less than while it is read
  constexpr Count a_row = 65, a_hash = 34;
  return sizes.read_rows * a_row + sizes.owned_rows * a_hash + bytes_beside_rows(config, sizes);
}

/// Then: a row's event, pair, places in both matrices and, of several ranks, what is on its way between them.
Count building_bytes(const IngestSizes& sizes) {
  constexpr Count an_id = 200;
  const bool alone = sizes.num_ranks == 1;
  const Count a_row = alone ? 85 + 15 * std::max<Count>(1, sizes.num_types) : 105 + 27 * sizes.num_types;
  return sizes.owned_rows * a_row + sizes.num_ids / sizes.num_ranks * an_id;
}

}  // namespace

MemoryPlan plan_ingest(const IngestConfig& config, const IngestSizes& sizes) {
  constexpr Count row_bytes = sizeof(detail::StoredRow) + sizeof(detail::LineHash);
  const Count rows = sizes.read_rows;
  MemoryPlan plan;
  plan.add("rows as read", rows * row_bytes);
  if (sizes.kept_rows) {
    constexpr Count rejected_line = 256;  // as most are, or shorter
    plan.add("events to be kept for later nights",
             *sizes.kept_rows * detail::kept_bytes(config) +
                 std::min(detail::KeptLines::most_rejected_bytes, *sizes.kept_rows * rejected_line));
  }
  const Count reading = reading_bytes(config, sizes);
  const Count fullest = std::max({reading, checking_bytes(config, sizes), building_bytes(sizes)});
  plan.add("ids and batches, then events, pairs and matrices", fullest - rows * row_bytes);
  const Count with_unwritten = reading + sizes.unwritten_rows * detail::unwritten_bytes(config, sizes);
  if (with_unwritten > fullest) plan.add("rows that are in no checkpoint yet", with_unwritten - fullest);
  if (config.keep_details) plan.add("quantity, price and dwell", rows * detail::details_bytes_per_row);
  if (config.format.columns.contains(Role::query)) {
    constexpr Count id_bytes = 8;
    plan.add("searches, if every row is one", rows * (detail::search_bytes + id_bytes));
  }
  return plan;
}

}  // namespace pushcart
