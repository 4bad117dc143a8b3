#include <algorithm>
#include <numeric>

#include "models/als/attribute_side.hpp"
#include "models/als/exchange_choice.hpp"
#include "models/als/half_sweep.hpp"
#include "models/als/memory.hpp"
#include "models/als/prior_means.hpp"
#include "models/als/training_data.hpp"
#include "pushcart/matrix/exchange_forecast.hpp"
#include "pushcart/models/als_plan.hpp"

namespace pushcart {
namespace als {
namespace {

/// What both kinds of plans are made of: one side on one rank.
struct PlannedSide {
  Count fixed_rows = 0;  // owned
  Count gathered = 0, start_rows = 0;
};

/// Figures of an exchange from what each rank fetches.
class JobExchange {
 public:
  /// What a rank fetches of one side's fixed rows, with these settings.
  using CountRows = std::function<FetchedRows(std::size_t rank, const ExchangeSettings& settings)>;
  struct Side {
    std::vector<Count> owned;  // of the fixed side, by rank
    CountRows count_rows;
  };

  JobExchange(std::array<Side, 2> sides, const PlannedNodes& nodes)
      : sides_(std::move(sides)), nodes_(nodes) {}

  std::size_t num_ranks() const { return sides_[0].owned.size(); }

  /// By rank, for one side.
  std::vector<ExchangeForecast> forecasts(const Side& side, const ExchangeSettings& settings) const {
    std::vector<ExchangeForecast> result;
    const Count num_rows = std::accumulate(side.owned.begin(), side.owned.end(), Count{0});
    if (settings.method == ExchangeMethod::replicate) {
      for (std::size_t rank = 0; rank < num_ranks(); ++rank) {
        result.push_back(forecast_replicating(num_rows, place_of(side, rank), settings.row_bytes));
      }
      return result;
    }
    std::vector<FetchedRows> fetched;
    Count all_fetched = 0;
    for (std::size_t rank = 0; rank < num_ranks(); ++rank) {
      fetched.push_back(side.count_rows(rank, settings));
      all_fetched += fetched.back().fetched;
    }
    for (const FetchedRows& rows : fetched) {
      result.push_back(forecast_fetching(rows, all_fetched / static_cast<Count>(num_ranks()), settings));
    }
    return result;
  }

  /// By rank, for both sides: received in a sweep, held at once.
  std::vector<ExchangeForecast> forecasts(const ExchangeSettings& settings) const {
    std::vector<ExchangeForecast> result(num_ranks());
    for (const Side& side : sides_) {
      const auto of_side = forecasts(side, settings);
      for (std::size_t rank = 0; rank < num_ranks(); ++rank) {
        result[rank].received_bytes += of_side[rank].received_bytes;
        result[rank].memory_bytes = std::max(result[rank].memory_bytes, of_side[rank].memory_bytes);
      }
    }
    return result;
  }

  ExchangeFigures figures(const ExchangeSettings& settings) const {
    ExchangeFigures figures;
    figures.settings = settings;
    for (const ExchangeForecast& forecast : forecasts(settings)) {
      figures.received_bytes += forecast.received_bytes;
      figures.worst_bytes = std::max(figures.worst_bytes, forecast.memory_bytes);
    }
    if (settings.method != ExchangeMethod::replicate) return figures;
    for (const Side& side : sides_) {
      const Count num_rows = std::accumulate(side.owned.begin(), side.owned.end(), Count{0});
      figures.is_possible =
          figures.is_possible && has_room_to_replicate(num_rows, settings.row_bytes, nodes_.shared_bytes);
    }
    return figures;
  }

  Count shared_room() const { return nodes_.shared_bytes; }
  /// The ranks that share memory with one, itself among them.
  Range node_of(std::size_t rank) const {
    const Count per_node = nodes_.ranks_per_node, begin = static_cast<Count>(rank) / per_node * per_node;
    return {begin, std::min(static_cast<Count>(num_ranks()), begin + per_node)};
  }

  /// Of the longer side, which is what a node shares.
  Count shared_bytes(const ExchangeSettings& settings) const {
    if (settings.method != ExchangeMethod::replicate) return 0;
    Count rows = 0;
    for (const Side& side : sides_)
      rows = std::max(rows, std::accumulate(side.owned.begin(), side.owned.end(), Count{0}));
    return rows * settings.row_bytes;
  }

