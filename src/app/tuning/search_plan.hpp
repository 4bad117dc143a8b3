#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "app/option_set.hpp"
#include "pushcart/eval/split.hpp"

namespace pushcart::app {

enum class Strategy : int { grid, random, halving };
Strategy strategy_of(std::string_view name);  ///< ConfigError
std::string_view strategy_name(Strategy strategy);

/// All that `tune` can be told.
struct TuneOptions {
  std::string family = "als";
  std::string dataset = "data.h5";
  std::string space;
  std::string output = "tuning";
  Strategy strategy = Strategy::random;
  Count trials = 20;
  std::uint64_t seed = 1;
  Count groups = 1;
  std::string share = "1/1";
  std::string hold_out = "random";
  SplitConfig split;
  Count n = 20;
  std::string budget_key = "sweeps";
  Count budget_min = 2, budget_max = 8;
  Count eta = 2;
  Count memory_per_rank = 0;
};
void declare_tune(OptionSet& options, TuneOptions& tune);
/// ConfigError for settings that make no sense. Local.
void check(const TuneOptions& options);

/// The budget key that stands for users: a trial learns from a share of them, in percent, and is measured on
/// these.
inline constexpr std::string_view users_budget = "users";

/// A step of the search: which trials run with how much.
struct Rung {
  Count budget = 0;           ///< value of the budget key; 0 = as the trial says
  double learning_users = 1;  ///< share of the users learned from
  double measured_users = 1;  ///< share of the users measured on, among those learned from
  Count survivors = 0;        ///< trials that go on to the next rung; 0 = last
};
std::vector<Rung> plan_rungs(const TuneOptions& options, Count num_trials);

/// "2/8": the second of eight jobs. ConfigError.
std::pair<Count, Count> parse_share(const std::string& text);

}  // namespace pushcart::app
