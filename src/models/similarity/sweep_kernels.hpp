#pragma once

#include "pushcart/base/index.hpp"

namespace pushcart::similarity {

/// What is asked of the columns of some chunks (column_block.hpp): at least lowest, and at least p + q z.
struct SweepBound {
  float p = 0, q = 0;
  unsigned lowest = 1;  ///< of counters only
};

/// Columns that pass, in the order of the chunks.
struct Candidates {
  unsigned short* columns = nullptr;
  unsigned* counts = nullptr;
  float* sums = nullptr;
};

/// Sweeps over accumulators, compiled once for each CPU path: finds the columns that may be among the best
/// and sets the chunks to zero for the next row. `z` has an element a chunk for counters, a column for sums.
struct SweepKernels {
  Count (*bytes)(unsigned char* counters, const unsigned short* chunks, Count num_chunks, const float* z,
                 const SweepBound& bound, const Candidates& out);
  Count (*shorts)(unsigned short* counters, const unsigned short* chunks, Count num_chunks, const float* z,
                  const SweepBound& bound, const Candidates& out);
  Count (*words)(unsigned* counters, const unsigned short* chunks, Count num_chunks, const float* z,
                 const SweepBound& bound, const Candidates& out);
  /// Sums that are above zero and pass. `counters` may be null; else they come along and become zero too.
  Count (*sums)(float* sums, unsigned* counters, const unsigned short* chunks, Count num_chunks,
                const float* z, const SweepBound& bound, const Candidates& out);
  /// Counts in bit slices: adds up the 512 bits at bits + u * words_a_row for each of the `num` u of `inner`,
  /// and finds the columns that pass; `z` has 8 chunks, `first_column` is the first bit's.
  Count (*slices)(const unsigned long* bits, Count words_a_row, const Count* inner, Count num, const float* z,
                  const SweepBound& bound, Count first_column, const Candidates& out);
};

/// Those of cpu_path().
const SweepKernels& sweep_kernels();

extern const SweepKernels sweep_kernels_portable;
extern const SweepKernels sweep_kernels_avx2;
extern const SweepKernels sweep_kernels_avx512;

}  // namespace pushcart::similarity