 private:
  NodePlace place_of(const Side& side, std::size_t rank) const {
    const Range node = node_of(rank);
    return {
        std::accumulate(side.owned.begin() + node.begin, side.owned.begin() + node.end, Count{0}),
        node.size(), static_cast<Count>(rank) == node.begin};
  }

  std::array<Side, 2> sides_;
  const PlannedNodes nodes_;
};

Count row_bytes_of(const AlsConfig& config) {
  return stored_width(config.gather_precision, config.k) * Count{sizeof(float)};
}

/// What a rank would share of its rows with its node, in bytes.
using CountShared = std::function<Count(std::size_t rank)>;

/// Adds the rows that ranks share to the plans of all, if all have memory for them, as plan_sharing() of a
/// training. @param forecasts  of the exchange, by rank
void add_sharing(const JobExchange& job, const std::vector<ExchangeForecast>& forecasts, Count table_bytes,
                 const CountShared& count_shared, const AlsConfig& config, AlsPlan& plan) {
  std::vector<SharingTask> tasks(plan.ranks.size());
  bool has_room = true;
  for (std::size_t rank = 0; rank < tasks.size(); ++rank) {
    const Range node = job.node_of(rank);
    SharingTask& task = tasks[rank];
    task.rank_bytes = node.size() > 1 ? count_shared(rank) : 0;
    task.table_bytes = table_bytes;
    task.other_bytes = plan.ranks[rank].memory.total_bytes() + forecasts[rank].memory_bytes;
    for (Count on_node = node.begin; on_node < node.end; ++on_node)
      task.node_bytes += node.size() > 1 ? count_shared(static_cast<std::size_t>(on_node)) : 0;
    has_room = has_room && has_room_to_share(task, config.memory_budget_bytes, job.shared_room());
  }
  for (std::size_t rank = 0; rank < tasks.size(); ++rank) {
    AlsRankPlan& of_rank = plan.ranks[rank];
    of_rank.memory.add("rows shared with the node", has_room ? tasks[rank].rank_bytes : 0);
    if (has_room) of_rank.shared_bytes += tasks[rank].node_bytes - tasks[rank].rank_bytes;
  }
}

/// Adds the exchange to the plans of all ranks. @return what was chosen
/// @param num_gathered  rows gathered by all ranks in a sweep
ExchangeSettings add_exchange(const JobExchange& job, Count num_gathered, const CountShared& count_shared,
                              const AlsConfig& config, AlsPlan& plan) {
  if (plan.ranks.size() == 1) {
    plan.ranks.front().memory.add("rows of other ranks", 0);
    return {};
  }
  Count fullest = 0;
  for (const AlsRankPlan& rank : plan.ranks) fullest = std::max(fullest, rank.memory.total_bytes());
  const ExchangeFigures chosen =
      choose_method(config,
                    {row_bytes_of(config), num_gathered, fullest,
                     training_settings(config).sharing.part > 0 && job.node_of(0).size() > 1},
                    [&](const ExchangeSettings& settings) { return job.figures(settings); });
  plan.exchange = chosen.settings.method;
  const auto forecasts = job.forecasts(chosen.settings);
  if (plan.exchange == ExchangeMethod::replicate)
    add_sharing(job, forecasts, job.shared_bytes(chosen.settings), count_shared, config, plan);
  for (std::size_t rank = 0; rank < plan.ranks.size(); ++rank) {
    plan.ranks[rank].memory.add("rows of other ranks", forecasts[rank].memory_bytes);
    plan.ranks[rank].shared_bytes += job.shared_bytes(chosen.settings);
    plan.ranks[rank].received_bytes += forecasts[rank].received_bytes;
  }
  return chosen.settings;
}

HalfSweepWork floor_of(std::span<const PlannedSide> sides, const HalfSweepSettings& settings) {
  HalfSweepWork sum;
  for (const PlannedSide& side : sides) {
    const HalfSweepWork work =
        half_sweep_work(side.fixed_rows, side.fixed_rows + side.start_rows, side.gathered, settings);
    sum.product_flops += work.product_flops;
    sum.gathered_bytes += work.gathered_bytes;
  }
  return sum;
}

std::vector<Count> owned_rows(const Partition& partition) {
  std::vector<Count> owned;
  for (int rank = 0; rank < partition.num_ranks(); ++rank) owned.push_back(partition.range(rank).size());
  return owned;
}

/// Entries worked on by a rank, each of which has a row gathered for it.
Count gathered_rows(const WorkRows& rows) {
  Count gathered = 0;
  for (Count row = 0; row < rows.num_rows(); ++row) {
    if (rows.is_here(row)) gathered += rows.row_length(row);
  }
  return gathered;
}

/// A training of a data set that is there, cut for the ranks of a job.
class PartsPlan {
 public:
  PartsPlan(std::span<const Dataset> parts, const AlsConfig& config, const PlannedNodes& nodes,
            const MappedValues& mapped)
      : parts_(parts),
        config_(config),
        nodes_(nodes),
        mapped_(mapped),
        objective_(resolve_objective(config, parts.front().value_kind)),
        settings_(training_settings(config)) {
    for (const Dataset& part : parts) {
      for (auto [side, rows] : {std::pair{&by_user_, &part.by_user}, std::pair{&by_item_, &part.by_item}}) {
        side->emplace_back(*rows, objective_, transformed_values(*rows, config.transform));
      }
    }
  }

