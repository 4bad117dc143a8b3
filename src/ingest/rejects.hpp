#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ingest/kept_lines.hpp"
#include "ingest/log_reader.hpp"
#include "ingest/log_share.hpp"
#include "pushcart/checkpoint/staged_output.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart::detail {

/// What was read here, and where its lines are in the files.
struct ReadLog {
  LogShare share;
  std::vector<UnitSummary> summaries;
  std::vector<Count> lines_before;  ///< by unit: lines of its file before it
  std::vector<RowBatch> batches;
  std::vector<std::string> types;      ///< met here, as the rows count them
  std::unique_ptr<KeptLines> to_keep;  ///< what was parsed here; nullptr: nothing is kept for later nights
  bool writes_to_keep = false;         ///< into checkpoints, too, while the log is read
  std::unique_ptr<UnwrittenRows>
      unwritten;                   ///< parsed here, and in no checkpoint yet; nullptr: there are none
  Count rows_written_at_once = 0;  ///< of those, in a file of parts
  Count searched_bytes = 0;        ///< of text, uncompressed, that was read again to find dropped rows
};

/// A dropped row.
struct Rejection {
  std::size_t unit = 0;
  Count line = 0;  ///< of the unit, from 0
  Check cause = Check::unparseable;
  ParseFault fault = ParseFault::none;
};

/// Calls `visit` for the dropped rows of this rank in input order, once for each line and cause.
template <class Visit>
void visit_rejections(const ReadLog& log, FaultMask enabled, Visit&& visit) {
  for (const auto& batch : log.batches) {
    std::size_t segment = 0;
    Rejection last;
    bool any = false;
    for (std::size_t r = 0; r < batch.rows.size(); ++r) {
      const auto& row = batch.rows[r];
      const auto cause = first_cause(row.faults, enabled);
      if (!cause) continue;
      while (segment + 1 < batch.segments.size() && batch.segments[segment + 1].first_row <= r) ++segment;
      const auto& from = batch.segments[segment];
      const bool unparseable = (row.faults & fault_bit(Check::unparseable)) != 0;
      const Rejection rejection{from.unit, from.first_line + row.line, *cause,
                                unparseable ? static_cast<ParseFault>(row.type) : ParseFault::none};
      if (any && rejection.unit == last.unit && rejection.line == last.line && rejection.cause == last.cause)
        continue;
      any = true;
      last = rejection;
      visit(rejection);
    }
  }
}

/// "duplicate", "unparseable: bad_number".
std::string short_reason(const Rejection& rejection);

/// Writes the rejected rows but for the file's name: gzip CSV with columns file, line, reason, text, in input
/// order. Units with dropped rows are read a second time, so that no text was kept until now; these texts go
/// to `log.to_keep`, too, and those of files kept whole are there already, but for rows that were not
/// rejected then. No text is read twice for them, but an archive from its begin. Collective. StorageError;
/// InputError if a file has changed since it was read.
std::unique_ptr<StagedOutput> stage_rejects(const Communicator& comm, const ParseSettings& settings,
                                            ReadLog& log, const std::string& path);

}  // namespace pushcart::detail
