#pragma once

#include <span>

#include "models/content/term_matrix.hpp"
#include "models/similarity/operands.hpp"
#include "models/training_rows.hpp"
#include "pushcart/models/content.hpp"

namespace pushcart::content {

/// What the owned items are compared by, and how large a model becomes of it.
class ItemContent {
 public:
  /// Cuts the texts into terms and counts them for the report. Collective; ConfigError: unknown columns,
  /// nothing to compare by. @param config  as resolved(); all must stay
  ItemContent(const Communicator& comm, const Dataset& dataset, const ContentConfig& config,
              ContentReport& report);

  const TermMatrix& terms() const { return terms_; }
  bool has_weights() const { return config_.neighbours > 0 && config_.sparse_weight > 0 && has_terms(); }
  Count num_singular_vectors() const { return k_; }
  Count num_columns() const { return num_columns_; }  ///< of the factors: singular vectors, and the sets'

  /// Of the texts, whose best become the item weights.
  similarity::Product product() const;
  SimilarityConfig search_config() const;

  const ItemVectors& set_of(const ContentVectors& wanted) const;
  std::span<const float> vector_of(const ItemVectors& set, Count item) const;

  /// Says what the factors take, and what they are made of. Collective; ConfigError over the budget.
  /// @param rows  that users' factors are made of
  void announce(const TrainingRows& rows) const;

 private:
  bool has_terms() const { return terms_.rows.num_columns > 0; }
  bool is_bare(Count item) const;
  void count_columns();

  const Communicator& comm_;
  const Dataset& dataset_;
  const ContentConfig& config_;
  const Range mine_;
  TermMatrix terms_;
  Count k_ = 0, num_columns_ = 0;
};

}  // namespace pushcart::content
