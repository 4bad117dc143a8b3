#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "models/als/dense.hpp"
#include "models/content/item_content.hpp"
#include "models/content/low_rank.hpp"
#include "models/content/settings.hpp"
#include "models/linear/normalized_matrix.hpp"
#include "models/linear/training_values.hpp"
#include "models/similarity/nearest.hpp"
#include "models/similarity/neighbour_matrix.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/exact_sum.hpp"
#include "pushcart/comm/received_bytes.hpp"
#include "pushcart/matrix/assemble.hpp"
#include "pushcart/models/content.hpp"

namespace pushcart {
namespace content {
namespace {

class Fit {
 public:
  Fit(const Communicator& comm, const Dataset& dataset, const ContentConfig& config, PhaseLog& phases,
      const ContentCheckpoints& checkpoints)
      : comm_(comm),
        dataset_(dataset),
        config_(config),
        phases_(phases),
        checkpoints_(checkpoints),
        mine_(dataset.items.range(comm.rank())) {}

  ContentResult run() {
    start_model();
    read_terms();
    if (content_->has_weights()) add_weights();
    if (content_->num_columns() > 0) add_factors();
    return {std::move(model_), std::move(report_)};
  }

 private:
  void start_model() {
    model_.family = "content";
    model_.users = dataset_.users;
    model_.items = dataset_.items;
    model_.dataset_digest = dataset_.digest;
    model_.config = settings_text(config_);
    model_.history = "[]";
  }

  /// All that comes from other ranks while work runs, by collectives.
  template <class Work>
  auto counting(Work&& work) {
    const Count before = received_bytes();
    auto result = work();
    report_.received_bytes += received_bytes() - before;
    return result;
  }

  void read_terms() {
    const auto timer = phases_.time("content: terms", mine_.size());
    counting([&] { return &content_.emplace(comm_, dataset_, config_, report_); });
  }

  void add_weights() {
    const similarity::Product product = content_->product();
    SparseRows weights = similarity::matrix_of(
        similarity::best_of_product(comm_, product, dataset_.items, content_->search_config(), phases_,
                                    &report_.similarity, checkpoints_.weights));
    report_.received_bytes += report_.similarity.received_bytes;
    for (float& value : weights.values) {
      value = static_cast<float>(config_.sparse_weight *
                                 std::pow(static_cast<double>(value), config_.similarity_power));
    }
    // Alike both ways, so the best histories of a candidate are the best candidates of a history, turned
    // round.
    if (config_.kept == KeptLists::of_candidates) {
      weights = counting([&] { return transpose(comm_, weights, dataset_.items, dataset_.num_items()); });
    }
    model_.item_weights = std::move(weights);
  }

  void add_factors() {
    const TrainingRows rows = counting([&] {
      return select_rows(comm_, dataset_, config_.event_weights, config_.half_life_days, PairValue::strength);
    });
    linear::check_finite(comm_, dataset_, rows.by_user(), "content");
    content_->announce(rows);
    const Count num_columns = content_->num_columns(), k = content_->num_singular_vectors();
    model_.item_factors = {mine_, num_columns,
                           std::vector<float>(static_cast<std::size_t>(mine_.size() * num_columns), 0.0F)};
    if (k > 0) add_low_rank();
    Count first = k;
    for (const ContentVectors& wanted : config_.vectors) {
      if (wanted.weight == 0) continue;
      const ItemVectors& set = content_->set_of(wanted);
      const double scale = std::sqrt(wanted.weight / total_weight(config_));
      for (Count item = 0; item < mine_.size(); ++item)
        put(item, first, content_->vector_of(set, item), scale);
      first += set.num_columns;
    }
    const auto timer = phases_.time("content: profiles", rows.by_user().num_rows());
    linear::NormalizedMatrix profiles(comm_, rows, dataset_.users, dataset_.items, {0, 0}, num_columns,
                                      config_.batch_bytes);
    model_.user_factors = profiles.make_user_table(num_columns);
    profiles.times(model_.item_factors, model_.user_factors);
    report_.received_bytes += profiles.received_bytes();
    const auto columns = static_cast<std::size_t>(num_columns);
    model_.factor_origins = {
        {num_columns, LinearOrigin{std::vector<double>(columns, 1.0), std::vector<double>(columns, 0.0),
                                   config_.event_weights, config_.half_life_days}}};
  }

  void put(Count item, Count first_column, std::span<const float> values, double scale) {
    const auto to = model_.item_factors.row(item).subspan(static_cast<std::size_t>(first_column));
    for (std::size_t c = 0; c < values.size(); ++c)
      to[c] = static_cast<float>(scale * static_cast<double>(values[c]));
  }

  /// U S^q, rows scaled to those of T.
  void add_low_rank() {
    const TermMatrix& terms = content_->terms();
    const TrainingRows by_term = counting([&] { return rows_by_term(comm_, terms, dataset_); });
    const auto found = leading_item_vectors(
        comm_, by_term, terms, dataset_,
        {content_->num_singular_vectors(), config_.tolerance, config_.max_rounds, config_.seed},
        config_.batch_bytes, phases_, checkpoints_.vectors);
    report_.received_bytes += found.received_bytes;
    report_.rounds = found.rounds;
    report_.products = found.products;
    double kept = 0;
    std::vector<double> gains;
    for (const double eigenvalue : found.eigenvalues) {
      kept += eigenvalue;
      report_.singular_values.push_back(std::sqrt(eigenvalue));
      gains.push_back(eigenvalue > 0 ? std::pow(eigenvalue, config_.spectrum_power / 2) : 0);
    }
    const std::vector<double> squares = squares_of_rows(terms.rows);
    for (Count item = 0; item < mine_.size(); ++item) {
      const std::span<const float> from = found.vectors.row(item);
      double square = 0;
      for (std::size_t c = 0; c < from.size(); ++c) {
        const double value = gains[c] * static_cast<double>(from[c]);
        square += value * value;
      }
      if (square == 0) continue;
      const double scale =
          std::sqrt(config_.low_rank_weight * squares[static_cast<std::size_t>(item)] / square);
      const std::span<float> to = model_.item_factors.row(item);
      for (std::size_t c = 0; c < from.size(); ++c) {
        to[c] = static_cast<float>(scale * gains[c] * static_cast<double>(from[c]));
      }
    }
    report_.kept_share = kept / exact_sum(comm_, squares, 1).front();
    log_info("singular values {:.6g} to {:.6g}: {} rounds, {:.1f} % of the squares of the texts",
             report_.singular_values.front(), report_.singular_values.back(), found.rounds,
             100 * report_.kept_share);
  }

  const Communicator& comm_;
  const Dataset& dataset_;
  const ContentConfig& config_;
  PhaseLog& phases_;
  const ContentCheckpoints checkpoints_;
  const Range mine_;
  std::optional<ItemContent> content_;
  Model model_;
  ContentReport report_;
};

}  // namespace
}  // namespace content

ContentResult train_content(const Communicator& comm, const Dataset& train, const ContentConfig& config,
                            PhaseLog& phases, const ContentCheckpoints& checkpoints) {
  const ContentConfig settings =
      collectively(comm, "checking the settings", [&] { return content::resolved(config, train); });
  als::use_one_blas_thread();
  return content::Fit(comm, train, settings, phases, checkpoints).run();
}

}  // namespace pushcart
