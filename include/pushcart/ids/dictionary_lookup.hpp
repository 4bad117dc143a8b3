#pragma once

#include <string_view>
#include <vector>

#include "pushcart/base/string_table.hpp"
#include "pushcart/comm/communicator.hpp"
#include "pushcart/ids/partition.hpp"

namespace pushcart {

/// Where outside names are looked up: spread over the ranks by the hash of the name, so that no rank holds all.
class DictionaryLookup {
 public:
  /// Collective. `table` holds the names of this rank's range of `partition`.
  DictionaryLookup(const Communicator& comm, const Partition& partition, const StringTable& table);
  /// Collective. @return for each name its index, or -1 if it is unknown
  std::vector<Count> find(const StringTable& names) const;

 private:
  const Communicator& comm_;
  StringTable names_;
  std::vector<Count> indices_;
  std::vector<Count> slots_;  // open addressing over names_
  Count slot_of(std::string_view name) const;
};

}  // namespace pushcart
