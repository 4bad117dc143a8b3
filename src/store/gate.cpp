#include "pushcart/store/gate.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "pushcart/base/error.hpp"

namespace pushcart {

namespace {

GateCheck at_least(const std::string& name, const std::string& what, Count found, Count bound) {
  return {name, found >= bound, fmt::format("{} {}, at least {}", found, what, bound)};
}

GateCheck share_at_most(const std::string& name, const std::string& what, Count part, Count all,
                        double bound) {
  const double share = all > 0 ? static_cast<double>(part) / static_cast<double>(all) : 0.0;
  return {name, share <= bound,
          fmt::format("{} of {} new rows {} ({:.1f} %), at most {:.1f} %", part, all, what, 100 * share,
                      100 * bound)};
}

GateCheck none_of(const std::string& name, const std::vector<std::string>& files, const std::string& what) {
  constexpr std::size_t most_named = 5;
  std::string named;
  for (std::size_t i = 0; i < std::min(files.size(), most_named); ++i) named += (i ? ", " : "") + files[i];
  if (files.size() > most_named) named += fmt::format(" and {} more", files.size() - most_named);
  return {name, files.empty(), files.empty() ? "no new file " + what : named + " " + what};
}

/// `value` is not under (1 + share) * other. Not a number does not pass.
GateCheck not_under(const std::string& name, const std::string& what, double value, const std::string& whose,
                    double other, double share) {
  const double change = other > 0 ? 100 * (value / other - 1) : 0.0;
  return {name, value >= (1 + share) * other,
          fmt::format("{} {:.5f} against {:.5f} {} ({:+.1f} %), at least {:+.1f} %", what, value, other,
                      whose, change, 100 * share)};
}

void require(bool holds, const char* option, double value, const char* wanted) {
  if (!holds) throw ConfigError(fmt::format("--{} {}: must be {}", option, value, wanted));
}

}  // namespace

void check_bounds(const GateBounds& bounds) {
  const auto is_share = [](double value) { return value >= 0 && value <= 1; };
  require(bounds.min_new_events >= 0, "min-new-events", static_cast<double>(bounds.min_new_events),
          "0 or more");
  require(bounds.min_users >= 0, "min-users", static_cast<double>(bounds.min_users), "0 or more");
  require(bounds.min_test_users >= 0, "min-test-users", static_cast<double>(bounds.min_test_users),
          "0 or more");
  require(is_share(bounds.max_bad_share), "max-bad-share", bounds.max_bad_share, "in [0, 1]");
  require(is_share(bounds.max_duplicate_share), "max-duplicate-share", bounds.max_duplicate_share,
          "in [0, 1]");
  require(is_share(bounds.max_worse), "max-worse", bounds.max_worse, "in [0, 1]");
  require(is_share(bounds.min_coverage), "min-coverage", bounds.min_coverage, "in [0, 1]");
  require(is_share(bounds.max_coverage_drop), "max-coverage-drop", bounds.max_coverage_drop, "in [0, 1]");
  require(is_share(bounds.max_churn), "max-churn", bounds.max_churn, "in [0, 1]");
  require(bounds.min_over_popular >= -1, "min-over-popular", bounds.min_over_popular, "-1 or more");
  require(bounds.min_over_category >= -1, "min-over-category", bounds.min_over_category, "-1 or more");
  require(bounds.max_drift >= 1, "max-drift", bounds.max_drift, "1 or more");
}

std::vector<GateCheck> check_log(const LogFacts& facts, const GateBounds& bounds) {
  std::vector<GateCheck> checks;
  checks.push_back(none_of("empty_files", facts.new_files.empty, "without an event"));
  checks.push_back(none_of("copied_files", facts.new_files.copies, "with the lines of another"));
  checks.push_back(at_least("new_events", "new events", facts.new_events, bounds.min_new_events));
  checks.push_back(
      share_at_most("bad_rows", "are bad", facts.new_bad_rows, facts.new_rows, bounds.max_bad_share));
  checks.push_back(share_at_most("duplicate_rows", "are repeats", facts.new_duplicate_rows, facts.new_rows,
                                 bounds.max_duplicate_share));
  for (const TypeDrift& drift : facts.drift) {
    const bool usual = drift.ratio <= bounds.max_drift && drift.ratio >= 1 / bounds.max_drift;
    checks.push_back(
        {"drift_" + drift.type, usual,
         fmt::format("{} '{}' events in a day where {:.0f} are usual ({:.2f} times, at most {:g} times "
                     "over or under)",
                     drift.count, drift.type, drift.usual, drift.ratio, bounds.max_drift)});
  }
  return checks;
}

std::vector<GateCheck> check_model(const ModelFacts& facts, const GateBounds& bounds) {
  std::vector<GateCheck> checks;
  checks.push_back(at_least("users", "users", facts.num_users, bounds.min_users));
  checks.push_back(
      at_least("test_users", "users in the hold-out", facts.num_test_users, bounds.min_test_users));
  checks.push_back({"finite", std::isfinite(facts.value) && std::isfinite(facts.popular),
                    fmt::format("{} is {}", facts.metric, facts.value)});
  checks.push_back(not_under("popular", facts.metric, facts.value, "of popularity", facts.popular,
                             bounds.min_over_popular));
  if (bounds.min_over_category > -1) {
    checks.push_back(facts.by_category
                         ? not_under("category", facts.metric, facts.value, "of popularity by category",
                                     *facts.by_category, bounds.min_over_category)
                         : GateCheck{"category", false,
                                     "popularity by category was not measured: items have no categories"});
  }
  checks.push_back({"coverage", facts.coverage >= bounds.min_coverage,
                    fmt::format("coverage {:.4f}, at least {:g}", facts.coverage, bounds.min_coverage)});
  if (facts.in_service) {
    checks.push_back(not_under("in_service", facts.metric, facts.value, "of the model in service",
                               *facts.in_service, -bounds.max_worse));
  }
  if (facts.in_service_coverage) {
    checks.push_back(not_under("coverage_in_service", "coverage", facts.coverage, "of the model in service",
                               *facts.in_service_coverage, -bounds.max_coverage_drop));
  }
  return checks;
}

std::vector<GateCheck> check_lists(std::optional<double> churn, const GateBounds& bounds) {
  if (!churn) return {};
  return {{"churn", *churn <= bounds.max_churn,
           fmt::format("{:.1f} % of the places of the lists changed, at most {:.1f} %", 100 * *churn,
                       100 * bounds.max_churn)}};
}

std::string why_held(const std::vector<GateCheck>& checks) {
  std::string reason;
  for (const GateCheck& check : checks) {
    if (!check.passed) reason += (reason.empty() ? "" : "; ") + check.text;
  }
  return reason;
}

}  // namespace pushcart
