#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "models/similarity/accumulate.hpp"
#include "models/similarity/best_columns.hpp"
#include "models/similarity/bit_slices.hpp"
#include "models/similarity/column_block.hpp"
#include "models/similarity/pair_score.hpp"

namespace pushcart::similarity {

/// What is made of a block once, when it comes.
struct BlockAids {
  std::vector<float> terms;       ///< by column: its side of the score
  std::vector<float> z_by_chunk;  ///< smallest z of 64 columns; whole groups of bit slices
  std::vector<float> least_z;     ///< smallest z of the first chunks, up to each
  BitSlices slices;

  void fill(const ColumnBlock& block, const Product& product, const PairScore& score);
};

/// One thread's search: multiplies a left row with a block into a dense accumulator (Gustavson 1978) and
/// offers the columns that may be among the row's best.
class alignas(128) RowSearch {
 public:
  RowSearch(const Product& product, const PairScore& score, Count block_columns, const BestOfRows& rows);

  void search(Count row, const ColumnBlock& block, const BlockAids& aids, BestOfRows& rows);
  const SimilarityReport& report() const { return report_; }
  /// Bytes that one of these takes.
  static Count planned_bytes(const Product& product, const SimilarityConfig& config);

 private:
  struct LeftRow;

  template <class T>
  Count count_columns(const LeftRow& left, const ColumnBlock& block, const BlockAids& aids, T* counters);
  template <class T>
  void search_counts(const LeftRow& left, const ColumnBlock& block, const BlockAids& aids, T* counters,
                     Count (*take)(const unsigned short*, Count, T*, const CountNeed&, const ScoredColumns&));
  void search_sums(const LeftRow& left, const ColumnBlock& block, const BlockAids& aids);
  void search_slices(const LeftRow& left, const ColumnBlock& block, const BlockAids& aids);
  /// Scores the columns with counts that are in found_ and offers those that pass.
  void offer_counted(const LeftRow& left, const ColumnBlock& block, const BlockAids& aids, Count size);
  Count score_by_llr(const LeftRow& left, const ColumnBlock& block, Count size);

  const Product& product_;
  const PairScore& score_;
  const ScoreKernels& kernels_;
  BestColumns best_;
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  template <class T>
  using Aligned = std::unique_ptr<T[], Free>;
  template <class T>
  static Aligned<T> zeros(Count size);

  Aligned<unsigned char> accumulator_;  ///< of counters of any width, or sums; zero between rows
  Aligned<unsigned> support_;           ///< counters beside sums
  std::vector<unsigned char> marks_;
  std::vector<std::uint16_t> list_;
  std::vector<unsigned> columns_, counts_;
  std::vector<float> scores_;
  ScoredColumns found_;
  SimilarityReport report_;
};

}  // namespace pushcart::similarity
