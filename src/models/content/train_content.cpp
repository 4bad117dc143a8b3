#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "models/als/dense.hpp"
#include "models/content/low_rank.hpp"
#include "models/content/settings.hpp"
#include "models/content/term_matrix.hpp"
#include "models/linear/normalized_matrix.hpp"
#include "models/linear/training_values.hpp"
#include "models/similarity/nearest.hpp"
#include "models/similarity/neighbour_matrix.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/comm/exact_sum.hpp"
#include "pushcart/comm/memory_budget.hpp"
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
    if (config_.neighbours > 0 && config_.sparse_weight > 0 && has_terms()) add_weights();
    count_columns();
    if (num_columns_ > 0) add_factors();
    return {std::move(model_), std::move(report_)};
  }

 private:
  bool has_terms() const { return terms_.rows.num_columns > 0; }

  void start_model() {
    model_.family = "content";
    model_.users = dataset_.users;
    model_.items = dataset_.items;
    model_.dataset_digest = dataset_.digest;
    model_.config = settings_text(config_);
    model_.history = "[]";
  }

  void read_terms() {
    const auto timer = phases_.time("content: terms", mine_.size());
    terms_ = term_matrix(comm_, dataset_, config_, total_weight(config_));
    report_.num_terms = terms_.rows.num_columns;
    report_.num_entries = comm_.sum(terms_.rows.num_entries());
    Count num_without = 0;
    for (Count item = 0; item < mine_.size(); ++item) num_without += is_bare(item) ? 1 : 0;
    report_.num_items_without = comm_.sum(num_without);
    log_info("{} terms, {} entries; {} of {} items have nothing to be compared by", report_.num_terms,
             report_.num_entries, report_.num_items_without, dataset_.num_items());
    if (report_.num_items_without == dataset_.num_items()) {
      throw ConfigError(
          "--tags, --words, --ngrams, --vectors: no item has anything by which it is like another");
    }
  }

  const ItemVectors& set_of(const ContentVectors& wanted) const {
    return *std::find_if(dataset_.item_vectors.begin(), dataset_.item_vectors.end(),
                         [&](const ItemVectors& set) { return set.name == wanted.name; });
  }

  std::span<const float> vector_of(const ItemVectors& set, Count item) const {
    return std::span(set.values)
        .subspan(static_cast<std::size_t>(item * set.num_columns), static_cast<std::size_t>(set.num_columns));
  }

  bool is_bare(Count item) const {
    if (terms_.rows.row_length(item) > 0) return false;
    return std::all_of(config_.vectors.begin(), config_.vectors.end(), [&](const ContentVectors& wanted) {
      return wanted.weight == 0 ||
             std::ranges::all_of(vector_of(set_of(wanted), item), [](float v) { return v == 0; });
    });
  }

  void add_weights() {
    const auto rows = std::make_shared<const SparseRows>(terms_.rows);
    similarity::Product product;
    product.left = similarity::plain_operand(rows, SimilarityValues::as_is);
    product.right = product.left;
    product.num_inner = static_cast<double>(rows->num_columns);
    SimilarityConfig best;
    best.k = std::min(config_.neighbours, dataset_.num_items());
    best.block_columns = config_.block_columns;
    best.memory_budget_bytes = config_.memory_budget_bytes;
    SparseRows weights = similarity::matrix_of(similarity::best_of_product(
        comm_, product, dataset_.items, best, phases_, &report_.similarity, checkpoints_.weights));
    for (float& value : weights.values) {
      value = static_cast<float>(config_.sparse_weight *
                                 std::pow(static_cast<double>(value), config_.similarity_power));
    }
    // Alike both ways, so the best histories of a candidate are the best candidates of a history, turned
    // round.
    if (config_.kept == KeptLists::of_candidates) {
      weights = transpose(comm_, weights, dataset_.items, dataset_.num_items());
    }
    model_.item_weights = std::move(weights);
  }

  void count_columns() {
    if (has_terms() && config_.low_rank_weight > 0) {
      k_ = std::min({config_.k, dataset_.num_items(), terms_.rows.num_columns});
    }
    num_columns_ = k_;
    for (const ContentVectors& wanted : config_.vectors) {
      if (wanted.weight > 0) num_columns_ += set_of(wanted).num_columns;
    }
  }

  void add_factors() {
    const TrainingRows rows =
        select_rows(comm_, dataset_, config_.event_weights, config_.half_life_days, PairValue::strength);
    linear::check_finite(comm_, dataset_, rows.by_user(), "content");
    announce(rows);
    model_.item_factors = {mine_, num_columns_,
                           std::vector<float>(static_cast<std::size_t>(mine_.size() * num_columns_), 0.0F)};
    if (k_ > 0) add_low_rank();
    Count first = k_;
    for (const ContentVectors& wanted : config_.vectors) {
      if (wanted.weight == 0) continue;
      const ItemVectors& set = set_of(wanted);
      const double scale = std::sqrt(wanted.weight / total_weight(config_));
      for (Count item = 0; item < mine_.size(); ++item) put(item, first, vector_of(set, item), scale);
      first += set.num_columns;
    }
    const auto timer = phases_.time("content: profiles", rows.by_user().num_rows());
    linear::NormalizedMatrix profiles(comm_, rows, dataset_.users, dataset_.items, {0, 0}, num_columns_,
                                      config_.batch_bytes);
    model_.user_factors = profiles.make_user_table(num_columns_);
    profiles.times(model_.item_factors, model_.user_factors);
    const auto columns = static_cast<std::size_t>(num_columns_);
    model_.factor_origins = {
        {num_columns_, LinearOrigin{std::vector<double>(columns, 1.0), std::vector<double>(columns, 0.0),
                                    config_.event_weights, config_.half_life_days}}};
  }

  void put(Count item, Count first_column, std::span<const float> values, double scale) {
    const auto to = model_.item_factors.row(item).subspan(static_cast<std::size_t>(first_column));
    for (std::size_t c = 0; c < values.size(); ++c)
      to[c] = static_cast<float>(scale * static_cast<double>(values[c]));
  }

  /// U S^q, rows scaled to those of T.
  void add_low_rank() {
    const TrainingRows by_term = rows_by_term(comm_, terms_, dataset_);
    const auto found = leading_item_vectors(comm_, by_term, terms_, dataset_,
                                            {k_, config_.tolerance, config_.max_rounds, config_.seed},
                                            config_.batch_bytes, phases_, checkpoints_.vectors);
    double kept = 0;
    std::vector<double> gains;
    for (const double eigenvalue : found.eigenvalues) {
      kept += eigenvalue;
      report_.singular_values.push_back(std::sqrt(eigenvalue));
      gains.push_back(eigenvalue > 0 ? std::pow(eigenvalue, config_.spectrum_power / 2) : 0);
    }
    const std::vector<double> squares = squares_of_rows(terms_.rows);
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

  void announce(const TrainingRows& rows) {
    const Count users = dataset_.users.range(comm_.rank()).size();
    MemoryPlan plan;
    plan_terms(plan, terms_);
    if (k_ > 0) plan_item_vectors(plan, comm_, terms_, dataset_, k_);
    plan.add("factors", (users + mine_.size()) * num_columns_ * Count{sizeof(float)});
    plan.add("profiles and rows fetched",
             linear::NormalizedMatrix::planned_bytes(comm_, rows, dataset_.users, dataset_.items,
                                                     num_columns_, config_.batch_bytes));
    announce_memory(comm_, "train content", plan, config_.memory_budget_bytes);
  }

  const Communicator& comm_;
  const Dataset& dataset_;
  const ContentConfig& config_;
  PhaseLog& phases_;
  const ContentCheckpoints checkpoints_;
  const Range mine_;
  TermMatrix terms_;
  Count k_ = 0, num_columns_ = 0;  // singular vectors; all columns of the factors
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
