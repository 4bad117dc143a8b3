#pragma once

#include <string>
#include <vector>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// How a text becomes terms.
enum class TextKind : int {
  tags,   ///< cut at the tag separator; blanks around a tag do not count
  words,  ///< words of any script as Unicode cuts them, compared after NFKC and case folding
  ngrams  ///< runs of code points in these words, hashed: texts that are spelt differently share some
};

/// How words become n-grams.
struct NgramConfig {
  Count shortest = 3, longest = 5;  ///< code points, ends of words included; 1 <= shortest <= longest <= 16
  Count buckets = Count{1} << 18;   ///< that n-grams are hashed to, >= 1
};

/// An item attribute that items are compared by; the words and n-grams of "name" are those of the items'
/// names unless there is an attribute of that name.
struct ContentField {
  TextKind kind = TextKind::tags;
  std::string column;
  double weight = 1;  ///< >= 0
};

/// How items become vectors over the terms of their texts: one of unit length in each field (or of zeros
/// where it has no term), whose entry of a term t is in proportion to tf^a ln((1 + N) / (1 + n_t))^b, tf how
/// often the item has the term, n_t how many of the N items have it.
struct TermConfig {
  std::vector<ContentField> fields;
  std::string tag_separator = "|";  ///< not empty
  NgramConfig ngrams = {};          ///< of fields of this kind
  Count min_items = 2;              ///< terms of fewer items are left out, >= 1
  double max_share = 1;             ///< and those of more than this share of all items, in (0, 1]
  double tf_exponent = 0.5;         ///< a, >= 0
  double idf_exponent = 2;          ///< b, >= 0
};

}  // namespace pushcart
