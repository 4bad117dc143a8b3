#include "app/tuning/search_plan.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>

#include "app/families/family_options.hpp"
#include "pushcart/base/error.hpp"

namespace pushcart::app {

Strategy strategy_of(std::string_view name) {
  if (name == "grid") return Strategy::grid;
  if (name == "random") return Strategy::random;
  if (name == "halving") return Strategy::halving;
  throw ConfigError(fmt::format("'{}' is none of grid, random, halving", name));
}
std::string_view strategy_name(Strategy strategy) {
  return strategy == Strategy::grid ? "grid" : strategy == Strategy::random ? "random" : "halving";
}

void declare_tune(OptionSet& options, TuneOptions& tune) {
  options.add("family", tune.family, "model family: " + family_names(make_model_families()));
  options.add("dataset", tune.dataset, "dataset file");
  options.add("space", tune.space,
              "TOML file: the keys to search, each an array, or { low, high, scale, steps }");
  options.add("output", tune.output, "folder for trials, table, plot and the winner's settings (best.toml)");
  options.add_named("strategy", tune.strategy, "grid, random, or halving (successive halving)", strategy_of,
                    strategy_name);
  options.add("trials", tune.trials, "random, halving: settings to try");
  options.add("seed", tune.seed, "random, halving: seed of the settings");
  options.add("groups", tune.groups, "groups of ranks that try settings side by side");
  options.add("share", tune.share,
              "I/N: try only every N-th setting, from the I-th on; for N jobs into one folder");
  options.add("hold-out", tune.hold_out, "validation part: random, last-n, last-days, items (whole items, ranked among themselves), sessions (the latest pair of each user whose last session has two or more)");
  options.add("hold-out-share", tune.split.share, "random: share of the pairs, items: of the items, in (0, 1)");
  options.add("hold-out-popularity", tune.split.popularity, "random: pairs of an item are held out in proportion to its users to this power; 0 = all alike");
  options.add("hold-out-n", tune.split.n, "last-n: the latest pairs of each user");
  options.add("hold-out-seed", tune.split.seed, "random, items: seed; sessions: of the choice among equal times");
  options.add("hold-out-days", tune.split.days, "last-days: pairs seen in the last so many days of the log");
  options.add("hold-out-gap-minutes", tune.split.gap_minutes, "sessions: a longer pause begins another session");
  options.add("n", tune.n, "list length of the measure, Recall@N");
  options.add("budget-key", tune.budget_key,
              "halving: the setting that costs time, or users: percent of the users learned from");
  options.add("budget-min", tune.budget_min, "halving: its value in the first rung");
  options.add("budget-max", tune.budget_max, "halving: its value in the last rung");
  options.add("eta", tune.eta, "halving: one in so many goes on, with so many times the budget");
  options.add_bytes("memory-per-rank", tune.memory_per_rank,
                    "refuse a trial over this much (2GiB); 0 = no limit");
}

void check(const TuneOptions& options) {
  if (options.space.empty()) throw ConfigError("--space: give the TOML file that says what to search");
  if (options.trials < 1) throw ConfigError("--trials: must be at least 1");
  if (options.groups < 1) throw ConfigError("--groups: must be at least 1");
  if (options.n < 1) throw ConfigError("--n: must be at least 1");
  if (options.eta < 2) throw ConfigError("--eta: must be at least 2");
  if (options.budget_min < 1 || options.budget_max < options.budget_min) {
    throw ConfigError("--budget-min must be at least 1 and at most --budget-max");
  }
  if (options.budget_key == users_budget && options.budget_max > 100) {
    throw ConfigError("--budget-max: with --budget-key users it is percent of the users, at most 100");
  }
  if (parse_share(options.share).second > 1 && options.strategy == Strategy::halving) {
    throw ConfigError("--share: halving needs all trials of a rung before the next; use --groups");
  }
  if (split_kind_of(options.hold_out) == SplitKind::users) {
    throw ConfigError("--hold-out users: no trial would know these users; measure with train and evaluate --known");
  }
}

std::vector<Rung> plan_rungs(const TuneOptions& options, Count num_trials) {
  if (options.strategy != Strategy::halving) return {Rung{}};
  std::vector<Rung> rungs;
  Count left = num_trials;
  for (Count budget = options.budget_min;; budget = std::min(budget * options.eta, options.budget_max)) {
    const bool last = budget >= options.budget_max;
    const Count next = last ? 0 : std::max<Count>(1, left / options.eta);
    Rung rung{budget, 1, 1, next};
    if (options.budget_key == users_budget) {
      rung.learning_users = static_cast<double>(budget) / 100;
      rung.budget = 0;
    } else if (!last) {
      rung.measured_users = 0.25;  // tells bad settings from good ones; the finalists are measured on all
    }
    rungs.push_back(rung);
    if (last) return rungs;
    left = next;
  }
}

/// "2/8": the second of eight jobs. ConfigError.
std::pair<Count, Count> parse_share(const std::string& text) {
  Count index = 0, of = 0;
  char slash = 0, rest = 0;
  long long a = 0, b = 0;
  if (std::sscanf(text.c_str(), "%lld%c%lld%c", &a, &slash, &b, &rest) != 3 || slash != '/') b = 0;
  index = a;
  of = b;
  if (of < 1 || index < 1 || index > of) {
    throw ConfigError(fmt::format("--share: '{}' is not I/N with 1 <= I <= N, such as 2/8", text));
  }
  return {index, of};
}

}  // namespace pushcart::app
