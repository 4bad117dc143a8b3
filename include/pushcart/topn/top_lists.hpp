#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// How this rank's scores were found: what the search for the best cost. Never part of the lists.
struct ScoringReport {
  Count pairs = 0;    ///< rows x allowed items
  Count scored = 0;   ///< pairs that were scored exactly, because a bound could not rule them out
  Count skipped = 0;  ///< pairs ruled out by norms alone, a block of items at a time
  double seconds = 0;
  int num_threads = 1;  ///< cores at work, if each thread has one
  std::string kernel;   ///< what screened: "sgemm", "avx2", "vnni" or "amx"
};

/// Best items for some rows (users, or items for `similar`) of this rank. Entries of row r are positions
/// [offsets[r], offsets[r+1]), best first: score descending, then item index ascending.
struct TopLists {
  std::vector<Count> rows;  ///< global index of each row; -1 for a user who is not in the dataset
  std::vector<Count> offsets{0};
  std::vector<Count> items;  ///< global item indices
  std::vector<float> scores;
  std::vector<std::uint8_t> sources;      ///< per entry: index into source_names
  std::vector<std::string> source_names;  ///< "als", "popular" ...: why the item is in the list

  ScoringReport scoring;

  Count num_rows() const { return static_cast<Count>(rows.size()); }
};

}  // namespace pushcart
