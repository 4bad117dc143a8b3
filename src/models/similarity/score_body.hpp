// Scores one column after another, for a file of one CPU path. No sum of a product in it: all paths give the
// same bits.

inline float score_of(float sum, float count, float term, const ScoreRule& rule) {
  const float score = rule.is_overlap ? sum / ((rule.row + term) - sum) : sum * (rule.row * term);
  return rule.shrinkage > 0.0F ? score * (count / (count + rule.shrinkage)) : score;
}

/// Puts the column behind the `found` that pass. @return how many they are then
inline Count keep(unsigned column, float score, unsigned count, const ScoreRule& rule,
                  const ScoredColumns& out, Count found) {
  out.columns[found] = column;
  out.scores[found] = score;
  out.counts[found] = count;
  return found + ((score > 0.0F) & (score >= rule.threshold) & (count >= rule.min_support) ? 1 : 0);
}

template <class T>
Count take_counters(const unsigned short* list, Count size, T* counters, const CountNeed& need,
                    const ScoredColumns& out) {
  Count found = 0;
  for (Count n = 0; n < size; ++n) {
    const unsigned column = list[n], count = counters[column];
    counters[column] = 0;
    out.columns[found] = column;
    out.counts[found] = count;
    found += count >= need.lowest + (column < need.first_column ? 1U : 0U) ? 1 : 0;
  }
  return found;
}

inline Count score_sums(const unsigned short* list, Count size, float* sums, unsigned* counters,
                        const float* terms, const ScoreRule& rule, const ScoredColumns& out) {
  ScoreRule without_support = rule;
  without_support.min_support = 0;
  Count found = 0;
  for (Count n = 0; n < size; ++n) {
    const unsigned column = list[n], count = counters ? counters[column] : 0;
    const float sum = sums[column];
    sums[column] = 0;
    if (counters) counters[column] = 0;
    found = keep(column, score_of(sum, static_cast<float>(count), terms[column], rule), count,
                 counters ? rule : without_support, out, found);
  }
  return found;
}

inline Count score_counts(const ScoredColumns& out, Count size, const float* terms, const ScoreRule& rule) {
  Count found = 0;
  for (Count n = 0; n < size; ++n) {
    const float sum = static_cast<float>(out.counts[n]);
    found = keep(out.columns[n], score_of(sum, sum, terms[out.columns[n]], rule), out.counts[n], rule, out,
                 found);
  }
  return found;
}
