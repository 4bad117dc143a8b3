#include "models/content/term_matrix.hpp"

#include <algorithm>
#include <cmath>

#include "models/content/item_terms.hpp"
#include "models/content/term_rows.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/ids/number_texts.hpp"
#include "pushcart/matrix/assemble.hpp"

namespace pushcart::content {

namespace {

/// The field's rows: columns ascending, each row of length sqrt(share).
class FieldRows {
 public:
  FieldRows(const Communicator& comm, const Dataset& dataset, const ContentField& field,
            const TermConfig& config, double share)
      : weighting_{config.tf_exponent, config.idf_exponent, static_cast<double>(dataset.num_items())},
        share_(share) {
    terms_ = collectively(comm, "reading terms",
                          [&] { return item_terms(dataset, field, config.tag_separator, config.ngrams); });
    const auto most = static_cast<Count>(std::floor(config.max_share * weighting_.num_texts));
    numbers_ = number_texts(comm, terms_.terms, terms_.num_texts, {config.min_items, most});
  }

  Count num_terms() const { return numbers_.total; }

  void append(Count item, Count first_column, SparseRows& to) const {
    append_term_row(terms_, numbers_, weighting_, item, share_, first_column, to);
  }

 private:
  const TermWeighting weighting_;
  const double share_;
  TextTerms terms_;
  TextNumbers numbers_;
};

}  // namespace

TermMatrix term_matrix(const Communicator& comm, const Dataset& dataset, const TermConfig& config,
                       double total_weight) {
  std::vector<FieldRows> fields;
  for (const ContentField& field : config.fields) {
    if (field.weight > 0) fields.emplace_back(comm, dataset, field, config, field.weight / total_weight);
  }
  TermMatrix matrix;
  matrix.rows.rows = dataset.items.range(comm.rank());
  for (Count item = 0; item < matrix.rows.rows.size(); ++item) {
    Count first_column = 0;
    for (const FieldRows& field : fields) {
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
