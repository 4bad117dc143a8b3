#include "pushcart/models/query_items.hpp"
#include "pushcart/matrix/sessions.hpp"

#include <algorithm>
#include <cmath>
#include <compare>
#include <limits>
#include <numeric>
#include <optional>

#include "models/training_rows.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/exact_sum.hpp"
#include "pushcart/comm/memory_budget.hpp"
#include "pushcart/ids/send_by_rank.hpp"

namespace pushcart {

namespace {

/// What a user's search led to.
struct Led {
  Count query = 0, item = 0, user = 0;
  double worth = 0;
  friend auto operator<=>(const Led&, const Led&) = default;
};

struct WorthOfType {
  const EventColumn* column = nullptr;
  double worth = 0;
};

/// The mean strength of a pair by each type; 0 for types without pairs. Collective.
std::vector<double> mean_strengths(const Communicator& comm, const Dataset& dataset) {
  const SparseRows& rows = dataset.by_user;
  const std::size_t num_types = dataset.events.size(), width = 2 * num_types;
  std::vector<double> of_users;  // strengths and pairs by type
  for (Count user = 0; user < rows.num_rows(); ++user) {
    of_users.resize(of_users.size() + width, 0.0);
    double* sums = of_users.data() + of_users.size() - width;
    for (auto entry = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(user)]);
         entry < static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(user) + 1]); ++entry) {
      for (std::size_t type = 0; type < num_types; ++type) {
        const float strength = dataset.events[type].strength[entry];
        if (!(strength > 0)) continue;
        sums[type] += static_cast<double>(strength);
        sums[num_types + type] += 1;
      }
    }
  }
  const auto sums = exact_sum(comm, of_users, width);
  std::vector<double> means;
  for (std::size_t type = 0; type < num_types; ++type) {
    means.push_back(sums[num_types + type] > 0 ? sums[type] / sums[num_types + type] : 0.0);
  }
  return means;
}

/// Only types that count. Collective.
std::vector<WorthOfType> worth_of_types(const Communicator& comm, const Dataset& dataset,
                                        const QueryItemConfig& config) {
  std::vector<WorthOfType> types;
  if (config.event_weights.empty()) {
    const auto means = mean_strengths(comm, dataset);
    for (std::size_t type = 0; type < means.size(); ++type) {
      if (means[type] > 0) types.push_back({&dataset.events[type], means[type]});
    }
    return types;
  }
  return collectively(comm, "choosing events", [&] {
    for (const auto& [type, weight] : config.event_weights) {
      const EventColumn& column = weighted_column(dataset, type, weight);
      if (weight > 0) types.push_back({&column, weight});
    }
    if (types.empty()) throw ConfigError("--event-weight: all weights are 0");
    return types;
  });
}

/// One user's searches and acts.
class UserSearches {
 public:
  UserSearches(const Dataset& dataset, const std::vector<WorthOfType>& types, std::int64_t gap_seconds)
      : dataset_(dataset), searches_(*dataset.searches), types_(types), gap_(gap_seconds) {
    least_ = std::numeric_limits<double>::infinity();
    for (const WorthOfType& type : types) least_ = std::min(least_, type.worth);
    if (types.empty()) least_ = 0;
  }

  /// Appends what the searches of an owned user led to.
  void append(Count user, std::vector<Led>& led) {
    first_ = searches_.offsets[static_cast<std::size_t>(user)];
    end_ = searches_.offsets[static_cast<std::size_t>(user) + 1];
    if (first_ == end_) return;
    user_ = dataset_.by_user.rows.begin + user;
    acts_.clear();
    if (dataset_.cutoff_time != 0) find_acts(user);
    cut_sessions();
    own_found_.assign(static_cast<std::size_t>(end_ - first_), 0);
    for (const Act& act : acts_) {
      const Count search = search_of(act);
      if (search < 0) continue;
      led.push_back({query(search), act.item, user_, act.worth});
      if (act.item == item(search)) own_found_[static_cast<std::size_t>(search - first_)] = 1;
    }
    for (Count search = first_; search < end_; ++search) {
      if (item(search) < 0 || own_found_[static_cast<std::size_t>(search - first_)]) continue;
      led.push_back({query(search), item(search), user_, least_});
    }
  }

 private:
  struct Act {
    std::int64_t time = 0;
    Count item = 0;
    double worth = 0;
    friend auto operator<=>(const Act&, const Act&) = default;
  };

  Count query(Count search) const { return searches_.query[static_cast<std::size_t>(search)]; }
  Count item(Count search) const { return searches_.item[static_cast<std::size_t>(search)]; }
  std::int64_t time(Count search) const { return searches_.time[static_cast<std::size_t>(search)]; }

