#include "pushcart/models/spectral.hpp"

#include <fmt/core.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "models/als/dense.hpp"
#include "models/linear/cut_rows.hpp"
#include "models/linear/product_rows.hpp"
#include "models/linear/spectral_plan.hpp"
#include "models/linear/subspace.hpp"
#include "models/linear/training_values.hpp"
#include "pushcart/base/dump_json.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/memory_budget.hpp"

namespace pushcart {
namespace linear {
namespace {

/// q of SpectralConfig.
double sharpening(double time, double lambda) {
  const double x = time * lambda;
  return 1 - x + x * x / 2 - x * x * x / 6 + x * x * x * x / 24;
}

std::string settings_text(const SpectralConfig& config, const SpectralFilter& filter) {
  const nlohmann::json settings = {{"family", "spectral"},
                                   {"preset", spectral_preset_name(config.preset)},
                                   {"k", config.k},
                                   {"user_exponent", filter.user_exponent},
                                   {"item_exponent", filter.item_exponent},
                                   {"sparse_weight", filter.sparse_weight},
                                   {"neighbours", config.neighbours},
                                   {"low_pass", low_pass_name(config.low_pass)},
                                   {"low_pass_weight", filter.low_pass_weight},
                                   {"low_pass_exponent", filter.low_pass_exponent},
                                   {"sharpening_time", filter.sharpening_time},
                                   {"polynomial", filter.polynomial},
                                   {"event_weights", config.event_weights},
                                   {"tolerance", config.tolerance},
                                   {"max_rounds", config.max_rounds},
                                   {"seed", config.seed}};
  return dump_json(settings);
}

/// One low-rank term r Di^-s V diag(gains) V' Di^s: its columns of both factor tables.
struct LowRankTerm {
  std::vector<double> gains;
  double exponent = 0;
};

class Fit {
 public:
  Fit(const Communicator& comm, const Dataset& dataset, const SpectralConfig& config,
      const SpectralFilter& filter, const TrainingRows& rows, PhaseLog& phases, StepCheckpoints* checkpoints)
      : comm_(comm),
        dataset_(dataset),
        config_(config),
        filter_(filter),
        phases_(phases),
        checkpoints_(checkpoints),
        matrix_(comm, rows, dataset.users, dataset.items, {filter.user_exponent, filter.item_exponent},
                block_width(config.k, dataset.num_users(), dataset.num_items()), config.batch_bytes) {}

  SpectralResult run() {
    start_model();
    find_vectors();
    add_factors();
    if (filter_.sparse_weight > 0) add_weights();
    report_.received_bytes += matrix_.received_bytes();
    return {std::move(model_), std::move(report_)};
  }

 private:
  void start_model() {
    model_.family = "spectral";
    model_.users = dataset_.users;
    model_.items = dataset_.items;
    model_.dataset_digest = dataset_.digest;
    model_.config = settings_text(config_, filter_);
  }

  void find_vectors() {
    const SubspaceSettings settings{config_.k, config_.tolerance, config_.max_rounds, config_.seed};
    vectors_ = leading_vectors(matrix_, dataset_.item_ids, settings, phases_, checkpoints_);
    report_.worst_residual = vectors_.worst_residual;
    report_.rounds = vectors_.rounds;
    report_.products = vectors_.products;
    for (const double value : vectors_.eigenvalues) report_.singular_values.push_back(std::sqrt(value));
    log_info(
        "singular values {:.6g} to {:.6g}: {} rounds, {} products, largest residual {:.2g} of its eigenvalue",
        report_.singular_values.front(), report_.singular_values.back(), report_.rounds, report_.products,
        report_.worst_residual);
    if (report_.worst_residual > config_.tolerance) {
      log_warning("the singular vectors have not reached --tolerance {} in {} rounds; raise --max-rounds",
                  config_.tolerance, report_.rounds);
    }
    model_.history = nlohmann::json{{{"rounds", report_.rounds},
                                     {"worst_residual", report_.worst_residual},
                                     {"singular_values", report_.singular_values}}}
                         .dump();
    // All zero only if the data is: then any scale will do.
    scale_ = vectors_.eigenvalues.front() > 0 ? 1 / vectors_.eigenvalues.front() : 1;
  }

  /// What V' V-like terms the filter has.
  std::vector<LowRankTerm> low_rank_terms() const {
    LowRankTerm plain, low_pass{{}, filter_.low_pass_exponent};
    for (const double eigenvalue : vectors_.eigenvalues) {
      const double lambda = eigenvalue * scale_;
      const double q = sharpening(filter_.sharpening_time, lambda);
      double gain = filter_.sharpening_time > 0 ? lambda * (q - filter_.sparse_weight) : 0, power = 1;
      for (const double factor : filter_.polynomial) gain += factor * (power *= lambda);
      plain.gains.push_back(gain);
      low_pass.gains.push_back(filter_.low_pass_weight * q *
                               (config_.low_pass == LowPass::linear ? lambda : 1));
    }
    std::vector<LowRankTerm> terms;
    const bool merge = low_pass.exponent == 0;
    if (merge) {
      for (std::size_t n = 0; n < plain.gains.size(); ++n) plain.gains[n] += low_pass.gains[n];
    }
    const auto is_there = [](const LowRankTerm& term) {
      return std::ranges::any_of(term.gains, [](double gain) { return gain != 0; });
    };
    if (is_there(plain)) terms.push_back(plain);
    if (!merge && is_there(low_pass)) terms.push_back(low_pass);
    return terms;
  }

