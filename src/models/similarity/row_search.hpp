#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/similarity/best_columns.hpp"
#include "models/similarity/bit_slices.hpp"
#include "models/similarity/column_block.hpp"
#include "models/similarity/pair_score.hpp"
#include "models/similarity/sweep_kernels.hpp"

namespace pushcart::similarity {

/// What is made of a block once, when it comes.
struct BlockAids {
  std::vector<float> z_by_column,
      z_by_chunk;  ///< of a chunk: the smallest; padded to whole groups of bit slices
  float smallest_z = 0;
  BitSlices slices;

  void fill(const ColumnBlock& block, const Product& product, const PairScore& score);
};

/// One thread's search: multiplies a left row with a block into a dense accumulator (Gustavson 1978) and
/// offers the columns that may be among the row's best.
class RowSearch {
 public:
  RowSearch(const Product& product, const PairScore& score, Count block_columns);

  void search(Count row, const ColumnBlock& block, const BlockAids& aids, BestColumns& best);
  const SimilarityReport& report() const { return report_; }
  /// Bytes that one of these takes.
  static Count planned_bytes(const Product& product, Count block_columns);

 private:
  struct LeftRow;
  enum class Marks : int { none, chunks };

  template <class T>
  void search_counts(const LeftRow& left, const ColumnBlock& block, const BlockAids& aids, Marks marks,
                     T* counters,
                     Count (*sweep)(T*, const unsigned short*, Count, const float*, const SweepBound&,
                                    const Candidates&),
                     BestColumns& best);
  void search_sums(const LeftRow& left, const ColumnBlock& block, const BlockAids& aids, BestColumns& best);
  void search_slices(const LeftRow& left, const ColumnBlock& block, const BlockAids& aids, BestColumns& best);
  template <class Sweep>
  void sweep_chunks(const LeftRow& left, const ColumnBlock& block, Marks marks, BestColumns& best,
                    Sweep&& sweep);
  void offer(const LeftRow& left, const ColumnBlock& block, Count num_candidates, BestColumns& best);
  Count mark_list(const ColumnBlock& block, Marks marks);

  const Product& product_;
  const PairScore& score_;
  const SweepKernels& kernels_;
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  template <class T>
  using Aligned = std::unique_ptr<T[], Free>;
  template <class T>
  static Aligned<T> zeros(Count size);

  Aligned<unsigned char> accumulator_;  ///< of counters of any width, or sums; zero between rows
  Aligned<unsigned> support_;           ///< counters beside sums
  std::vector<std::uint8_t> marked_;    ///< per chunk: touched by this row
  std::vector<unsigned short> chunks_, columns_;
  std::vector<unsigned> counts_;
  std::vector<float> sums_;
  SimilarityReport report_;
};

}  // namespace pushcart::similarity
