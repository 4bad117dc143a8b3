#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pushcart/base/memory.hpp"
#include "pushcart/comm/communicator.hpp"

namespace pushcart {

/// The largest amount of each part over the ranks, in the order in which ranks name them. Ranks may have
/// parts of different names, as where each plans the fuller of two steps. Collective.
std::vector<MemoryPlan::Part> largest_parts(const Communicator& comm, const MemoryPlan& plan);

/// Prints the largest plan over the ranks, part by part, and refuses (ConfigError on all ranks, with the
/// figure) a plan over `budget_bytes` (0 = no budget given). Collective.
void announce_memory(const Communicator& comm, std::string_view step, const MemoryPlan& plan,
                     Count budget_bytes);

/// What announce_memory says of a step.
struct AnnouncedMemory {
  std::string step;
  MemoryPlan here;    ///< of this rank
  std::string words;  ///< of all ranks, as they are logged
};

/// While one is alive, announce_memory on its thread keeps what it says here as well: for a plan that goes with
/// a step until it would take that memory. Local.
class KeptAnnouncements {
 public:
  KeptAnnouncements();
  ~KeptAnnouncements();
  KeptAnnouncements(const KeptAnnouncements&) = delete;
  KeptAnnouncements& operator=(const KeptAnnouncements&) = delete;

  const std::vector<AnnouncedMemory>& steps() const { return steps_; }

 private:
  friend void announce_memory(const Communicator& comm, std::string_view step, const MemoryPlan& plan,
                              Count budget_bytes);
  KeptAnnouncements* outer_;
  std::vector<AnnouncedMemory> steps_;
};

}  // namespace pushcart
