#include "models/sessions/moment_product.hpp"

#include <algorithm>
#include <cmath>

#include "models/sessions/visits.hpp"
#include "pushcart/base/days.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/memory_budget.hpp"
#include "pushcart/matrix/assemble.hpp"
#include "pushcart/matrix/sessions.hpp"

namespace pushcart::sessions {
namespace {

/// W is the product of two tables over the moments of sessions: what was visited at the moment, and what is
/// near it in its session. So any g(d) is a sum of products, and the engine of similarities does the rest;
/// visits of one time share a moment, so however many there are, each is written once.
struct MomentTables {
  SparseRows visited;  ///< owned moments x items: v_js times what the session's age leaves of it
  SparseRows near;     ///< owned moments x items: v_is g(d), above 0, the moment's own included
  Count num_transitions = 0;
};

/// A session's visits by step, then item.
std::vector<Visit> by_step(std::span<const Visit> session) {
  std::vector<Visit> visits(session.begin(), session.end());
  std::stable_sort(visits.begin(), visits.end(),
                   [](const Visit& a, const Visit& b) { return a.step < b.step; });
  return visits;
}

/// Where the visits of a step, and those near enough to it, begin and end. Both move on with the steps.
struct Moment {
  std::size_t begin = 0, end = 0, near_begin = 0, near_end = 0;

  bool next(std::span<const Visit> visits, Count most_steps) {
    begin = end;
    if (begin == visits.size()) return false;
    const Count step = visits[begin].step;
    while (end < visits.size() && visits[end].step == step) ++end;
    while (step - visits[near_begin].step > most_steps) ++near_begin;
    while (near_end < visits.size() && visits[near_end].step - step <= most_steps) ++near_end;
    return true;
  }
};

class MomentProduct {
 public:
  MomentProduct(const Communicator& comm, const Dataset& dataset, const SessionsConfig& config,
                const Weighting& weighting, SessionsReport& report)
      : comm_(comm), dataset_(dataset), config_(config), weighting_(weighting), report_(report) {}

  similarity::Product product() {
    const Visits visits = collectively(comm_, "cut sessions", [&] {
      return cut_sessions(dataset_, config_.event_weights,
                          session_gap_seconds(config_.profile.gap_minutes, "--session-gap-minutes"));
    });
    report_.num_sessions = comm_.sum(visits.num_sessions());
    report_.num_visits = comm_.sum(static_cast<Count>(visits.visits.size()));
    masses_ = item_masses(visits);
    announce_tables(visits);
    MomentTables tables = collectively(comm_, "collect transitions", [&] { return tables_of(visits); });
    report_.num_transitions = comm_.sum(tables.num_transitions);
    report_.num_entries = comm_.sum(tables.visited.num_entries() + tables.near.num_entries());
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

 private:
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

  /// Steps away from which g(d) is 0.
  Count most_steps() const { return weighting_.step_decay > 0 ? config_.max_steps : 1; }

  std::span<const Visit> session_of(const Visits& all, Count session) const {
    const auto begin = static_cast<std::size_t>(all.offsets[static_cast<std::size_t>(session)]);
    const auto end = static_cast<std::size_t>(all.offsets[static_cast<std::size_t>(session) + 1]);
    return std::span(all.visits).subspan(begin, end - begin);
  }

  /// Entries of both tables at most.
  Count count_entries(const Visits& all) const {
    Count num_entries = 0;
    for (Count s = 0; s < all.num_sessions(); ++s) {
      const auto visits = by_step(session_of(all, s));
      for (Moment moment; moment.next(visits, most_steps());)
        num_entries += static_cast<Count>(moment.end - moment.begin + moment.near_end - moment.near_begin);
    }
    return num_entries;
  }

  /// Sessions of many moments have many entries: said before they are made. Collective.
  void announce_tables(const Visits& all) const {
    constexpr Count entry = sizeof(Count) + sizeof(float);
    MemoryPlan plan;
    plan.add("visits", static_cast<Count>(all.visits.size()) * Count{sizeof(Visit)});
    plan.add("transitions and their visits, as they are made and by item", 2 * count_entries(all) * entry);
    announce_memory(comm_, "sessions", plan, config_.memory_budget_bytes);
  }

  MomentTables tables_of(const Visits& all) const {
    MomentTables tables;
    for (Count s = 0; s < all.num_sessions(); ++s) {
      const double age = recency(all.last_time[static_cast<std::size_t>(s)]);
      const auto visits = by_step(session_of(all, s));
      for (Moment moment; moment.next(visits, most_steps());) append(visits, moment, age, tables);
    }
    return tables;
  }

  /// A moment with nothing near it but its only visit says nothing, nor does one whose visits weigh too
  /// little for a float.
  void append(std::span<const Visit> visits, const Moment& moment, double age, MomentTables& tables) const {
    std::vector<std::pair<Count, float>> near;  // by item, as rows of tables are
    std::size_t num_own = 0;                    // of them, the moment's own
    for (std::size_t v = moment.near_begin; v < moment.near_end; ++v) {
      const auto value =
          static_cast<float>(visits[v].weight * nearness(visits[moment.begin].step, visits[v].step));
      if (!(value > 0)) continue;
      near.emplace_back(visits[v].item, value);
      if (v >= moment.begin && v < moment.end) ++num_own;
    }
    if (num_own == 0 || near.size() == 1) return;
    std::sort(near.begin(), near.end());
    for (const auto& [item, value] : near) {
      tables.near.columns.push_back(item);
      tables.near.values.push_back(value);
    }
    tables.near.offsets.push_back(tables.near.num_entries());
    for (std::size_t v = moment.begin; v < moment.end; ++v) {
      tables.visited.columns.push_back(visits[v].item);
      tables.visited.values.push_back(static_cast<float>(age * visits[v].weight));
    }
    tables.visited.offsets.push_back(tables.visited.num_entries());
    tables.num_transitions += static_cast<Count>(num_own) * static_cast<Count>(near.size() - 1);
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

similarity::Product moment_product(const Communicator& comm, const Dataset& dataset,
                                   const SessionsConfig& config, const Weighting& weighting,
                                   SessionsReport& report) {
  similarity::Product product = MomentProduct(comm, dataset, config, weighting, report).product();
  // Of candidates: the same product from the other side.
  if (config.kept == KeptLists::of_candidates) std::swap(product.left, product.right);
  return product;
}

}  // namespace pushcart::sessions
