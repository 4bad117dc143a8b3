#pragma once

#include <cstdint>

#include "pushcart/base/index.hpp"

namespace pushcart::similarity {

/// How a column's P becomes a score, in float and in this order: P * (row * term), or P / ((row + term) - P)
/// for an overlap; then times c / (c + shrinkage) if there is any.
struct ScoreRule {
  bool is_overlap = false;
  float row = 0;             ///< scale or size of the row; `term` is the column's
  float shrinkage = 0;       ///< 0 = none
  unsigned min_support = 1;  ///< columns with a smaller c are left out
  float threshold = 0;       ///< so are scores below this, and those of 0
};

/// Columns that pass: room for as many as are asked about and 16 more.
struct ScoredColumns {
  unsigned* columns = nullptr;
  float* scores = nullptr;
  unsigned* counts = nullptr;
};

/// What P at least must be in a chunk of 64 columns: p + q z.
struct CountBound {
  float p = 0, q = 0;
  unsigned lowest = 1;
};

/// What a count must at least be: `lowest`, and one more for columns before `first_column`.
struct CountNeed {
  unsigned lowest = 1, first_column = 0;
};

/// The hot loops between accumulators and lists, compiled once for each CPU path; all give the same bits.
/// Those that take a list of touched columns set what they read to zero. Counters are read 3 bytes beyond
/// their end.
/// @return how many columns pass
struct ScoreKernels {
  /// The listed columns whose counters meet the need, with their counts.
  Count (*bytes)(const unsigned short* list, Count size, unsigned char* counters, const CountNeed& need,
                 const ScoredColumns& out);
  Count (*shorts)(const unsigned short* list, Count size, unsigned short* counters, const CountNeed& need,
                  const ScoredColumns& out);
  Count (*words)(const unsigned short* list, Count size, unsigned* counters, const CountNeed& need,
                 const ScoredColumns& out);
  /// `counters` may be null: then there is no shrinkage and counts are 0.
  Count (*sums)(const unsigned short* list, Count size, float* sums, unsigned* counters, const float* terms,
                const ScoreRule& rule, const ScoredColumns& out);
  /// Scores the columns with their counts that are in `out`, in place.
  Count (*counts)(const ScoredColumns& out, Count size, const float* terms, const ScoreRule& rule);
  /// Counts in bit slices: adds up the 512 bits at bits + u * words_a_row for each of the `num` u of `inner`,
  /// and puts the columns that pass the bound into `out` with their counts; `z` has 8 chunks, bit 0 is
  /// first_column.
  Count (*slices)(const unsigned long* bits, Count words_a_row, const Count* inner, Count num, const float* z,
                  const CountBound& bound, Count first_column, const ScoredColumns& out);
  /// Into `places`, which has room for 8 more, how many of the keys are larger than each; no two may be equal
  /// if these are to be their places. Takes size^2 steps, but many at once and none that a branch must
  /// foretell.
  void (*places)(const std::uint64_t* keys, Count size, std::uint64_t* places);
};

/// Those of cpu_path().
const ScoreKernels& score_kernels();

extern const ScoreKernels score_kernels_portable, score_kernels_avx2, score_kernels_avx512;

}  // namespace pushcart::similarity
