#include "ingest/row_checks.hpp"

namespace pushcart::detail {

RowChecks::RowChecks(const IngestConfig& config, std::int64_t now)
    : needs_rating_(config.ratings != RatingsMode::off),
      has_time_(config.format.columns.contains(Role::time) || config.format.constants.contains(Role::time)),
      now_(now),
      min_time_(config.min_time),
      window_begin_(config.window_begin),
      window_end_(config.window_end) {
  enabled_ = static_cast<FaultMask>((1U << num_checks) - 1);
  const auto switch_off = [&](Check check) { enabled_ &= static_cast<FaultMask>(~fault_bit(check)); };
  if (config.dedupe == Dedupe::off) switch_off(Check::duplicate);
  if (!config.drop_bad_price) switch_off(Check::bad_price);
  if (!config.drop_impossible_time) {
    switch_off(Check::future_time);
    switch_off(Check::ancient_time);
  }
}

}  // namespace pushcart::detail