  AlsPlan run() {
    share(config_.exchange == ExchangeMethod::stream ? HeavyBlocks::at_column_owner : HeavyBlocks::anywhere);
    AlsPlan plan = make();
    if (plan.exchange == ExchangeMethod::stream && config_.exchange != ExchangeMethod::stream) {
      share(HeavyBlocks::at_column_owner);
      AlsConfig streaming = config_;
      streaming.exchange = ExchangeMethod::stream;
      plan = make(streaming);
    }
    return plan;
  }

 private:
  void share(HeavyBlocks blocks) {
    users_ = share_half_sweep_of_all(by_user_, parts_.front().items, settings_, blocks);
    items_ = share_half_sweep_of_all(by_item_, parts_.front().users, settings_, blocks);
  }

  AlsPlan make() const { return make(config_); }
  AlsPlan make(const AlsConfig& config) const {
    AlsPlan plan;
    for (std::size_t rank = 0; rank < parts_.size(); ++rank) plan.ranks.push_back(rank_plan(rank));
    plan.num_heavy_rows = users_.front().num_heavy + items_.front().num_heavy;
    plan.num_lent_rows = users_.front().num_lent + items_.front().num_lent;
    Count num_gathered = 0;
    for (const Dataset& part : parts_)
      num_gathered += part.by_user.num_entries() + part.by_item.num_entries();
    add_exchange(
        JobExchange({side(users_, parts_.front().items), side(items_, parts_.front().users)}, nodes_),
        num_gathered,
        [&](std::size_t rank) { return shared_rows_bytes(users_[rank], items_[rank], settings_); }, config,
        plan);
    return plan;
  }

  static JobExchange::Side side(const std::vector<WorkShares>& shares, const Partition& fixed) {
    return {owned_rows(fixed), [&shares, &fixed](std::size_t rank, const ExchangeSettings& settings) {
              return count_fetched_rows(shares[rank].rows, fixed.range(static_cast<int>(rank)), settings);
            }};
  }

  AlsRankPlan rank_plan(std::size_t rank) const {
    const int number = static_cast<int>(rank);
    const Dataset& part = parts_[rank];
    AlsRankPlan plan;
    std::vector<PlannedSide> sides;
    plan.memory = plan_memory(sizes_of(part, settings_, number, users_[rank], items_[rank], mapped_), config_,
                              objective_);
    const bool is_joint = config_.attribute_map == AttributeFit::joint;
    for (const auto& [shares, rows, solved, fixed, has_means] :
         {std::tuple{&users_[rank], &part.by_user, &part.users, &part.items, is_joint && mapped_.users},
          std::tuple{&items_[rank], &part.by_item, &part.items, &part.users, is_joint && mapped_.items}}) {
      PlannedSide& side = sides.emplace_back();
      side.fixed_rows = fixed->range(number).size();
      side.gathered = gathered_rows(shares->rows);
      side.start_rows = num_start_rows(granules_with_gradients(*rows, solved->num_rows(), settings_),
                                       solved->num_rows(), rows->num_rows());
      plan.solving_work += shares->predicted_work[rank];
      plan.received_bytes += LentRows::planned(*shares, config_.k).received_bytes;
      if (has_means) plan.received_bytes += PriorMeans::planned(*shares, config_.k).received_bytes;
      plan.heavy_received_bytes +=
          HeavyRows::expected_bytes(*shares, heavy_method_of(settings_), number, config_.k);
    }
    plan.floor = floor_of(sides, settings_);
    return plan;
  }

