#include "models/als/exchange_choice.hpp"

#include <algorithm>
#include <limits>

#include "pushcart/base/log.hpp"

namespace pushcart::als {
namespace {

constexpr ExchangeMethod methods[] = {ExchangeMethod::replicate, ExchangeMethod::sparse,
                                      ExchangeMethod::stream};

class Choice {
 public:
  Choice(const AlsConfig& config, Count row_bytes, Count other_bytes, const TakeFigures& take_figures)
      : config_(config),
        row_bytes_(row_bytes),
        room_(config.memory_budget_bytes == 0 ? std::numeric_limits<Count>::max()
                                              : std::max<Count>(0, config.memory_budget_bytes - other_bytes)),
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
      if (!best || candidate.received_bytes < best->received_bytes) best = &candidate;
    }
    return best ? *best : candidates.back();
  }

  void log(const std::vector<ExchangeFigures>& candidates, const ExchangeFigures& chosen) const {
    std::string figures;
    for (const ExchangeFigures& candidate : candidates) {
      figures += fmt::format("{}{} {} received a sweep, {} a rank{}", figures.empty() ? "" : "; ",
                             exchange_method_name(candidate.settings.method),
                             bytes_text(static_cast<double>(candidate.received_bytes)),
                             bytes_text(static_cast<double>(candidate.worst_bytes)),
                             !candidate.is_possible ? " (no room in shared memory)"
                             : !fits(candidate)     ? " (over the budget)"
                                                    : "");
    }
    log_info("exchange: {} ({})", exchange_method_name(chosen.settings.method), figures);
  }

  const AlsConfig& config_;
  const Count row_bytes_, room_;
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

ExchangeFigures choose_method(const AlsConfig& config, Count row_bytes, Count other_bytes,
                              const TakeFigures& take_figures) {
  return Choice(config, row_bytes, other_bytes, take_figures).run();
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
        config, row_bytes, comm.allreduce(other_bytes, Reduce::max),
        [&](const ExchangeSettings& settings) { return figures_of_job(comm, users, items, settings); });
    choice = {chosen.settings, chosen.memory_bytes};
  }
  choice.settings.room = make_exchange_room();
  return choice;
}

}  // namespace pushcart::als
