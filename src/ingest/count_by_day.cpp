#include "ingest/count_by_day.hpp"

#include "pushcart/base/days.hpp"

namespace pushcart::detail {

namespace {

constexpr Count most_bins = 60;
constexpr std::size_t most_types = 20;

}  // namespace

void count_by_day(const Communicator& comm, const InteractionLog& log, CleaningReport& report) {
  if (log.cutoff_time == 0 || log.types.size() > most_types) return;
  const std::int64_t first_day = day_of(report.earliest_time);
  const Count num_days = day_of(report.latest_time) - first_day + 1;
  report.days_per_bin = (num_days + most_bins - 1) / most_bins;
  const Count num_bins = (num_days - 1) / report.days_per_bin + 1;
  std::vector<Count> counts(log.types.size() * static_cast<std::size_t>(num_bins), 0);
  for (const LogEvent& event : log.events) {
    const Count bin = (day_of(event.time) - first_day) / report.days_per_bin;
    ++counts[static_cast<std::size_t>(event.type * num_bins + bin)];
  }
  comm.allreduce(std::span<Count>(counts), Reduce::sum);
  for (std::size_t type = 0; type < log.types.size(); ++type) {
    const auto first = counts.begin() + static_cast<std::ptrdiff_t>(type) * num_bins;
    report.events_by_day[log.types[type]].assign(first, first + num_bins);
  }
}

}  // namespace pushcart::detail
