#include "models/linear/cut_rows.hpp"

#include <algorithm>
#include <cmath>

#include "pushcart/comm/exact_sum.hpp"

namespace pushcart::linear {
namespace {

double sum_of_squares(std::span<const CutRows::Entry> entries) {
  double sum = 0;
  for (const CutRows::Entry& entry : entries) {
    sum += static_cast<double>(entry.value) * static_cast<double>(entry.value);
  }
  return sum;
}

}  // namespace

CutRows::CutRows(Range rows, Count num_columns, Count largest_count)
    : rows_(rows),
      num_columns_(num_columns),
      largest_count_(largest_count),
      kept_(static_cast<std::size_t>(rows.size())),
      all_squares_(static_cast<std::size_t>(rows.size()), 0.0),
      kept_squares_(static_cast<std::size_t>(rows.size()), 0.0) {}

void CutRows::set(Count local_row, std::vector<Entry>& entries) {
  const auto row = static_cast<std::size_t>(local_row);
  all_squares_[row] = sum_of_squares(entries);
  std::erase_if(entries, [](const Entry& entry) { return entry.value == 0; });
  const auto size = static_cast<std::ptrdiff_t>(entries.size());
  const std::ptrdiff_t num_kept = std::min<std::ptrdiff_t>(size, largest_count_);
  if (num_kept < size) {
    std::nth_element(entries.begin(), entries.begin() + num_kept, entries.end(),
                     [](const Entry& a, const Entry& b) {
                       const float left = std::abs(a.value), right = std::abs(b.value);
                       return left != right ? left > right : a.column < b.column;
                     });
  }
  std::sort(entries.begin(), entries.begin() + num_kept,
            [](const Entry& a, const Entry& b) { return a.column < b.column; });
  kept_[row].assign(entries.begin(), entries.begin() + num_kept);
  kept_squares_[row] = sum_of_squares(kept_[row]);
}

double CutRows::kept_share(const Communicator& comm) const {
  std::vector<double> rows;
  for (std::size_t row = 0; row < kept_.size(); ++row) {
    rows.push_back(all_squares_[row]);
    rows.push_back(kept_squares_[row]);
  }
  const std::vector<double> sums = exact_sum(comm, rows, 2);
  return sums[0] > 0 ? sums[1] / sums[0] : 1;
}

SparseRows CutRows::take() {
  SparseRows weights;
  weights.rows = rows_;
  weights.num_columns = num_columns_;
  std::size_t total = 0;
  for (const std::vector<Entry>& row : kept_) total += row.size();
  weights.columns.reserve(total);
  weights.values.reserve(total);
  for (std::vector<Entry>& row : kept_) {
    for (const Entry& entry : row) {
      weights.columns.push_back(entry.column);
      weights.values.push_back(entry.value);
    }
    weights.offsets.push_back(static_cast<Count>(weights.columns.size()));
    std::vector<Entry>().swap(row);
  }
  return weights;
}

}  // namespace pushcart::linear