  void find_acts(Count user) {
    const SparseRows& rows = dataset_.by_user;
    for (auto entry = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(user)]);
         entry < static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(user) + 1]); ++entry) {
      for (const WorthOfType& type : types_) {
        if (type.column->strength[entry] > 0)
          acts_.push_back({type.column->last_time[entry], rows.columns[entry], type.worth});
      }
    }
    std::sort(acts_.begin(), acts_.end());
  }

  /// Where sessions begin.
  void cut_sessions() {
    moments_.clear();
    for (Count search = first_; search < end_; ++search) moments_.push_back(time(search));
    for (const Act& act : acts_) moments_.push_back(act.time);
    std::sort(moments_.begin(), moments_.end());
    begins_.assign(1, moments_.front());
    for (std::size_t n = 1; n < moments_.size(); ++n) {
      if (moments_[n] - moments_[n - 1] > gap_) begins_.push_back(moments_[n]);
    }
  }

  std::int64_t session_begin(std::int64_t moment) const {
    return *std::prev(std::upper_bound(begins_.begin(), begins_.end(), moment));
  }

  /// -1 = none.
  Count search_of(const Act& act) const {
    const auto times = searches_.time.begin();
    const Count after = std::upper_bound(times + first_, times + end_, act.time) - times;
    if (after == first_) return -1;
    for (Count search = after; search-- > first_ && time(search) == act.time;) {
      if (item(search) == act.item) return search;
    }
    const Count latest = after - 1;
    return time(latest) >= session_begin(act.time) ? latest : -1;
  }

  const Dataset& dataset_;
  const Searches& searches_;
  const std::vector<WorthOfType>& types_;
  const std::int64_t gap_;
  double least_ = 0;
  Count user_ = 0, first_ = 0, end_ = 0;
  std::vector<Act> acts_;
  std::vector<std::int64_t> moments_, begins_;
  std::vector<std::uint8_t> own_found_;
};

/// How much searches led to, by the rank that owns the query. Local.
std::vector<Count> led_by_owner(const Dataset& dataset, const Partition& queries, UserSearches& searches) {
  std::vector<Count> counts(static_cast<std::size_t>(queries.num_ranks()), 0);
  std::vector<Led> led;
  for (Count user = 0; user < dataset.by_user.num_rows(); ++user) {
    led.clear();
    searches.append(user, led);
    for (const Led& one : led) ++counts[static_cast<std::size_t>(queries.owner(one.query))];
  }
  return counts;
}

/// Refuses what would not fit before it is there. Collective.
void announce(const Communicator& comm, Count num_led, std::vector<Count> by_owner, Count num_queries,
              Count budget_bytes) {
  comm.allreduce(std::span<Count>(by_owner), Reduce::sum);
  const Count num_brought = by_owner[static_cast<std::size_t>(comm.rank())];
  MemoryPlan plan;
  plan.add("what searches led to", num_led * Count{sizeof(Led)});
  plan.add("the same on its way to queries", num_led * Count{sizeof(Led) + sizeof(int) + sizeof(Count)});
  plan.add("what queries led to", num_brought * Count{sizeof(Led)});
  plan.add("query-item weights",
           num_brought * Count{sizeof(Count) + sizeof(float)} + num_queries * Count{sizeof(Count)});
  announce_memory(comm, "query-item weights", plan, budget_bytes);
}

std::vector<Led> brought_to_owners(const Communicator& comm, const std::vector<Led>& led,
                                   const Partition& queries) {
  std::vector<int> owners;
  owners.reserve(led.size());
  for (const Led& one : led) owners.push_back(queries.owner(one.query));
  return exchange_grouped<Led>(comm, led, order_by_rank(owners, comm.size())).data;
}

/// Sums in the order of users.
SparseRows summed(std::vector<Led> led, Range rows, Count num_items) {
  std::sort(led.begin(), led.end());
  SparseRows result;
  result.rows = rows;
  result.num_columns = num_items;
  auto next = led.begin();
  for (Count query = rows.begin; query < rows.end; ++query) {
    while (next != led.end() && next->query == query) {
      const Count item = next->item;
      double sum = 0;
      for (; next != led.end() && next->query == query && next->item == item; ++next) sum += next->worth;
      if (!(static_cast<float>(sum) > 0)) continue;
      result.columns.push_back(item);
      result.values.push_back(static_cast<float>(sum));
    }
    result.offsets.push_back(result.num_entries());
  }
  return result;
}

}  // namespace

SparseRows query_items(const Communicator& comm, const Dataset& dataset, const QueryItemConfig& config) {
  const std::int64_t gap = session_gap_seconds(config.session_gap_minutes, "--session-gap-minutes");
  const auto types = worth_of_types(comm, dataset, config);
  if (!dataset.searches) return {{0, 0}, dataset.num_items(), {0}, {}, {}};
  UserSearches searches(dataset, types, gap);
  const Partition& queries = dataset.searches->queries;
  // Counted first, so that it is known to fit.
  const std::vector<Count> by_owner = led_by_owner(dataset, queries, searches);
  const Count num_led = std::accumulate(by_owner.begin(), by_owner.end(), Count{0});
  announce(comm, num_led, by_owner, queries.range(comm.rank()).size(), config.memory_budget_bytes);
  std::vector<Led> led;
  led.reserve(static_cast<std::size_t>(num_led));
  for (Count user = 0; user < dataset.by_user.num_rows(); ++user) searches.append(user, led);
  return summed(brought_to_owners(comm, led, queries), queries.range(comm.rank()), dataset.num_items());
}

}  // namespace pushcart
