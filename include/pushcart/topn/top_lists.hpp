#pragma once

#include <cstdint>
#include <optional>
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
  /// Received from other ranks, without padding: items with their factors, rows served for others, lists
  /// served by others. What terms beside bias and factors take is not counted.
  Count received_bytes = 0;
  double seconds = 0;
  int num_threads = 1;  ///< cores at work, if each thread has one
  std::string kernel;   ///< what screened: "sgemm", "avx2", "vnni" or "amx"
};

/// What a reason for a score is (docs/explanations.md).
enum class ReasonKind : std::uint8_t {
  item,        ///< something the user has
  bias,        ///< the item's own number, the same for everyone: its popularity, or how well it is rated
  neighbours,  ///< what people like the user have
  rest         ///< what the user's factors hold beyond the user's items
};
inline constexpr std::size_t num_reason_kinds = 4;
std::string reason_kind_name(ReasonKind kind);

/// Why the entries of some lists are in them: those of entry e are positions [offsets[e], offsets[e+1]), by
/// contribution descending, then kind and item ascending; the rest comes last of all.
struct Reasons {
  std::vector<Count> offsets{0};
  std::vector<ReasonKind> kinds;
  std::vector<Count> items;          ///< global index of the user's item; -1 for other kinds
  std::vector<float> contributions;  ///< to the entry's score
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

  std::optional<Reasons> reasons;  ///< with explanations only (topn/explain.hpp); on all ranks or none

  ScoringReport scoring;

  Count num_rows() const { return static_cast<Count>(rows.size()); }
};

/// What share of the longer list's places hold items of both, 1 if both are empty. Local.
double overlap(std::span<const Count> list, std::span<const Count> other);

/// Positions in `lists.reasons` of an entry's reasons; none without explanations. Local.
Range reasons_of(const TopLists& lists, Count entry);

/// The user's own items among an entry's reasons that add to its score, the one that adds most first; not the
/// listed item itself, where known items may be in lists. Local.
std::vector<Count> items_that_speak_for(const TopLists& lists, Count entry);

}  // namespace pushcart
