#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// What gradient boosted trees are trained for (XGBoost's learning-to-rank objectives, after LambdaMART).
enum class RankObjective : int { pairwise, ndcg };
RankObjective rank_objective_of(std::string_view name);  ///< pairwise | ndcg; ConfigError otherwise
std::string_view name_of(RankObjective objective);

struct BoosterConfig {
  RankObjective objective = RankObjective::ndcg;
  Count max_trees = 500;        ///< at least 1
  Count patience = 40;          ///< ends after so many trees that did not help in validation, at least 1
  Count tree_depth = 5;         ///< 1 to 16
  double learning_rate = 0.1;   ///< in (0, 1]
  double min_child_weight = 5;  ///< sum of second derivatives in a leaf, at least 0
  double row_share = 0.8;       ///< of the rows, drawn for each tree, in (0, 1]
  double column_share = 0.8;    ///< of the columns, likewise
  std::uint64_t seed = 1;       ///< of these draws
};

/// Settings that make no sense are ConfigError naming the option. Local.
void check_config(const BoosterConfig& config);

/// Rows to rank within their groups, one group after another.
struct RankingTable {
  Count num_columns = 0;
  std::vector<float> values;  ///< row-major; NaN = missing
  std::vector<float> labels;  ///< 1 = wanted, 0 = not
  std::vector<std::uint32_t> group_sizes;

  Count num_rows() const { return static_cast<Count>(labels.size()); }
};

/// Trees as they are stored, and what their training found.
struct TrainedBooster {
  std::vector<std::uint8_t> bytes;  ///< the library's UBJSON
  Count num_trees = 0;              ///< kept: up to the best in validation
  std::vector<double> validation;   ///< of the ranking by so many trees + 1
  std::vector<double> gain_shares;  ///< by column: of the gain of all splits; 0 = no split uses it
};

/// Gradient boosted trees, by libxgboost (Chen, Guestrin, XGBoost: a scalable tree boosting system, KDD
/// 2016). Local; the library is told nothing of other ranks.
class Booster {
 public:
  /// Whether this program was built with the library; without it all else is ConfigError saying so.
  static bool is_built_in();
  static void check_built_in();

  /// On one thread, since the library's draws and sums depend on their number.
  /// @param validate  of the validation rows' predictions: the higher the better
  static TrainedBooster train(const RankingTable& train, const RankingTable& validation,
                              const BoosterConfig& config,
                              const std::function<double(std::span<const float>)>& validate);

  /// InputError if these are no trees of `num_columns` columns that the library can read.
  Booster(std::span<const std::uint8_t> bytes, Count num_columns);
  ~Booster();
  Booster(Booster&&) noexcept;
  Booster& operator=(Booster&&) noexcept;
  Booster(const Booster&) = delete;
  Booster& operator=(const Booster&) = delete;

  /// One number a row, higher = better; of each row by itself, on the OpenMP threads.
  /// @param rows  row-major, NaN = missing
  std::vector<float> predict(std::span<const float> rows) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pushcart
