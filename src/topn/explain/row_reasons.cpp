#include "topn/explain/row_reasons.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "pushcart/models/score.hpp"

namespace pushcart::detail {

bool RowExplainer::is_of_model(const TopLists& lists, const Model& model, Count row, Count entry) {
  return lists.rows[static_cast<std::size_t>(row)] >= 0 &&
         lists.source_names[lists.sources[static_cast<std::size_t>(entry)]] == model.family;
}

RowReasons RowExplainer::explain(Count row, const ReasonTables& tables) {
  divide(row, tables);
  RowReasons result;
  std::size_t next = 0;
  for (Count entry = lists_.offsets[static_cast<std::size_t>(row)];
       entry < lists_.offsets[static_cast<std::size_t>(row) + 1]; ++entry) {
    const float score = lists_.scores[static_cast<std::size_t>(entry)];
    reasons_.clear();
    if (is_of_model(lists_, model_, row, entry)) {
      collect(next++);
    } else if (score != 0) {
      reasons_.push_back({static_cast<double>(score), ReasonKind::bias, -1});
    }
    finish_entry(score, result);
  }
  return result;
}

/// What every term of the model gives to every listed item.
void RowExplainer::divide(Count row, const ReasonTables& tables) {
  listed_.clear();
  for (Count entry = lists_.offsets[static_cast<std::size_t>(row)];
       entry < lists_.offsets[static_cast<std::size_t>(row) + 1]; ++entry) {
    if (is_of_model(lists_, model_, row, entry))
      listed_.push_back(lists_.items[static_cast<std::size_t>(entry)]);
  }
  if (listed_.empty()) return;
  const Count local_user = lists_.rows[static_cast<std::size_t>(row)] - dataset_.by_user.rows.begin;
  own_ = dataset_.by_user.row_columns(local_user);
  own_shares_.assign(listed_.size() * own_.size(), 0.0);
  others_.assign(listed_.size() * num_reason_kinds, 0.0);
  if (tables.weights != nullptr) add_weights(local_user, tables);
  if (tables.factors != nullptr) add_factors(local_user, tables);
  for (std::size_t i = 0; i < listed_.size(); ++i) {
    if (tables.bias != nullptr) {
      other(i, ReasonKind::bias) += static_cast<double>(*tables.bias->row(listed_[i]));
    }
    if (model_.user_items) {
      other(i, ReasonKind::neighbours) =
          value_at({model_.user_items->row_columns(local_user), model_.user_items->row_values(local_user)},
                   listed_[i]);
    }
  }
}

void RowExplainer::add_weights(Count local_user, const ReasonTables& tables) {
  const WeightRows::Row counted{history_.row_columns(local_user), history_.row_values(local_user)};
  for (std::size_t j = 0; j < own_.size(); ++j) {
    const WeightRows::Row row = tables.weights->row(own_[j]);
    const double strength = value_at(counted, own_[j]);
    for (std::size_t i = 0; i < listed_.size(); ++i) {
      own_shares_[i * own_.size() + j] += strength * value_at(row, listed_[i]);
    }
  }
}

void RowExplainer::add_factors(Count local_user, const ReasonTables& tables) {
  own_rows_.clear();
  listed_rows_.clear();
  for (const Count item : own_) own_rows_.push_back(tables.item_table->row(item));
  for (const Count item : listed_) listed_rows_.push_back(tables.item_table->row(item));
  shares_.divide({local_user, own_, own_rows_, listed_rows_}, division_);
  for (std::size_t at = 0; at < own_shares_.size(); ++at) own_shares_[at] += division_.shares[at];
  const auto x = model_.user_factors.row(local_user);
  for (std::size_t i = 0; i < listed_.size(); ++i) {
    const double product = factor_dot(x, {tables.factors->row(listed_[i]), x.size()});
    other(i, ReasonKind::bias) += division_.bias[i];
    other(i, ReasonKind::rest) += product - division_.explained[i];
  }
}

/// The reasons of a listed item that are not zero, in any order.
void RowExplainer::collect(std::size_t listed) {
  const double* const shares = own_shares_.data() + listed * own_.size();
  for (std::size_t j = 0; j < own_.size(); ++j) {
    if (shares[j] != 0) reasons_.push_back({shares[j], ReasonKind::item, own_[j]});
  }
  for (const ReasonKind kind : {ReasonKind::bias, ReasonKind::neighbours, ReasonKind::rest}) {
    if (other(listed, kind) != 0) reasons_.push_back({other(listed, kind), kind, -1});
  }
}

/// Checks the sum and keeps the first of the reasons at hand.
void RowExplainer::finish_entry(float score, RowReasons& result) {
  double sum = 0, magnitude = 0;
  for (const Reason& reason : reasons_) {
    sum += reason.contribution;
    magnitude += std::abs(reason.contribution);
    result.magnitudes[static_cast<std::size_t>(reason.kind)] += std::abs(reason.contribution);
  }
  const auto wanted = static_cast<double>(score);
  const double gap = std::abs(sum - wanted), scale = std::max(magnitude, std::abs(wanted));
  if (gap > 0) result.largest_gap = std::max(result.largest_gap, gap / scale);
  if (!std::isfinite(gap)) result.largest_gap = HUGE_VAL;

  const auto size = static_cast<std::ptrdiff_t>(reasons_.size());
  const auto kept = reasons_.begin() + std::min<std::ptrdiff_t>(size, num_reasons_);
  std::partial_sort(reasons_.begin(), kept, reasons_.end(), [](const Reason& a, const Reason& b) {
    const auto order = [](const Reason& reason) {
      return std::tuple(reason.kind == ReasonKind::rest, -reason.contribution, reason.kind, reason.item);
    };
    return order(a) < order(b);
  });
  for (auto reason = reasons_.begin(); reason != kept; ++reason) {
    result.kept.kinds.push_back(reason->kind);
    result.kept.items.push_back(reason->item);
    result.kept.contributions.push_back(static_cast<float>(reason->contribution));
  }
  result.kept.offsets.push_back(static_cast<Count>(result.kept.items.size()));
}

}  // namespace pushcart::detail
