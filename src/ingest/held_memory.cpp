#include "ingest/held_memory.hpp"

#include <omp.h>

#include <algorithm>

#include "ingest/write_kept_lines.hpp"
#include "pushcart/ingest/ingest_plan.hpp"

namespace pushcart::detail {

namespace {

/// Bytes a row that the steps after reading hold at once: its event, then its pair and the matrices.
constexpr Count later_bytes_per_row = 48;

/// Bytes a row of what an event says beside its strength: as read, on its way, and in the cleaned log.
constexpr Count details_bytes_per_row = 3 * sizeof(EventDetails) + sizeof(LogEvent);

/// Bytes of a search in the batch it was read in, at its user's owner, and in the data set.
constexpr Count search_bytes = sizeof(RowQuery) + 2 * sizeof(SearchEvent) + 3 * sizeof(Count);

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

/// Bytes a row of names and categories that are in no checkpoint yet.
Count label_bytes(const IngestConfig& config) {
  const auto& columns = config.format.columns;
  const bool collected = columns.contains(Role::name) || columns.contains(Role::category);
  return collected ? static_cast<Count>(sizeof(KeptLabels)) : 0;
}

/// Bytes a row that is being written into a checkpoint: its longest column, its texts and where they are.
Count written_bytes(const IngestSizes& sizes) {
  return static_cast<Count>(sizeof(RowTexts) + sizeof(KeptRow)) + 2 * sizes.unwritten_text_bytes;
}

}  // namespace

// Ids are held up to four times over when they go to the owners of their final numbers.
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

Count held_unwritten_bytes(const ReadLog& log) {
  return log.unwritten ? log.unwritten->memory_bytes() : 0;
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

Count fullest_bytes(const IngestConfig& config, const IngestSizes& sizes) {
  return std::max({reading_bytes(config, sizes), checking_bytes(config, sizes), building_bytes(sizes)});
}

/// While it is read, beside a checkpoint that is being written.
Count reading_bytes_for_checkpoints(const IngestConfig& config, const IngestSizes& sizes) {
  return reading_bytes(config, sizes) + sizes.unwritten_rows * detail::label_bytes(config);
}

/// The least rows that a checkpoint writes at once, if it has them.
Count least_written_rows(const IngestConfig& config) {
  return std::min(config.batch_rows, static_cast<Count>(detail::kept_chunk_rows));
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
  const Count fullest = fullest_bytes(config, sizes);
  plan.add("ids and batches, then events, pairs and matrices", fullest - rows * row_bytes);
  const Count with_checkpoint =
      reading_bytes_for_checkpoints(config, sizes) +
      std::min(sizes.unwritten_rows, least_written_rows(config)) * detail::written_bytes(sizes);
  if (with_checkpoint > fullest) plan.add("rows on their way into a checkpoint", with_checkpoint - fullest);
  const Count with_writing = reading_bytes(config, sizes) + sizes.written_rows * Count{sizeof(detail::KeptRow)};
  if (with_writing > fullest) plan.add("a checkpoint that is written", with_writing - fullest);
  if (config.keep_details) plan.add("quantity, price and dwell", rows * detail::details_bytes_per_row);
  if (config.format.columns.contains(Role::query)) {
    constexpr Count id_bytes = 8;
    plan.add("searches, if every row is one", rows * (detail::search_bytes + id_bytes));
  }
  return plan;
}

Count detail::rows_written_at_once(const IngestConfig& config, const IngestSizes& sizes) {
  const Count left_free =
      std::max<Count>(0, config.memory_per_rank - plan_ingest(config, sizes).total_bytes());
  const Count planned = fullest_bytes(config, sizes) - reading_bytes_for_checkpoints(config, sizes);
  return std::clamp((planned + left_free) / written_bytes(sizes), least_written_rows(config),
                    most_written_rows);
}

}  // namespace pushcart
