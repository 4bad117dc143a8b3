#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <optional>

#include "models/linear/cut_rows.hpp"
#include "models/linear/product_rows.hpp"
#include "pushcart/base/indices_of.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/exact_sum.hpp"
#include "pushcart/models/blend.hpp"
#include "pushcart/models/item_history.hpp"

namespace pushcart {

namespace {

/// By part: the item weights of all users, kept as such; those that become a term of each user's own; none.
enum class WeightsGo : int { nowhere, to_items, to_users };

/// Item weights of one profile can stay; beside others, those of session profiles become users' terms.
std::vector<WeightsGo> where_weights_go(const Communicator& comm, std::span<const BlendPart> parts) {
  std::vector<WeightsGo> where;
  const Model* first = nullptr;
  bool is_one_profile = true;
  for (const BlendPart& part : parts) {
    const bool has_weights = comm.any(part.model->item_weights.has_value());
    where.push_back(has_weights ? WeightsGo::to_items : WeightsGo::nowhere);
    if (!has_weights) continue;
    if (first == nullptr) first = part.model;
    is_one_profile = is_one_profile && part.model->session_profile == first->session_profile;
  }
  for (std::size_t p = 0; p < parts.size() && !is_one_profile; ++p) {
    if (where[p] == WeightsGo::to_items && parts[p].model->session_profile) where[p] = WeightsGo::to_users;
  }
  return where;
}

/// What the item weights add to each user's scores, the largest. Collective.
SparseRows terms_of_users(const Communicator& comm, const Model& model, const Dataset& dataset) {
  const Range users = dataset.users.range(comm.rank()), items = dataset.items.range(comm.rank());
  const ItemHistory history(model, dataset, indices_of(users));
  SparseRows none;
  none.rows = items;
  none.num_columns = dataset.num_items();
  none.offsets.assign(static_cast<std::size_t>(items.size()) + 1, 0);
  const SparseRows& weights = model.item_weights ? *model.item_weights : none;
  linear::CutRows kept(users, dataset.num_items(), most_terms_of_user);
  linear::for_each_product_row(
      comm, {history.rows(), history.rows().values, weights, weights.values, dataset.items},
      {.num_rows = dataset.num_users(), .num_columns = dataset.num_items()},
      [&](Count row, const linear::ProductRow& product) {
        std::vector<linear::CutRows::Entry> entries;
        for (const std::int32_t column : product.columns)
          entries.push_back({column, static_cast<float>(product.sums[column])});
        std::sort(entries.begin(), entries.end(),
                  [](const auto& a, const auto& b) { return a.column < b.column; });
        kept.set(row, entries);
      });
  return kept.take();
}

/// w_1 by owned user, above zero; ones if no part has item weights.
std::vector<double> lead_weights(const Communicator& comm, std::span<const BlendPart> parts,
                                 std::span<const WeightsGo> where, Count num_users) {
  for (std::size_t p = 0; p < parts.size(); ++p) {
    const BlendPart& part = parts[p];
    if (where[p] != WeightsGo::to_items) continue;
    std::vector<double> weights(part.user_weights.begin(), part.user_weights.end());
    double smallest = std::numeric_limits<double>::max();
    for (const double weight : weights) smallest = weight > 0 ? std::min(smallest, weight) : smallest;
    smallest = comm.allreduce(smallest, Reduce::min);
    if (smallest == std::numeric_limits<double>::max()) continue;  // this part does not count at all
    for (double& weight : weights) weight = weight > 0 ? weight : smallest;
    return weights;
  }
  return std::vector<double>(static_cast<std::size_t>(num_users), 1.0);
}

std::vector<double> ratios_to(const BlendPart& part, std::span<const double> lead) {
  std::vector<double> ratios;
  for (std::size_t u = 0; u < lead.size(); ++u)
    ratios.push_back(static_cast<double>(part.user_weights[u]) / lead[u]);
  return ratios;
}

/// Columns of the blended factors, filled part by part.
class Columns {
 public:
  Columns(FactorTable& users, FactorTable& items) : users_(users), items_(items) {}

  /// Factors of a part, its users' rows times their ratio.
  void add_factors(const Model& model, std::span<const double> ratios) {
    const Count k = model.item_factors.num_columns;
    for (Count user = 0; user < users_.rows.size(); ++user) {
      const auto from = model.user_factors.row(user);
      const double ratio = ratios[static_cast<std::size_t>(user)];
      for (Count c = 0; c < k; ++c) {
        users_.row(user)[static_cast<std::size_t>(next_ + c)] =
            static_cast<float>(ratio * static_cast<double>(from[static_cast<std::size_t>(c)]));
      }
    }
    for (Count item = 0; item < items_.rows.size(); ++item) {
      const auto from = model.item_factors.row(item);
      std::copy(from.begin(), from.end(), items_.row(item).begin() + next_);
    }
    next_ += k;
  }

  void add_bias(const Model& model, std::span<const double> ratios) {
    for (Count user = 0; user < users_.rows.size(); ++user) {
      users_.row(user)[static_cast<std::size_t>(next_)] =
          static_cast<float>(ratios[static_cast<std::size_t>(user)]);
    }
    for (Count item = 0; item < items_.rows.size(); ++item) {
      items_.row(item)[static_cast<std::size_t>(next_)] = model.item_bias[static_cast<std::size_t>(item)];
    }
    ++next_;
  }

