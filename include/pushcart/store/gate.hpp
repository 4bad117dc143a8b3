#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pushcart/store/drift.hpp"
#include "pushcart/store/log_files.hpp"

namespace pushcart {

/// What a night must keep to be published. Shares are fractions.
struct GateBounds {
  // Of the new part of the log
  Count min_new_events = 1;
  double max_bad_share = 0.2;        ///< bad rows over rows, of the new part
  double max_duplicate_share = 0.2;  ///< repeated rows over rows, of the new part
  double max_drift = 5;  ///< a type's events of a day, over or under the usual, at most so many times

  // Of the model, on the hold-out
  Count min_users = 10;         ///< in the data set
  Count min_test_users = 10;    ///< with something held out
  double max_worse = 0.05;      ///< metric under that of the model in service, as a share of it
  double min_over_popular = 0;  ///< metric over that of popularity, as a share of it; negative = may be under
  /// Metric over that of what is popular in the users' categories, as a share of it; negative = may be under,
  /// -1 = need not be measured.
  double min_over_category = -1;
  double min_coverage = 0.01;   ///< share of the catalogue in the first places of the lists
  double max_coverage_drop = 0.5;  ///< coverage under that of the model in service, as a share of it

  // Of the lists
  double max_churn = 0.9;  ///< mean share of a list's places that changed
};
/// ConfigError naming the option. Local.
void check_bounds(const GateBounds& bounds);

/// One thing that was looked at.
struct GateCheck {
  std::string name;
  bool passed = true;
  std::string text;  ///< what was found, and the bound
};

/// What is known once the log has been read.
struct LogFacts {
  NewFiles new_files;
  Count new_events = 0;  ///< later than what the version in service has seen
  Count new_rows = 0, new_bad_rows = 0, new_duplicate_rows = 0;
  std::vector<TypeDrift> drift;
};

/// What the hold-out says; the same held-out pairs for all of them.
struct ModelFacts {
  std::string metric;
  Count num_users = 0, num_test_users = 0;
  double value = 0, popular = 0, coverage = 0;
  std::optional<double> by_category;  ///< what is popular in the users' categories; nothing without these
  std::optional<double> in_service, in_service_coverage;  ///< nothing in the first night
};

/// Local; the same answer for the same facts.
std::vector<GateCheck> check_log(const LogFacts& facts, const GateBounds& bounds);
std::vector<GateCheck> check_model(const ModelFacts& facts, const GateBounds& bounds);
/// @param churn  nothing in the first night
std::vector<GateCheck> check_lists(std::optional<double> churn, const GateBounds& bounds);

/// Texts of the checks that did not pass, "; " between them; empty if all did.
std::string why_held(const std::vector<GateCheck>& checks);

}  // namespace pushcart
