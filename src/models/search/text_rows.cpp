#include "models/search/text_rows.hpp"

#include "models/content/term_rows.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/ids/number_texts.hpp"

namespace pushcart::search {

namespace {

SparseRows rows_of(const content::TextTerms& terms, const TextNumbers& numbers,
                   const content::TermWeighting& weighting, Range rows) {
  SparseRows result;
  result.rows = rows;
  result.num_columns = numbers.total;
  for (Count text = 0; text < rows.size(); ++text) {
    content::append_term_row(terms, numbers, weighting, text, 1, 0, result);
    result.offsets.push_back(result.num_entries());
  }
  return result;
}

}  // namespace

TextRows text_rows(const Communicator& comm, const StringTable& texts, Range owned, const StringTable& wanted,
                   const content::CutText& cut) {
  content::TextTerms of_texts, of_wanted;
  collectively(comm, "reading terms", [&] {
    of_texts = content::text_terms(texts, cut);
    of_wanted = content::text_terms(wanted, cut);
  });
  // Terms of the texts get numbers, those of `wanted` learn them and count none.
  StringTable terms = of_texts.terms;
  std::vector<Count> counts = of_texts.num_texts;
  for (Count term = 0; term < of_wanted.terms.size(); ++term) terms.push_back(of_wanted.terms[term]);
  counts.resize(static_cast<std::size_t>(terms.size()), 0);
  const Count num_texts = comm.sum(texts.size());
  TextNumbers numbers = number_texts(comm, terms, counts, {1, num_texts});

  content::TermWeighting weighting;
  weighting.num_texts = static_cast<double>(num_texts);
  TextRows result;
  result.texts = rows_of(of_texts, numbers, weighting, owned);
  weighting.unknown_terms_lengthen = true;
  const auto begin = static_cast<std::ptrdiff_t>(of_texts.terms.size());
  numbers.index.erase(numbers.index.begin(), numbers.index.begin() + begin);
  numbers.count.erase(numbers.count.begin(), numbers.count.begin() + begin);
  result.wanted = rows_of(of_wanted, numbers, weighting, {0, wanted.size()});
  return result;
}

}  // namespace pushcart::search
