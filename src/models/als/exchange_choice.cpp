#include "models/als/exchange_choice.hpp"

#include <algorithm>
#include <limits>

#include "pushcart/base/log.hpp"

namespace pushcart::als {
namespace {

constexpr ExchangeMethod methods[] = {ExchangeMethod::replicate, ExchangeMethod::sparse,
                                      ExchangeMethod::stream};

/// A method's figures over the job.
struct Candidate {
  ExchangeSettings settings;
  Count received_bytes = 0;  // by all ranks in a sweep
  Count memory_bytes = 0;    // on this rank; both sides use the same room, one after the other
  Count worst_bytes = 0;     // on the fullest rank
  bool is_possible = true, fits = true;
};

class Choice {
 public:
  Choice(const Communicator& comm, const ExchangeSide& users, const ExchangeSide& items,
         const AlsConfig& config, Count row_bytes, Count other_bytes)
      : comm_(comm),
        users_(users),
        items_(items),
        config_(config),
        row_bytes_(row_bytes),
        other_bytes_(other_bytes) {
    const Count most = comm.allreduce(other_bytes, Reduce::max);
    room_ = config.memory_budget_bytes == 0 ? std::numeric_limits<Count>::max()
                                            : std::max<Count>(0, config.memory_budget_bytes - most);
  }

  ExchangeChoice run() {
    if (comm_.size() == 1) return {figures(ExchangeMethod::sparse, config_.batch_bytes).settings, 0};
    std::vector<Candidate> candidates;
    for (const ExchangeMethod method : methods) {
      candidates.push_back(method == ExchangeMethod::stream ? stream()
                                                            : figures(method, config_.batch_bytes));
    }
    const Candidate& chosen = choose(candidates);
    log(candidates, chosen);
    return {chosen.settings, chosen.memory_bytes};
  }

 private:
  Candidate figures(ExchangeMethod method, Count batch_bytes) const {
    Candidate candidate;
    candidate.settings.method = method;
    candidate.settings.overlap = config_.exchange_overlap;
    candidate.settings.row_bytes = row_bytes_;
    candidate.settings.batch_bytes = batch_bytes;
    if (method == ExchangeMethod::replicate) {
      candidate.is_possible = FactorExchange::can_replicate(comm_, users_.fixed, row_bytes_) &&
                              FactorExchange::can_replicate(comm_, items_.fixed, row_bytes_);
    }
    for (const ExchangeSide* side : {&users_, &items_}) {
      const ExchangeForecast forecast =
          FactorExchange::forecast(comm_, side->rows, side->fixed, candidate.settings);
      candidate.received_bytes += comm_.sum(forecast.received_bytes);
      candidate.memory_bytes = std::max(candidate.memory_bytes, forecast.memory_bytes);
    }
    candidate.worst_bytes = comm_.allreduce(candidate.memory_bytes, Reduce::max);
    candidate.fits = candidate.worst_bytes <= room_;
    return candidate;
  }

  /// In batches as large as fit.
  Candidate stream() const {
    Count batch_bytes = std::min(config_.batch_bytes, room_);
    Candidate candidate = figures(ExchangeMethod::stream, batch_bytes);
    for (int trial = 0; trial < 8 && !candidate.fits && batch_bytes > 2 * row_bytes_; ++trial) {
      batch_bytes = batch_bytes / 10 * 8;
      candidate = figures(ExchangeMethod::stream, batch_bytes);
    }
    return candidate;
  }

  const Candidate& choose(const std::vector<Candidate>& candidates) const {
    const Candidate* best = nullptr;
    for (const Candidate& candidate : candidates) {
      if (config_.exchange == candidate.settings.method) {
        if (candidate.is_possible) return candidate;
        throw ConfigError(
            "--exchange replicate: the shared memory of a node (/dev/shm) has no room for the factors; give "
            "it "
            "more, or take --exchange sparse");
      }
      if (!candidate.is_possible || !candidate.fits) continue;
      if (!best || candidate.received_bytes < best->received_bytes) best = &candidate;
    }
    return best ? *best : candidates.back();
  }

  void log(const std::vector<Candidate>& candidates, const Candidate& chosen) const {
    std::string figures;
    for (const Candidate& candidate : candidates) {
      figures += fmt::format("{}{} {} received a sweep, {} a rank{}", figures.empty() ? "" : "; ",
                             exchange_method_name(candidate.settings.method),
                             bytes_text(static_cast<double>(candidate.received_bytes)),
                             bytes_text(static_cast<double>(candidate.worst_bytes)),
                             !candidate.is_possible ? " (no room in shared memory)"
                             : !candidate.fits      ? " (over the budget)"
                                                    : "");
    }
    log_info("exchange: {} ({})", exchange_method_name(chosen.settings.method), figures);
  }

  const Communicator& comm_;
  const ExchangeSide &users_, &items_;
  const AlsConfig& config_;
  const Count row_bytes_, other_bytes_;
  Count room_ = 0;
};

}  // namespace

ExchangeChoice choose_exchange(const Communicator& comm, const ExchangeSide& users, const ExchangeSide& items,
                               const AlsConfig& config, Count row_bytes, Count other_bytes) {
  ExchangeChoice choice = Choice(comm, users, items, config, row_bytes, other_bytes).run();
  choice.settings.room = make_exchange_room();
  return choice;
}

}  // namespace pushcart::als
