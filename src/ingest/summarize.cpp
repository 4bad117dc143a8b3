#include "ingest/summarize.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "pushcart/base/error.hpp"
#include "pushcart/base/string_table.hpp"

namespace pushcart::detail {

namespace {

/// Adds the rows of this rank to the counts.
void count_checks(const ReadLog& log, FaultMask enabled, CleaningReport& report) {
  for (const auto& batch : log.batches) {
    report.rows_read += static_cast<Count>(batch.rows.size());
    for (const auto& row : batch.rows) {
      for (unsigned left = row.faults; left != 0; left &= left - 1) {
        ++report.checks[static_cast<std::size_t>(__builtin_ctz(left))].with_fault;
      }
      if (const auto cause = first_cause(row.faults, enabled)) {
        ++report[*cause].dropped;
      } else {
        ++report.rows_kept;
      }
    }
  }
}

/// An example as it travels; the reason is made again from cause and fault.
struct ExampleRecord {
  std::int64_t file = -1;
  Count line = 0;
  Check cause = Check::duplicate;
  ParseFault fault = ParseFault::none;
};

std::vector<RejectExample> first_examples(const Communicator& comm, const ReadLog& log, FaultMask enabled) {
  std::array<ExampleRecord, num_checks> mine{};
  visit_rejections(log, enabled, [&](const Rejection& rejection) {
    auto& example = mine[static_cast<std::size_t>(rejection.cause)];
    if (example.file >= 0) return;
    example = {log.share.units[rejection.unit].file, log.lines_before[rejection.unit] + rejection.line + 1,
               rejection.cause, rejection.fault};
  });
  const auto all = comm.allgather(std::span<const ExampleRecord>(mine));
  std::vector<RejectExample> examples;
  for (std::size_t c = 0; c < num_checks; ++c) {
    for (std::size_t at = c; at < all.data.size(); at += num_checks) {
      const auto& example = all.data[at];
      if (example.file < 0) continue;
      examples.push_back({log.share.files[static_cast<std::size_t>(example.file)].path, example.line,
                          short_reason({0, 0, example.cause, example.fault})});
      break;  // ranks hold the input in order
    }
  }
  return examples;
}

std::string causes_text(const CleaningReport& report) {
  std::string text;
  for (int c = 0; c < num_checks; ++c) {
    const auto& count = report.checks[static_cast<std::size_t>(c)];
    if (count.dropped == 0) continue;
    text +=
        fmt::format("{}{} {}", text.empty() ? "" : ", ", count.dropped, check_name(static_cast<Check>(c)));
  }
  for (const auto& example : report.examples) {
    text += fmt::format("; {}:{}: {}", example.file, example.line, example.reason);
  }
  return text;
}

std::vector<std::string> union_of(const Communicator& comm, const std::vector<std::string>& mine) {
  std::vector<std::uint32_t> lengths;
  std::vector<char> bytes;
  for (const auto& text : mine) {
    lengths.push_back(static_cast<std::uint32_t>(text.size()));
    bytes.insert(bytes.end(), text.begin(), text.end());
  }
  const auto all_lengths = comm.allgather(std::span<const std::uint32_t>(lengths)).data;
  const auto all_bytes = comm.allgather(std::span<const char>(bytes)).data;
  std::vector<std::string> texts;
  std::size_t begin = 0;
  for (const auto length : all_lengths) {
    texts.emplace_back(all_bytes.data() + begin, length);
    begin += length;
  }
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return texts;
}

}  // namespace

void summarize_checks(const Communicator& comm, const ReadLog& log, FaultMask enabled,
                      CleaningReport& report) {
  count_checks(log, enabled, report);
  std::vector<Count> counts{report.rows_read, report.rows_kept};
  for (const auto& check : report.checks) counts.insert(counts.end(), {check.with_fault, check.dropped});
  comm.allreduce(std::span<Count>(counts), Reduce::sum);
  report.rows_read = counts[0];
  report.rows_kept = counts[1];
  for (std::size_t c = 0; c < num_checks; ++c) report.checks[c] = {counts[2 + 2 * c], counts[3 + 2 * c]};
  report.examples = first_examples(comm, log, enabled);
}

std::optional<std::string> reason_to_refuse(const IngestConfig& config, const CleaningReport& report) {
  if (report.rows_read == 0) {
    return fmt::format("{}{}: no rows (empty, or nothing but a header); name a log with events",
                       config.inputs.front(), config.inputs.size() > 1 ? " and the other inputs" : "");
  }
  const Count missing = report[Check::missing_user].with_fault + report[Check::missing_item].with_fault;
  if (config.missing_ids == MissingIds::refuse && missing > 0) {
    return fmt::format("{} ids are missing, and --missing-ids is 'refuse' ({})", missing,
                       causes_text(report));
  }
  const Count bad = report.bad_rows();
  const auto& limit = config.max_rejects;
  const bool over_share = limit.kind == RejectLimit::Kind::share &&
                          static_cast<double>(bad) > limit.share * static_cast<double>(report.rows_read);
  const bool over_count = limit.kind == RejectLimit::Kind::count && bad > limit.count;
  if (over_share || over_count) {
    const auto allowed = over_share ? fmt::format("{}", limit.share) : fmt::format("{}", limit.count);
    return fmt::format(
        "{} of {} rows are bad input, over --max-rejects {} ({}); repair the log, correct --format and "
        "--columns, or allow more",
        bad, report.rows_read, allowed, causes_text(report));
  }
  if (report.rows_kept == 0) {
    return fmt::format("no row of {} is left after cleaning ({})", report.rows_read, causes_text(report));
  }
  return std::nullopt;
}

std::vector<std::uint16_t> number_types(const Communicator& comm, const ReadLog& log,
                                        const std::vector<std::string>& local_types, FaultMask enabled,
                                        InteractionLog& result, CleaningReport& report) {
  std::vector<Count> kept(local_types.size(), 0);
  std::int64_t earliest = std::numeric_limits<std::int64_t>::max();
  std::int64_t latest = std::numeric_limits<std::int64_t>::min();
  for (const auto& batch : log.batches) {
    for (const auto& row : batch.rows) {
      if ((row.faults & enabled) != 0) continue;
      ++kept[row.type];
      earliest = std::min(earliest, row.time);
      latest = std::max(latest, row.time);
    }
  }
  report.earliest_time = comm.allreduce(earliest, Reduce::min);
  report.latest_time = result.cutoff_time = comm.allreduce(latest, Reduce::max);

  std::vector<std::string> mine;
  for (std::size_t t = 0; t < local_types.size(); ++t) {
    if (kept[t] > 0) mine.push_back(local_types[t]);
  }
  result.types = union_of(comm, mine);
  constexpr std::size_t most_types = 256;
  if (result.types.size() > most_types) {
    throw InputError(
        fmt::format("the column mapped to 'type' has {} different values, more than {}; map the column "
                    "that says view, cart, purchase ...",
                    result.types.size(), most_types));
  }
  std::vector<std::uint16_t> numbers;
  std::vector<Count> by_type(result.types.size(), 0);
  for (std::size_t t = 0; t < local_types.size(); ++t) {
    const auto found = std::lower_bound(result.types.begin(), result.types.end(), local_types[t]);
    numbers.push_back(static_cast<std::uint16_t>(found - result.types.begin()));
    if (kept[t] > 0) by_type[numbers.back()] += kept[t];
  }
  comm.allreduce(std::span<Count>(by_type), Reduce::sum);
  for (std::size_t t = 0; t < by_type.size(); ++t) report.events_kept[result.types[t]] = by_type[t];
  return numbers;
}

}  // namespace pushcart::detail
