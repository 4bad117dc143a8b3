#pragma once

#include <array>
#include <span>
#include <vector>

#include "pushcart/matrix/dataset.hpp"
#include "pushcart/models/factor_shares.hpp"
#include "pushcart/topn/top_lists.hpp"
#include "topn/explain/table_rows.hpp"
#include "topn/weight_rows.hpp"

namespace pushcart::detail {

/// The items' side of a model for some lists.
struct ReasonTables {
  const WeightRows* weights = nullptr;    ///< none: the model has no item weights
  const TableRows* bias = nullptr;        ///< none: the model has no item bias
  const TableRows* factors = nullptr;     ///< of the model; none: it has no factors
  const TableRows* item_table = nullptr;  ///< of FactorShares, with `factors`
};

/// The reasons of one list.
struct RowReasons {
  Reasons kept;                                       ///< by entry of the list, from 0
  std::array<double, num_reason_kinds> magnitudes{};  ///< of all reasons
  double largest_gap = 0;
};

/// Finds the reasons of lists, one after another; an object a thread.
class RowExplainer {
 public:
  /// @param history  what items of the owned users count in the sum of item weights
  RowExplainer(const Model& model, const Dataset& dataset, const SparseRows& history,
               const FactorShares& shares, const TopLists& lists, Count num_reasons)
      : model_(model),
        dataset_(dataset),
        history_(history),
        shares_(shares),
        lists_(lists),
        num_reasons_(num_reasons) {}

  /// Local. @param row  position in the lists
  RowReasons explain(Count row, const ReasonTables& tables);

  /// Whether the model gave an entry its score, not the popular list.
  static bool is_of_model(const TopLists& lists, const Model& model, Count row, Count entry);

 private:
  struct Reason {
    double contribution;
    ReasonKind kind;
    Count item;
  };

  void divide(Count row, const ReasonTables& tables);
  void add_weights(Count local_user, const ReasonTables& tables);
  void add_factors(Count local_user, const ReasonTables& tables);
  double& other(std::size_t listed, ReasonKind kind) {
    return others_[listed * num_reason_kinds + static_cast<std::size_t>(kind)];
  }
  void collect(std::size_t listed);
  void finish_entry(float score, RowReasons& result);

  const Model& model_;
  const Dataset& dataset_;
  const SparseRows& history_;
  const FactorShares& shares_;
  const TopLists& lists_;
  const Count num_reasons_;

  // Of the list at hand.
  std::span<const Count> own_;      ///< the user's items
  std::vector<Count> listed_;       ///< those that the model scored
  std::vector<double> own_shares_;  ///< listed x own
  std::vector<double> others_;      ///< listed x kinds
  FactorDivision division_;
  std::vector<const float*> own_rows_, listed_rows_;
  std::vector<Reason> reasons_;  ///< of the entry at hand
};

}  // namespace pushcart::detail
