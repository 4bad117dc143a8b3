#include <algorithm>
#include <cmath>
#include <optional>

#include "models/sessions/settings.hpp"
#include "models/sessions/visits.hpp"
#include "models/similarity/nearest.hpp"
#include "models/similarity/neighbour_matrix.hpp"
#include "pushcart/base/days.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/memory_budget.hpp"
#include "pushcart/matrix/assemble.hpp"
#include "pushcart/matrix/sessions.hpp"
#include "pushcart/models/sessions.hpp"

namespace pushcart {
namespace sessions {
namespace {

/// W is the product of two tables over visits: what was visited, and what is near the visit in its session.
/// So any g(d) is a sum of products, and the engine of similarities does the rest.
struct VisitTables {
  SparseRows visited;  ///< owned visits x items: one entry, v_js times what the session's age leaves of it
  SparseRows near;     ///< owned visits x items: v_is g(d), above 0
};

class Fit {
 public:
  Fit(const Communicator& comm, const Dataset& dataset, const SessionsConfig& config,
      const Weighting& weighting, SessionsReport& report)
      : comm_(comm), dataset_(dataset), config_(config), weighting_(weighting), report_(report) {}

  SparseRows weights(PhaseLog& phases, RowCheckpoints* checkpoints) {
    std::optional<similarity::Product> product;
    {
      const auto timer = phases.time("sessions: prepare", dataset_.by_user.num_entries());
      product = make_product();
    }
    SimilarityConfig best;
    best.k = std::min(config_.neighbours, dataset_.num_items());
    best.block_columns = config_.block_columns;
    best.memory_budget_bytes = config_.memory_budget_bytes;
    // Of candidates: the same product from the other side.
    const bool of_candidates = config_.kept == KeptLists::of_candidates;
    if (of_candidates) std::swap(product->left, product->right);
    SparseRows rows = similarity::matrix_of(similarity::best_of_product(
        comm_, *product, dataset_.items, best, phases, &report_.similarity, checkpoints));
    if (of_candidates) rows = transpose(comm_, rows, dataset_.items, dataset_.num_items());
    return rows;
  }

 private:
  similarity::Product make_product() {
    const Visits visits = collectively(comm_, "cut sessions", [&] {
      return cut_sessions(dataset_, config_.event_weights,
                          session_gap_seconds(config_.profile.gap_minutes, "--session-gap-minutes"));
    });
    report_.num_sessions = comm_.sum(visits.num_sessions());
    report_.num_visits = comm_.sum(static_cast<Count>(visits.visits.size()));
    masses_ = item_masses(visits);
    announce_tables(visits);
    VisitTables tables = collectively(comm_, "collect transitions", [&] { return tables_of(visits); });
    report_.num_transitions = comm_.sum(tables.near.num_entries());
    log_info("{} sessions, {} visits, {} transitions", report_.num_sessions, report_.num_visits,
             report_.num_transitions);
    if (report_.num_transitions == 0) {
      throw ConfigError(
          "--session-gap-minutes: no two items are in a session together; take a longer gap, or log in finer "
          "times");
    }
    similarity::Product product;
    product.left = operand_of(std::move(tables.visited), has_masses(), weighting_.from_exponent);
    product.right = operand_of(std::move(tables.near), has_distances(), weighting_.to_exponent);
    product.num_inner = static_cast<double>(product.left.pattern->num_columns);
    return product;
  }

  bool has_weights() const {
    return std::any_of(config_.event_weights.begin(), config_.event_weights.end(),
                       [](const auto& weight) { return weight.second != 1; });
  }
  /// Whether values of the tables may be other than 1.
  bool has_masses() const { return has_weights() || config_.half_life_days > 0; }
  bool has_distances() const { return has_weights() || weighting_.step_decay < 1 || weighting_.backward < 1; }

  /// 2^(-age/half-life).
  double recency(std::int64_t last_time) const {
    if (config_.half_life_days == 0) return 1;
    return std::exp2(-static_cast<double>(dataset_.cutoff_time - last_time) /
                     (day_seconds * config_.half_life_days));
  }

  double nearness(Count step, Count other) const {
    const Count distance = std::abs(other - step);
    if (distance > config_.max_steps) return 0;
    const double decay =
        std::pow(weighting_.step_decay, static_cast<double>(std::max<Count>(distance, 1) - 1));
    return other < step ? weighting_.backward * decay : decay;
  }

  /// Pairs of visits near enough to be transitions, both ways.
  Count count_near(const Visits& all) const {
    const Count most_steps = weighting_.step_decay > 0 ? config_.max_steps : 1;
    Count num_near = 0;
    std::vector<Count> steps;
    for (Count s = 0; s < all.num_sessions(); ++s) {
      steps.clear();
      for (auto v = all.offsets[static_cast<std::size_t>(s)];
           v < all.offsets[static_cast<std::size_t>(s) + 1]; ++v) {
        steps.push_back(all.visits[static_cast<std::size_t>(v)].step);
      }
      std::sort(steps.begin(), steps.end());
      for (std::size_t first = 0, last = 0; last < steps.size(); ++last) {
        while (steps[last] - steps[first] > most_steps) ++first;
        num_near += 2 * static_cast<Count>(last - first);
      }
    }
    return num_near;
  }

