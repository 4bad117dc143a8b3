#include "models/content/term_rows.hpp"

#include <algorithm>
#include <cmath>

namespace pushcart::content {

namespace {

struct Entry {
  Count column = 0;
  double value = 0;
};

}  // namespace

void append_term_row(const TextTerms& terms, const TextNumbers& numbers, const TermWeighting& weighting,
                     Count text, double share, Count first_column, SparseRows& to) {
  std::vector<Entry> row;
  std::vector<double> unknown;
  for (auto at = static_cast<std::size_t>(terms.offsets[static_cast<std::size_t>(text)]);
       at < static_cast<std::size_t>(terms.offsets[static_cast<std::size_t>(text) + 1]); ++at) {
    const auto term = static_cast<std::size_t>(terms.term[at]);
    const bool is_unknown = numbers.count[term] == 0 && weighting.unknown_terms_lengthen;
    if (numbers.index[term] < 0 && !is_unknown) continue;
    const double idf = std::log((1 + weighting.num_texts) / (1 + static_cast<double>(numbers.count[term])));
    const double value = std::pow(static_cast<double>(terms.frequency[at]), weighting.tf_exponent) *
                         std::pow(idf, weighting.idf_exponent);
    if (!(value > 0)) continue;
    if (is_unknown) {
      unknown.push_back(value);
    } else {
      row.push_back({numbers.index[term], value});
    }
  }
  std::sort(row.begin(), row.end(), [](const Entry& a, const Entry& b) { return a.column < b.column; });
  std::sort(unknown.begin(), unknown.end());  // terms come in an order of this rank's
  double squares = 0;
  for (const Entry& entry : row) squares += entry.value * entry.value;
  for (const double value : unknown) squares += value * value;
  for (const Entry& entry : row) {
    to.columns.push_back(first_column + entry.column);
    to.values.push_back(static_cast<float>(std::sqrt(share) * entry.value / std::sqrt(squares)));
  }
}

}  // namespace pushcart::content