  void note_origin(const std::vector<LowRankTerm>& terms) {
    LinearOrigin origin{{}, {}, config_.event_weights};
    for (const LowRankTerm& term : terms) {
      origin.gains.insert(origin.gains.end(), term.gains.begin(), term.gains.end());
      origin.exponents.insert(origin.exponents.end(), term.gains.size(), term.exponent);
    }
    const auto num_columns = static_cast<Count>(origin.gains.size());
    model_.factor_origins = {{num_columns, std::move(origin)}};
  }

  void add_factors() {
    const auto timer = phases_.time("spectral: factors", matrix_.by_user().num_rows());
    const auto terms = low_rank_terms();
    const Count k = config_.k, width = k * static_cast<Count>(terms.size());
    if (terms.empty()) return;
    note_origin(terms);
    model_.user_factors = matrix_.make_user_table(width);
    model_.item_factors = matrix_.make_item_table(width);
    const auto descending = inverse_powers(matrix_.item_degrees(), filter_.item_exponent);
    FactorTable mixed = matrix_.make_item_table(k), projected = matrix_.make_user_table(k);
    for (std::size_t n = 0; n < terms.size(); ++n) {
      const auto first = static_cast<std::ptrdiff_t>(n) * k;
      const LowRankTerm& term = terms[n];
      const auto down = inverse_powers(matrix_.item_degrees(), term.exponent);
      for (Count item = 0; item < mixed.rows.size(); ++item) {
        const auto at = static_cast<std::size_t>(item);
        const auto v = vectors_.vectors.row(item), to = mixed.row(item);
        const auto y = model_.item_factors.row(item).subspan(static_cast<std::size_t>(first));
        if (down[at] == 0) continue;  // items without interactions: their rows of V are zero
        for (std::size_t c = 0; c < v.size(); ++c) {
          // The matrix puts Di^-b of its own on r.
          to[c] = static_cast<float>(static_cast<double>(v[c]) * term.gains[c] * down[at] / descending[at]);
          y[c] = static_cast<float>(static_cast<double>(v[c]) / down[at]);
        }
      }
      matrix_.times(mixed, projected);
      for (Count user = 0; user < projected.rows.size(); ++user) {
        const double scale = matrix_.user_scales()[static_cast<std::size_t>(user)];
        if (scale == 0) continue;
        const auto from = projected.row(user), to = model_.user_factors.row(user);
        for (std::size_t c = 0; c < from.size(); ++c) {
          to[static_cast<std::size_t>(first) + c] = static_cast<float>(static_cast<double>(from[c]) / scale);
        }
      }
    }
  }

  void add_weights() {
    const auto timer = phases_.time("spectral: item weights", matrix_.by_item().num_rows());
    const Operands operands{matrix_.by_item(), matrix_.item_values(), matrix_.by_user(),
                            matrix_.user_values(), matrix_.users()};
    const ProductLimits limits = weight_limits(config_, dataset_.num_items());
    CutRows rows(matrix_.by_item().rows, dataset_.num_items(), config_.neighbours);
    std::vector<std::vector<CutRows::Entry>> threads(static_cast<std::size_t>(omp_get_max_threads()));
    const double scale = filter_.sparse_weight * scale_;
    report_.received_bytes +=
        for_each_product_row(comm_, operands, limits, [&](Count row, const ProductRow& product) {
          auto& entries = threads[static_cast<std::size_t>(omp_get_thread_num())];
          entries.clear();
          for (const std::int32_t column : product.columns) {
            if (column == matrix_.by_item().rows.begin + row) continue;
            entries.push_back({column, static_cast<float>(scale * product.sums[column])});
          }
          rows.set(row, entries);
        });
    report_.kept_share = rows.kept_share(comm_);
    model_.item_weights = rows.take();
    log_info("item weights: the {} largest a row hold {:.1f} % of the off-diagonal squares",
             config_.neighbours, 100 * report_.kept_share);
  }

  const Communicator& comm_;
  const Dataset& dataset_;
  const SpectralConfig& config_;
  const SpectralFilter filter_;
  PhaseLog& phases_;
  StepCheckpoints* const checkpoints_;
  NormalizedMatrix matrix_;
  LeadingVectors vectors_;
  double scale_ = 1;  // of eigenvalues, so that the largest is 1
  Model model_;
  SpectralReport report_;
};

MemoryPlan planned_memory(const Communicator& comm, const Dataset& dataset, const TrainingRows& rows,
                          const SpectralConfig& config, const SpectralFilter& filter) {
  SpectralSizes sizes = spectral_sizes(dataset, comm.rank());
  sizes.all_entries = comm.sum(rows.by_user().num_entries());
  sizes.matrix_bytes = NormalizedMatrix::planned_bytes(
      comm, rows, dataset.users, dataset.items,
      block_width(config.k, dataset.num_users(), dataset.num_items()), config.batch_bytes);
  return plan_memory(sizes, config, filter);
}

}  // namespace
}  // namespace linear

SpectralResult train_spectral(const Communicator& comm, const Dataset& train, const SpectralConfig& config,
                              PhaseLog& phases, StepCheckpoints* checkpoints) {
  const SpectralFilter filter = resolve_filter(config, train.num_users(), train.num_items());
  als::use_one_blas_thread();
  const TrainingRows rows = select_rows(comm, train, config.event_weights, 0, PairValue::strength);
  linear::check_finite(comm, train, rows.by_user(), "spectral");
  const MemoryPlan plan = linear::planned_memory(comm, train, rows, config, filter);
  announce_memory(comm, "train spectral", plan, config.memory_budget_bytes);
  SpectralResult result = linear::Fit(comm, train, config, filter, rows, phases, checkpoints).run();
  result.report.planned_bytes = plan.total_bytes();
  return result;
}

}  // namespace pushcart
