#include "models/als/exchange_choice.hpp"

#include <algorithm>
#include <limits>

#include "models/als/half_sweep_plan.hpp"
#include "pushcart/base/log.hpp"

namespace pushcart::als {
namespace {

constexpr ExchangeMethod methods[] = {ExchangeMethod::replicate, ExchangeMethod::sparse,
                                      ExchangeMethod::stream};

/// Memory that ranks share has pages of 4 KiB, private memory of 2 MiB: gathering from it takes an eighth
/// longer (measured: 12 to 22 % of ALS at k = 128), as long as receiving an eighth of what is gathered. Where ranks
/// take rows from each other, none waits for a slower one, which saves more (docs/speed.md).
constexpr Count shared_reads_a_loss = 8;

class Choice {
 public:
  Choice(const AlsConfig& config, const ExchangeTask& task, const TakeFigures& take_figures)
      : config_(config),
        row_bytes_(task.row_bytes),
        paging_bytes_(task.shares_rows ? 0 : task.num_gathered * task.row_bytes / shared_reads_a_loss),
        room_(config.memory_budget_bytes == 0
                  ? std::numeric_limits<Count>::max()
                  : std::max<Count>(0, config.memory_budget_bytes - task.other_bytes)),
        take_figures_(take_figures) {}

  ExchangeFigures run() const {
    std::vector<ExchangeFigures> candidates;
    for (const ExchangeMethod method : methods) {
      candidates.push_back(
          method == ExchangeMethod::stream ? stream() : take_figures_(settings(method, config_.batch_bytes)));
    }
    const ExchangeFigures& chosen = choose(candidates);
    log(candidates, chosen);
    return chosen;
  }

 private:
  ExchangeSettings settings(ExchangeMethod method, Count batch_bytes) const {
    ExchangeSettings settings;
    settings.method = method;
    settings.overlap = config_.exchange_overlap;
    settings.row_bytes = row_bytes_;
    settings.batch_bytes = batch_bytes;
    return settings;
  }

  bool fits(const ExchangeFigures& figures) const { return figures.worst_bytes <= room_; }

  /// In batches as large as fit.
  ExchangeFigures stream() const {
    Count batch_bytes = std::min(config_.batch_bytes, room_);
    ExchangeFigures figures = take_figures_(settings(ExchangeMethod::stream, batch_bytes));
    for (int trial = 0; trial < 8 && !fits(figures) && batch_bytes > 2 * row_bytes_; ++trial) {
      batch_bytes = batch_bytes / 10 * 8;
      figures = take_figures_(settings(ExchangeMethod::stream, batch_bytes));
    }
    return figures;
  }

  const ExchangeFigures& choose(const std::vector<ExchangeFigures>& candidates) const {
    const ExchangeFigures* best = nullptr;
    for (const ExchangeFigures& candidate : candidates) {
      if (config_.exchange == candidate.settings.method) {
        if (candidate.is_possible) return candidate;
        throw ConfigError(
            "--exchange replicate: the shared memory of a node (/dev/shm) has no room for the factors; give "
            "it more, or take --exchange sparse");
      }
      if (!candidate.is_possible || !fits(candidate)) continue;
      if (!best || burden(candidate) < burden(*best)) best = &candidate;
    }
    return best ? *best : candidates.back();
  }

  /// Bytes whose transfer would take as long as all that the method takes.
  Count burden(const ExchangeFigures& figures) const {
    return figures.received_bytes +
           (figures.settings.method == ExchangeMethod::replicate ? paging_bytes_ : 0);
  }

  void log(const std::vector<ExchangeFigures>& candidates, const ExchangeFigures& chosen) const {
    std::string figures;
    for (const ExchangeFigures& candidate : candidates) {
      figures += fmt::format(
          "{}{} {} received{} a sweep, {} a rank{}", figures.empty() ? "" : "; ",
          exchange_method_name(candidate.settings.method),
          bytes_text(static_cast<double>(candidate.received_bytes)),
          candidate.settings.method == ExchangeMethod::replicate && paging_bytes_ > 0
              ? fmt::format(" and {} lost to small pages", bytes_text(static_cast<double>(paging_bytes_)))
              : "",
          bytes_text(static_cast<double>(candidate.worst_bytes)),
          !candidate.is_possible ? " (no room in shared memory)"
          : !fits(candidate)     ? " (over the budget)"
                                 : "");
    }
    log_info("exchange: {} ({})", exchange_method_name(chosen.settings.method), figures);
  }

  const AlsConfig& config_;
  const Count row_bytes_, paging_bytes_, room_;
  const TakeFigures& take_figures_;
};

ExchangeFigures figures_of_job(const Communicator& comm, const ExchangeSide& users, const ExchangeSide& items,
                               const ExchangeSettings& settings) {
  ExchangeFigures figures;
  figures.settings = settings;
  for (const ExchangeSide* side : {&users, &items}) {
    if (settings.method == ExchangeMethod::replicate) {
      figures.is_possible =
          figures.is_possible && FactorExchange::can_replicate(comm, side->fixed, settings.row_bytes);
    }
    const ExchangeForecast forecast = FactorExchange::forecast(comm, side->rows, side->fixed, settings);
    figures.received_bytes += comm.sum(forecast.received_bytes);
    figures.memory_bytes = std::max(figures.memory_bytes, forecast.memory_bytes);
  }
  figures.worst_bytes = comm.allreduce(figures.memory_bytes, Reduce::max);
  return figures;
}

}  // namespace

ExchangeFigures choose_method(const AlsConfig& config, const ExchangeTask& task,
                              const TakeFigures& take_figures) {
  return Choice(config, task, take_figures).run();
}

ExchangeChoice choose_exchange(const Communicator& comm, const ExchangeSide& users, const ExchangeSide& items,
                               const AlsConfig& config, Count row_bytes, Count other_bytes) {
  ExchangeChoice choice;
  if (comm.size() == 1) {
    choice.settings = {.method = ExchangeMethod::sparse,
                       .overlap = config.exchange_overlap,
                       .row_bytes = row_bytes,
                       .batch_bytes = config.batch_bytes};
  } else {
    const ExchangeFigures chosen = choose_method(
        config,
        {row_bytes, comm.sum(users.rows.num_own_entries() + items.rows.num_own_entries()),
         comm.allreduce(other_bytes, Reduce::max),
         training_settings(config).sharing.part > 0 && comm.allreduce(comm.ranks_on_node(), Reduce::max) > 1},
        [&](const ExchangeSettings& settings) { return figures_of_job(comm, users, items, settings); });
    choice = {chosen.settings, chosen.memory_bytes};
  }
  choice.settings.room = make_exchange_room();
  return choice;
}

}  // namespace pushcart::als
