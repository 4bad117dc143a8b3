#include "models/content/item_content.hpp"

#include <algorithm>

#include "models/content/low_rank.hpp"
#include "models/content/settings.hpp"
#include "models/linear/normalized_matrix.hpp"
#include "pushcart/base/log.hpp"
#include "pushcart/comm/memory_budget.hpp"

namespace pushcart::content {

ItemContent::ItemContent(const Communicator& comm, const Dataset& dataset, const ContentConfig& config,
                         ContentReport& report)
    : comm_(comm), dataset_(dataset), config_(config), mine_(dataset.items.range(comm.rank())) {
  terms_ = term_matrix(comm_, dataset_, config_, total_weight(config_));
  report.num_terms = terms_.rows.num_columns;
  report.num_entries = comm_.sum(terms_.rows.num_entries());
  Count num_without = 0;
  for (Count item = 0; item < mine_.size(); ++item) num_without += is_bare(item) ? 1 : 0;
  report.num_items_without = comm_.sum(num_without);
  log_info("{} terms, {} entries; {} of {} items have nothing to be compared by", report.num_terms,
           report.num_entries, report.num_items_without, dataset_.num_items());
  if (report.num_items_without == dataset_.num_items()) {
    throw ConfigError(
        "--tags, --words, --ngrams, --vectors: no item has anything by which it is like another");
  }
  count_columns();
}

const ItemVectors& ItemContent::set_of(const ContentVectors& wanted) const {
  return *std::find_if(dataset_.item_vectors.begin(), dataset_.item_vectors.end(),
                       [&](const ItemVectors& set) { return set.name == wanted.name; });
}

std::span<const float> ItemContent::vector_of(const ItemVectors& set, Count item) const {
  return std::span(set.values)
      .subspan(static_cast<std::size_t>(item * set.num_columns), static_cast<std::size_t>(set.num_columns));
}

bool ItemContent::is_bare(Count item) const {
  if (terms_.rows.row_length(item) > 0) return false;
  return std::all_of(config_.vectors.begin(), config_.vectors.end(), [&](const ContentVectors& wanted) {
    return wanted.weight == 0 ||
           std::ranges::all_of(vector_of(set_of(wanted), item), [](float v) { return v == 0; });
  });
}

similarity::Product ItemContent::product() const {
  const auto rows = std::make_shared<const SparseRows>(terms_.rows);
  similarity::Product product;
  product.left = similarity::plain_operand(rows, SimilarityValues::as_is);
  product.right = product.left;
  product.num_inner = static_cast<double>(rows->num_columns);
  return product;
}

SimilarityConfig ItemContent::search_config() const {
  SimilarityConfig best;
  best.k = std::min(config_.neighbours, dataset_.num_items());
  best.block_columns = config_.block_columns;
  best.memory_budget_bytes = config_.memory_budget_bytes;
  return best;
}

void ItemContent::count_columns() {
  if (has_terms() && config_.low_rank_weight > 0) {
    k_ = std::min({config_.k, dataset_.num_items(), terms_.rows.num_columns});
  }
  num_columns_ = k_;
  for (const ContentVectors& wanted : config_.vectors) {
    if (wanted.weight > 0) num_columns_ += set_of(wanted).num_columns;
  }
}

void ItemContent::announce(const TrainingRows& rows) const {
  const Count users = dataset_.users.range(comm_.rank()).size();
  MemoryPlan plan;
  plan_terms(plan, terms_);
  if (k_ > 0) plan_item_vectors(plan, comm_, terms_, dataset_, k_);
  plan.add("factors", (users + mine_.size()) * num_columns_ * Count{sizeof(float)});
  plan.add("profiles and rows fetched",
           linear::NormalizedMatrix::planned_bytes(comm_, rows, dataset_.users, dataset_.items, num_columns_,
                                                   config_.batch_bytes));
  announce_memory(comm_, "train content", plan, config_.memory_budget_bytes);
}

}  // namespace pushcart::content
