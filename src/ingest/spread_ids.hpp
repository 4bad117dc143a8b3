#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ingest/intern_table.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/ingest/interaction_log.hpp"

namespace pushcart::detail {

/// Ids spread over the ranks by hash. A rank collects the ids it meets in a table of bounded size, asks their
/// owners for slots once a batch, and forgets the table when it has grown over its limit. On one rank the
/// table is the owner's, and nothing is done twice.
class SpreadIds {
 public:
  SpreadIds(const Communicator& comm, Count table_limit) : comm_(comm), table_limit_(table_limit) {}

  /// Position of the id in the table of this batch. Local.
  std::uint32_t find_or_add(std::uint64_t hash, std::string_view id) { return table_.find_or_add(hash, id); }
  InternTable& table() { return table_; }

  /// Gets slots for the ids that are new since the last call. Collective.
  void settle();
  /// Slot of a position in the table; after settle(). Local.
  ProvisionalId operator[](std::uint32_t position) const {
    return alone() ? ProvisionalId{position, 0} : provisional_[position];
  }
  /// Drops the table if it is over its limit; positions are void then. Local.
  /// @return whether it was dropped
  bool forget_if_large();

  /// Whether positions are slots already, so that rows need no translation.
  bool alone() const { return comm_.size() == 1; }
  Count num_owned() const { return alone() ? table_.size() : owned_.size(); }
  /// Of ids owned and met.
  Count memory_bytes() const {
    return table_.memory_bytes() + owned_.memory_bytes() +
           static_cast<Count>(provisional_.capacity() * sizeof(ProvisionalId));
  }
  Count text_bytes() const {
    return static_cast<Count>(table_.texts().bytes().size() + owned_.texts().bytes().size());
  }
  Count peak_table_size() const { return peak_table_size_; }
  /// The texts of ids, which any rank may own; after settle(). Collective.
  StringTable texts_of(std::span<const ProvisionalId> ids) const;
  StringTable take_owned() { return alone() ? table_.take_texts() : owned_.take_texts(); }

 private:
  const Communicator& comm_;
  Count table_limit_;
  Count peak_table_size_ = 0;
  InternTable table_;  // ids met here
  std::vector<ProvisionalId> provisional_;
  InternTable owned_;  // ids owned here; unused on one rank
};

/// Sends texts to ranks. `destinations[i]` is the rank of text i. Collective.
struct ReceivedTexts {
  StringTable texts;               ///< by source rank, then in the source's order
  std::vector<Count> counts;       ///< texts from each rank
  std::vector<Count> sent_order;   ///< positions of the sent texts in the order of sending
  std::vector<Count> sent_counts;  ///< texts sent to each rank
};
ReceivedTexts send_texts(const Communicator& comm, const StringTable& texts, Count first,
                         std::span<const int> destinations);

}  // namespace pushcart::detail
