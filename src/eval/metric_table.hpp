#pragma once

#include <span>
#include <vector>

#include "pushcart/eval/ranking_metrics.hpp"

namespace pushcart::detail {

/// A number for every user and every metric: what sums over users are made of.
class UserTable {
 public:
  UserTable(Count num_users, std::size_t width)
      : width_(width), values_(static_cast<std::size_t>(num_users) * width, 0.0) {}
  double& at(std::size_t user, std::size_t column) { return values_[user * width_ + column]; }
  std::span<const double> values() const { return values_; }
  std::size_t width() const { return width_; }

 private:
  std::size_t width_;
  std::vector<double> values_;
};

/// Whether lists of model and baseline are compared place by place.
enum class Overlaps : int { not_measured, measured };

/// Which column holds what: a 1 for each user, the ratings' sums, then of each list length the ranking
/// metrics and what novelty is the ratio of, for the model first and for each baseline after it, then
/// overlaps.
class Columns {
 public:
  Columns(std::size_t num_lengths, std::size_t num_sides, Overlaps overlaps)
      : num_lengths_(num_lengths), num_sides_(num_sides), overlaps_(overlaps) {}
  static constexpr std::size_t one = 0, num_ratings = 1;
  static constexpr std::size_t num_kinds = ranking_metric_names.size();
  std::size_t squared_error(std::size_t side) const { return 2 + 2 * side; }
  std::size_t absolute_error(std::size_t side) const { return 3 + 2 * side; }
  std::size_t ranking(std::size_t side, std::size_t length, std::size_t kind) const {
    return of_lists(side, length) + kind;
  }
  std::size_t surprise(std::size_t side, std::size_t length) const {
    return of_lists(side, length) + num_kinds;
  }
  std::size_t places(std::size_t side, std::size_t length) const { return surprise(side, length) + 1; }
  std::size_t overlap(std::size_t length) const { return of_lists(num_sides_, 0) + length; }
  std::size_t width() const { return overlap(overlaps_ == Overlaps::measured ? num_lengths_ : 0); }

 private:
  std::size_t of_lists(std::size_t side, std::size_t length) const {
    return 6 + (side * num_lengths_ + length) * (num_kinds + 2);
  }

  std::size_t num_lengths_, num_sides_;
  Overlaps overlaps_;
};

}  // namespace pushcart::detail
