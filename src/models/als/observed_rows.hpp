#pragma once

#include <span>
#include <vector>

#include "pushcart/matrix/sparse_rows.hpp"
#include "pushcart/models/als.hpp"

namespace pushcart::als {

/// One side's observed entries with their weights and targets (design, section 3b), made from the values as
/// they are needed.
class ObservedRows {
 public:
  /// @param values  aligned with the entries of `rows`, or empty: those of `rows`. `rows` must outlive this.
  ObservedRows(const SparseRows& rows, const AlsObjective& objective, std::vector<float> values)
      : rows_(&rows),
        target_(objective.target),
        alpha_(static_cast<float>(objective.alpha)),
        own_values_(std::move(values)) {}

  const SparseRows& rows() const { return *rows_; }
  std::span<const float> values() const {
    return own_values_.empty() ? std::span<const float>(rows_->values) : own_values_;
  }
  /// Replaces the values by others of the same entries.
  void set_values(std::vector<float> values) { own_values_ = std::move(values); }

  /// What each entry's target is lowered by: with x_u = m_u + d_u and shifts m_u . z_j, the rows solved are
  /// d.
  std::span<const float> shifts() const { return shifts_; }
  void set_shifts(std::vector<float> shifts) { shifts_ = std::move(shifts); }

  /// What all weights are multiplied with, > 0.
  float weight_scale() const { return weight_scale_; }
  void set_weight_scale(float scale) { weight_scale_ = scale; }

  /// Asks for an entry that will be observed soon, and those beside it.
  void bring(Count entry) const { __builtin_prefetch(values().data() + entry); }
  /// Weights and targets of entries [begin, begin + count).
  void observe(Count begin, Count count, float* weights, float* targets) const {
    const float* const values = this->values().data() + begin;
    for (Count n = 0; n < count; ++n) {
      const float confidence = alpha_ * values[n];
      weights[n] = target_ == AlsTarget::confidence ? confidence : 1.0F;
      targets[n] = target_ == AlsTarget::ones         ? 1.0F
                   : target_ == AlsTarget::confidence ? (1.0F + confidence) / confidence
                                                      : values[n];
    }
    if (weight_scale_ != 1) {
      for (Count n = 0; n < count; ++n) weights[n] *= weight_scale_;
    }
    if (shifts_.empty()) return;
    for (Count n = 0; n < count; ++n) targets[n] -= shifts_[static_cast<std::size_t>(begin + n)];
  }

 private:
  const SparseRows* rows_;
  AlsTarget target_;
  float alpha_;
  float weight_scale_ = 1;
  std::vector<float> own_values_, shifts_;
};

}  // namespace pushcart::als
