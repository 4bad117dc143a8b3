#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/intern_table.hpp"
#include "ingest/spread_ids.hpp"

namespace pushcart::detail {

/// Which text (name, category) an item carries: the one on most of its rows, ties by bytes, whatever the
/// order.
class TextVotes {
 public:
  /// Counts a row of the item at `item` in the batch's table. Local.
  void vote(std::uint32_t item, std::string_view text);
  /// Brings the batch's votes to the owners of the items. Collective.
  void settle(const Communicator& comm, const SpreadIds& items);
  /// The winners, by slot of the owned items. Local.
  StringTable winners(Count num_owned) const;
  Count memory_bytes() const;

 private:
  struct Ballot {
    InternTable candidates;  // item (4 bytes), then the text
    std::vector<Count> votes;
    std::vector<std::uint32_t> latest;  // by item: the candidate voted for last, mostly the next one too
    std::string key;                    // scratch
    void add(std::uint32_t item, std::string_view text, Count count);
  };
  Ballot batch_;
  Ballot owned_;  // item is a slot
};

}  // namespace pushcart::detail
