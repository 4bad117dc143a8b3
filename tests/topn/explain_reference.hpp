#pragma once

#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "pushcart/topn/explain.hpp"
#include "topn/reference.hpp"

namespace pushcart::test {

using ReasonKey = std::pair<ReasonKind, Count>;
struct ExplainedEntry {
  double score = 0;
  std::map<ReasonKey, double> reasons;
  double of(ReasonKind kind, Count item = -1) const {
    const auto found = reasons.find({kind, item});
    return found == reasons.end() ? 0.0 : found->second;
  }
  double magnitude() const {
    double sum = 0;
    for (const auto& [key, contribution] : reasons) sum += std::abs(contribution);
    return sum;
  }
};
/// By user and listed item.
using Explained = std::map<std::pair<Count, Count>, ExplainedEntry>;

/// One reason of one entry, as it travels between ranks.
struct FlatReason {
  Count row, entry_item, item;
  float score, contribution;
  ReasonKind kind;
  friend bool operator==(const FlatReason&, const FlatReason&) = default;
};

/// All reasons of all lists in their order, on every rank. Collective.
inline std::vector<FlatReason> flat_reasons(const Communicator& comm, const TopLists& lists) {
  std::vector<FlatReason> mine;
  for (Count row = 0; row < lists.num_rows(); ++row) {
    for (auto entry = static_cast<std::size_t>(lists.offsets[static_cast<std::size_t>(row)]);
         entry < static_cast<std::size_t>(lists.offsets[static_cast<std::size_t>(row) + 1]); ++entry) {
      for (auto r = static_cast<std::size_t>(lists.reasons->offsets[entry]);
           r < static_cast<std::size_t>(lists.reasons->offsets[entry + 1]); ++r) {
        mine.push_back({lists.rows[static_cast<std::size_t>(row)], lists.items[entry],
                        lists.reasons->items[r], lists.scores[entry], lists.reasons->contributions[r],
                        lists.reasons->kinds[r]});
      }
    }
  }
  return all_rows(comm, mine);
}

inline Explained explained(const Communicator& comm, const TopLists& lists) {
  Explained result;
  for (const FlatReason& reason : flat_reasons(comm, lists)) {
    ExplainedEntry& entry = result[{reason.row, reason.entry_item}];
    entry.score = static_cast<double>(reason.score);
    entry.reasons[{reason.kind, reason.item}] = static_cast<double>(reason.contribution);
  }
  return result;
}

inline constexpr Count all_reasons = 1000;

/// Lists of n for everyone with all their reasons.
struct ExplainedLists {
  TopLists lists;
  ExplainReport report;
};
inline ExplainedLists explain_all(const Communicator& comm, const Model& model, const Dataset& dataset,
                                  Count n, const ExplainConfig& config = {.num_reasons = all_reasons}) {
  PhaseLog phases;
  TopRequest request;
  const Range owned = dataset.users.range(comm.rank());
  for (Count user = owned.begin; user < owned.end; ++user) request.users.push_back(user);
  request.n = n;
  ExplainedLists made;
  made.lists = top_items(comm, model, dataset, request, phases);
  made.report = explain(comm, model, dataset, dataset, made.lists, config, phases);
  return made;
}

}  // namespace pushcart::test
