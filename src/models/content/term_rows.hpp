#pragma once

#include "models/content/item_terms.hpp"
#include "pushcart/ids/number_texts.hpp"

namespace pushcart::content {

/// A term t of a text counts tf^a ln((1 + N) / (1 + n_t))^b.
struct TermWeighting {
  double tf_exponent = 0.5, idf_exponent = 1;
  double num_texts = 0;  ///< N
  bool unknown_terms_lengthen =
      false;  ///< terms of no text (n_t = 0) have no column, but count in the length
};

/// Appends the row of a text, of length sqrt(share), or less if terms without a column count
/// in it, unless it has no term that counts: columns are
/// `first_column` + the numbers of its terms, ascending. Local.
/// @param numbers  of the terms; count = n_t
void append_term_row(const TextTerms& terms, const TextNumbers& numbers, const TermWeighting& weighting,
                     Count text, double share, Count first_column, SparseRows& to);

}  // namespace pushcart::content