  /// Long sessions have as many transitions as pairs of visits: said before they are made. Collective.
  void announce_tables(const Visits& all) const {
    constexpr Count entry = sizeof(Count) + sizeof(float);
    const auto num_visits = static_cast<Count>(all.visits.size());
    MemoryPlan plan;
    plan.add("visits", num_visits * Count{sizeof(Visit)});
    plan.add("transitions and their visits, as they are made and by item",
             2 * (count_near(all) + num_visits) * entry);
    announce_memory(comm_, "sessions", plan, config_.memory_budget_bytes);
  }

  VisitTables tables_of(const Visits& all) const {
    VisitTables tables;
    for (Count s = 0; s < all.num_sessions(); ++s) {
      const double age = recency(all.last_time[static_cast<std::size_t>(s)]);
      const auto begin = static_cast<std::size_t>(all.offsets[static_cast<std::size_t>(s)]);
      const auto session =
          std::span(all.visits)
              .subspan(begin, static_cast<std::size_t>(all.offsets[static_cast<std::size_t>(s) + 1]) - begin);
      for (const Visit& visit : session) append(visit, age, session, tables);
    }
    return tables;
  }

  /// A visit with nothing near it says nothing.
  void append(const Visit& visit, double age, std::span<const Visit> session, VisitTables& tables) const {
    const Count before = tables.near.num_entries();
    for (const Visit& other : session) {
      if (other.item == visit.item) continue;
      const auto value = static_cast<float>(other.weight * nearness(visit.step, other.step));
      if (!(value > 0)) continue;
      tables.near.columns.push_back(other.item);
      tables.near.values.push_back(value);
    }
    if (tables.near.num_entries() == before) return;
    tables.near.offsets.push_back(tables.near.num_entries());
    tables.visited.columns.push_back(visit.item);
    tables.visited.values.push_back(static_cast<float>(age * visit.weight));
    tables.visited.offsets.push_back(tables.visited.num_entries());
  }

  /// n_j of the owned items.
  std::vector<double> item_masses(const Visits& all) {
    SparseRows squares;
    for (Count s = 0; s < all.num_sessions(); ++s) {
      const double age = recency(all.last_time[static_cast<std::size_t>(s)]);
      for (auto v = static_cast<std::size_t>(all.offsets[static_cast<std::size_t>(s)]);
           v < static_cast<std::size_t>(all.offsets[static_cast<std::size_t>(s) + 1]); ++v) {
        const Visit& visit = all.visits[v];
        squares.columns.push_back(visit.item);
        squares.values.push_back(static_cast<float>(age * visit.weight * visit.weight));
      }
      squares.offsets.push_back(squares.num_entries());
    }
    const SparseRows by_item = to_items(std::move(squares));
    std::vector<double> masses;
    for (Count item = 0; item < by_item.num_rows(); ++item) {
      double sum = 0;
      for (const float value : by_item.row_values(item)) sum += static_cast<double>(value);
      masses.push_back(sum);
    }
    return masses;
  }

  /// Rows of this rank, which come after those of the ranks before, by item.
  SparseRows to_items(SparseRows rows) const {
    const auto num_rows = static_cast<Count>(rows.offsets.size()) - 1;
    const Count first = comm_.exclusive_sum(num_rows);
    rows.rows = {first, first + num_rows};
    rows.num_columns = dataset_.num_items();
    return transpose(comm_, rows, dataset_.items, comm_.sum(num_rows));
  }

  similarity::Operand operand_of(SparseRows by_visit, bool has_values, double exponent) const {
    auto rows = std::make_shared<SparseRows>(to_items(std::move(by_visit)));
    similarity::Operand operand;
    operand.has_values = has_values;
    if (has_values) operand.values = rows->values;
    operand.size.assign(masses_.size(), 1.0);
    for (const double mass : masses_) operand.scale.push_back(mass > 0 ? std::pow(mass, -exponent) : 0);
    operand.pattern = std::move(rows);
    return operand;
  }

  const Communicator& comm_;
  const Dataset& dataset_;
  const SessionsConfig& config_;
  const Weighting& weighting_;
  SessionsReport& report_;
  std::vector<double> masses_;  // n_j of the owned items
};

}  // namespace
}  // namespace sessions

Model train_sessions(const Communicator& comm, const Dataset& dataset, const SessionsConfig& config,
                     PhaseLog& phases, SessionsReport* report, RowCheckpoints* checkpoints) {
  const sessions::Weighting weighting =
      collectively(comm, "checking the settings", [&] { return sessions::resolved(config, dataset); });
  SessionsReport own_report;
  Model model;
  model.item_weights = sessions::Fit(comm, dataset, config, weighting, report ? *report : own_report)
                           .weights(phases, checkpoints);
  model.family = "sessions";
  model.users = dataset.users;
  model.items = dataset.items;
  model.session_profile = config.profile;
  model.dataset_digest = dataset.digest;
  model.history = "[]";
  return model;
}

}  // namespace pushcart
