#include <fmt/core.h>

#include <array>

#include "pushcart/base/error.hpp"
#include "pushcart/rerank/booster.hpp"

namespace pushcart {

namespace {

constexpr std::array<std::string_view, 2> objective_names{"pairwise", "ndcg"};  // by RankObjective

}  // namespace

RankObjective rank_objective_of(std::string_view name) {
  for (std::size_t i = 0; i < objective_names.size(); ++i) {
    if (objective_names[i] == name) return static_cast<RankObjective>(i);
  }
  throw ConfigError(fmt::format("'{}' is neither pairwise nor ndcg", name));
}

std::string_view name_of(RankObjective objective) {
  return objective_names.at(static_cast<std::size_t>(objective));
}

void check_config(const BoosterConfig& config) {
  const auto check = [](bool is_good, const char* option, auto value, const char* range) {
    if (!is_good) throw ConfigError(fmt::format("{} {}: must be {}", option, value, range));
  };
  check(config.max_trees >= 1 && config.max_trees <= 100'000, "--trees", config.max_trees, "1 to 100000");
  check(config.patience >= 1, "--tree-patience", config.patience, "at least 1");
  check(config.tree_depth >= 1 && config.tree_depth <= 16, "--tree-depth", config.tree_depth, "1 to 16");
  check(config.learning_rate > 0 && config.learning_rate <= 1, "--learning-rate", config.learning_rate,
        "in (0, 1]");
  check(config.min_child_weight >= 0, "--min-child-weight", config.min_child_weight, "at least 0");
  check(config.row_share > 0 && config.row_share <= 1, "--row-share", config.row_share, "in (0, 1]");
  check(config.column_share > 0 && config.column_share <= 1, "--column-share", config.column_share,
        "in (0, 1]");
  check(config.seed < (std::uint64_t{1} << 31), "--tree-seed", config.seed, "below 2^31");
}

void Booster::check_built_in() {
  if (is_built_in()) return;
  throw ConfigError(
      "this program was built without XGBoost, which re-rankers need; install libxgboost-dev and build it "
      "again");
}

}  // namespace pushcart