  const std::span<const Dataset> parts_;
  const AlsConfig& config_;
  const PlannedNodes nodes_;
  const MappedValues mapped_;
  const AlsObjective objective_;
  const HalfSweepSettings settings_;
  std::vector<ObservedRows> by_user_, by_item_;
  std::vector<WorkShares> users_, items_;
};

JobExchange::Side expected_side(std::span<const ExpectedPart> parts, ExpectedSide ExpectedPart::*solved,
                                ExpectedSide ExpectedPart::*fixed) {
  JobExchange::Side side;
  for (const ExpectedPart& part : parts) side.owned.push_back((part.*fixed).rows);
  side.count_rows = [parts, solved](std::size_t rank, const ExchangeSettings& settings) {
    return fetched_rows_of((parts[rank].*solved).remote_columns, settings);
  };
  return side;
}

/// As if the rows that a rank shares had as many entries for their work as all have.
Count expected_shared_bytes(const ExpectedPart& part, const HalfSweepSettings& settings) {
  const double rows = static_cast<double>(part.users.rows + part.items.rows);
  const double entries = static_cast<double>(part.users.entries + part.items.entries);
  const double row_bytes = static_cast<double>(settings.k) * sizeof(float) + sizeof(RowOutcome) + sizeof(Count);
  return static_cast<Count>(settings.sharing.part * (rows * row_bytes + 3 * sizeof(float) * entries));
}

}  // namespace
}  // namespace als

MappedValues mapped_values(const Communicator& alone, const Dataset& whole, const AlsConfig& config) {
  const AttributeConfig& wanted = config.attributes;
  als::check_attributes(wanted);
  MappedValues mapped;
  if (!wanted.users.empty()) {
    const als::AttributeSide side(alone, whole.user_attributes, wanted.users, wanted, "--user-attributes",
                                  whole.by_user, whole.num_users());
    mapped.users = side.num_values();
  }
  if (!wanted.items.empty()) {
    const als::AttributeSide side(alone, whole.item_attributes, wanted.items, wanted, "--item-attributes",
                                  whole.by_item, whole.num_items());
    mapped.items = side.num_values();
  }
  return mapped;
}

AlsPlan plan_als(std::span<const Dataset> parts, const AlsConfig& config, const PlannedNodes& nodes,
                 const MappedValues& mapped) {
  PUSHCART_CHECK(!parts.empty());
  return als::PartsPlan(parts, config, nodes, mapped).run();
}

AlsPlan plan_als(std::span<const ExpectedPart> parts, ValueKind value_kind, const AlsConfig& config,
                 const PlannedNodes& nodes) {
  PUSHCART_CHECK(!parts.empty());
  const AlsObjective objective = resolve_objective(config, value_kind);
  const als::HalfSweepSettings settings = als::training_settings(config);
  Count num_users = 0, num_items = 0;
  for (const ExpectedPart& part : parts) {
    num_users += part.users.rows;
    num_items += part.items.rows;
  }
  AlsPlan plan;
  Count num_gathered = 0;
  for (const ExpectedPart& part : parts) {
    num_gathered += part.users.entries + part.items.entries;
    als::TrainingSizes sizes;
    sizes.users = part.users.rows;
    sizes.items = part.items.rows;
    sizes.entries = part.users.entries + part.items.entries;
    sizes.longest_row = std::max(part.users.longest_row, part.items.longest_row);
    sizes.granule = std::max(Partition::granule(num_users), Partition::granule(num_items));
    AlsRankPlan rank;
    rank.memory = plan_memory(sizes, config, objective);
    const als::PlannedSide sides[] = {{part.items.rows, part.users.entries, part.users.start_rows},
                                      {part.users.rows, part.items.entries, part.items.start_rows}};
    rank.floor = als::floor_of(sides, settings);
    rank.solving_work = part.users.solving_work + part.items.solving_work;
    plan.ranks.push_back(std::move(rank));
  }
  als::add_exchange(als::JobExchange({als::expected_side(parts, &ExpectedPart::users, &ExpectedPart::items),
                                      als::expected_side(parts, &ExpectedPart::items, &ExpectedPart::users)},
                                     nodes),
                    num_gathered,
                    [&](std::size_t rank) { return als::expected_shared_bytes(parts[rank], settings); }, config,
                    plan);
  return plan;
}

AlsRowCost cost_of_als_row(const AlsConfig& config, Count row_length) {
  if (row_length == 0) return {};
  const als::RowMethod method = als::method_of_row(config.solver, row_length, config.k);
  return {als::work_of_row(method, row_length, config.k) + als::work_of_start(method, config.k),
          method == als::RowMethod::gradients};
}

}  // namespace pushcart
