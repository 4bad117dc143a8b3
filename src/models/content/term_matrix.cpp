#include "models/content/term_matrix.hpp"

#include <algorithm>
#include <cmath>

#include "models/content/item_terms.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/ids/number_texts.hpp"
#include "pushcart/matrix/assemble.hpp"

namespace pushcart::content {

namespace {

struct Entry {
  Count column = 0;
  double value = 0;
};

/// The field's rows: columns ascending, each row of length sqrt(share).
class FieldRows {
 public:
  FieldRows(const Communicator& comm, const Dataset& dataset, const ContentField& field,
            const ContentConfig& config, double share)
      : config_(config), scale_(std::sqrt(share)), num_items_(static_cast<double>(dataset.num_items())) {
    terms_ =
        collectively(comm, "reading terms", [&] { return item_terms(dataset, field, config.tag_separator); });
    const auto most = static_cast<Count>(std::floor(config.max_share * num_items_));
    numbers_ = number_texts(comm, terms_.terms, terms_.num_items, {config.min_items, most});
  }

  Count num_terms() const { return numbers_.total; }

  void append(Count item, Count first_column, SparseRows& to) {
    row_.clear();
    double squares = 0;
    for (Count at = terms_.offsets[static_cast<std::size_t>(item)];
         at < terms_.offsets[static_cast<std::size_t>(item) + 1]; ++at) {
      const auto term = static_cast<std::size_t>(terms_.term[static_cast<std::size_t>(at)]);
      if (numbers_.index[term] < 0) continue;
      const double idf = std::log((1 + num_items_) / (1 + static_cast<double>(numbers_.count[term])));
      const double value =
          std::pow(static_cast<double>(terms_.frequency[static_cast<std::size_t>(at)]), config_.tf_exponent) *
          std::pow(idf, config_.idf_exponent);
      if (value > 0) row_.push_back({numbers_.index[term], value});
    }
    std::sort(row_.begin(), row_.end(), [](const Entry& a, const Entry& b) { return a.column < b.column; });
    for (const Entry& entry : row_) squares += entry.value * entry.value;
    for (const Entry& entry : row_) {
      to.columns.push_back(first_column + entry.column);
      to.values.push_back(static_cast<float>(scale_ * entry.value / std::sqrt(squares)));
    }
  }

 private:
  const ContentConfig& config_;
  const double scale_, num_items_;
  ItemTerms terms_;
  TextNumbers numbers_;
  std::vector<Entry> row_;
};

}  // namespace

TermMatrix term_matrix(const Communicator& comm, const Dataset& dataset, const ContentConfig& config,
                       double total_weight) {
  std::vector<FieldRows> fields;
  for (const ContentField& field : config.fields) {
    if (field.weight > 0) fields.emplace_back(comm, dataset, field, config, field.weight / total_weight);
  }
  TermMatrix matrix;
  matrix.rows.rows = dataset.items.range(comm.rank());
  for (Count item = 0; item < matrix.rows.rows.size(); ++item) {
    Count first_column = 0;
    for (FieldRows& field : fields) {
      field.append(item, first_column, matrix.rows);
      first_column += field.num_terms();
    }
    matrix.rows.offsets.push_back(static_cast<Count>(matrix.rows.columns.size()));
  }
  for (const FieldRows& field : fields) matrix.rows.num_columns += field.num_terms();
  if (matrix.rows.num_columns > 0)
    matrix.terms = partition_by_entries(comm, matrix.rows.num_columns, matrix.rows.columns);
  return matrix;
}

}  // namespace pushcart::content