 private:
  FactorTable& users_;
  FactorTable& items_;
  Count next_ = 0;
};

/// Adds the rows of one table, each times what `scale_of` says of it, to those summed so far.
template <class ScaleOf>
SparseRows sum_of(const SparseRows& left, const SparseRows& right, ScaleOf&& scale_of) {
  SparseRows result;
  result.rows = right.rows;
  result.num_columns = right.num_columns;
  for (Count row = 0; row < right.num_rows(); ++row) {
    std::map<Count, double> sums;
    const auto add = [&](const SparseRows& rows, double factor) {
      if (rows.num_rows() == 0) return;
      const auto columns = rows.row_columns(row);
      const auto values = rows.row_values(row);
      for (std::size_t e = 0; e < columns.size(); ++e)
        sums[columns[e]] += factor * static_cast<double>(values[e]);
    };
    add(left, 1.0);
    add(right, scale_of(row));
    for (const auto& [column, value] : sums) {
      result.columns.push_back(column);
      result.values.push_back(static_cast<float>(value));
    }
    result.offsets.push_back(static_cast<Count>(result.columns.size()));
  }
  return result;
}

/// Where the blended columns come from, part by part as Columns fills them, and by user what was done to
/// them.
class Origins {
 public:
  explicit Origins(std::size_t num_users) : scales_(num_users) {}

  void add_factors(const Model& part, Count num_columns, std::span<const double> ratios) {
    const std::size_t count = part.factor_origins.size();
    is_known_ = is_known_ && (num_columns == 0 || count > 0);
    origins_.insert(origins_.end(), part.factor_origins.begin(), part.factor_origins.end());
    for (std::size_t user = 0; user < scales_.size(); ++user) {
      for (std::size_t origin = 0; origin < count; ++origin) {
        const float scale = part.origin_scales.empty() ? 1.0F : part.origin_scales[user * count + origin];
        scales_[user].push_back(static_cast<float>(ratios[user] * static_cast<double>(scale)));
      }
    }
  }
  void add_bias() {
    origins_.push_back({1, ItemBiasOrigin{}});
    for (auto& scales : scales_) scales.push_back(1);
  }
  void give_to(Model& model) const {
    if (!is_known_) return;
    model.factor_origins = origins_;
    for (const auto& scales : scales_)
      model.origin_scales.insert(model.origin_scales.end(), scales.begin(), scales.end());
  }

 private:
  bool is_known_ = true;  // of every part
  std::vector<FactorOrigin> origins_;
  std::vector<std::vector<float>> scales_;  // by user, by origin
};

void check_parts(const Communicator& comm, std::span<const BlendPart> parts, Count num_users) {
  collectively(comm, "checking the blend", [&] {
    if (parts.empty()) throw ConfigError("a blend needs at least one model; give --models");
    for (const BlendPart& part : parts) {
      if (part.model->predicts_ratings) {
        throw ConfigError("a blend is of models that rank; one of --models predicts ratings");
      }
      PUSHCART_CHECK(static_cast<Count>(part.user_weights.size()) == num_users);
    }
  });
  bool any = false;
  for (const BlendPart& part : parts) {
    any =
        any || std::any_of(part.user_weights.begin(), part.user_weights.end(), [](float w) { return w > 0; });
  }
  if (!comm.any(any)) throw ConfigError("no weight of the blend is above 0; give --weights");
}

}  // namespace

Model blend_models(const Communicator& comm, const Dataset& dataset, std::span<const BlendPart> parts) {
  const Range users = dataset.users.range(comm.rank()), items = dataset.items.range(comm.rank());
  check_parts(comm, parts, users.size());
  Model model;
  model.family = "blend";
  model.users = dataset.users;
  model.items = dataset.items;
  model.dataset_digest = dataset.digest;
  model.history = "[]";

  Count num_columns = 0;
  std::vector<bool> has_bias;
  std::vector<Count> part_columns;
  for (const BlendPart& part : parts) {
    has_bias.push_back(comm.any(!part.model->item_bias.empty()));
    part_columns.push_back(comm.allreduce(part.model->item_factors.num_columns, Reduce::max));
    num_columns += part_columns.back() + (has_bias.back() ? 1 : 0);
  }
  if (num_columns > 0) {
    model.user_factors = {users, num_columns,
                          std::vector<float>(static_cast<std::size_t>(users.size() * num_columns))};
    model.item_factors = {items, num_columns,
                          std::vector<float>(static_cast<std::size_t>(items.size() * num_columns))};
  }
  const std::vector<WeightsGo> where = where_weights_go(comm, parts);
  const std::vector<double> lead = lead_weights(comm, parts, where, users.size());
  Columns columns(model.user_factors, model.item_factors);
  Origins origins(lead.size());
  for (std::size_t p = 0; p < parts.size(); ++p) {
    const Model& part = *parts[p].model;
    const std::vector<double> ratios = ratios_to(parts[p], lead);
    if (!part.item_factors.empty()) columns.add_factors(part, ratios);
    origins.add_factors(part, part_columns[p], ratios);
    if (has_bias[p]) {
      columns.add_bias(part, ratios);
      origins.add_bias();
    }
    const auto add_terms = [&](const SparseRows& terms) {
      model.user_items = sum_of(model.user_items.value_or(SparseRows{}), terms,
                                [&](Count user) { return ratios[static_cast<std::size_t>(user)]; });
    };
    if (part.user_items) add_terms(*part.user_items);
    if (where[p] == WeightsGo::to_users) add_terms(terms_of_users(comm, part, dataset));
    if (where[p] != WeightsGo::to_items) continue;
    model.session_profile = part.session_profile;
    const double mean =
        exact_sum(comm, ratios, 1)[0] / static_cast<double>(std::max<Count>(1, dataset.num_users()));
    model.item_weights =
        sum_of(model.item_weights.value_or(SparseRows{}), *part.item_weights, [&](Count) { return mean; });
  }
  origins.give_to(model);
  return model;
}

}  // namespace pushcart
