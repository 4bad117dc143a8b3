#include "pushcart/comm/memory_budget.hpp"

#include <algorithm>

#include "pushcart/base/log.hpp"

namespace pushcart {

namespace {

thread_local KeptAnnouncements* innermost_kept = nullptr;

}  // namespace

KeptAnnouncements::KeptAnnouncements() : outer_(innermost_kept) {
  innermost_kept = this;
}

KeptAnnouncements::~KeptAnnouncements() {
  innermost_kept = outer_;
}

std::vector<MemoryPlan::Part> largest_parts(const Communicator& comm, const MemoryPlan& plan) {
  std::string own_names;
  std::vector<Count> own_bytes;
  for (const auto& part : plan.parts()) {
    own_names += part.what;
    own_names += '\n';
    own_bytes.push_back(part.num_bytes);
  }
  const std::vector<char> names = comm.allgather(std::span<const char>(own_names)).data;
  const auto bytes = comm.allgather(std::span<const Count>(own_bytes));
  std::vector<MemoryPlan::Part> largest;
  auto name_begin = names.begin();
  auto num_bytes = bytes.data.begin();
  for (const Count num_parts : bytes.counts) {
    std::vector<bool> is_taken(largest.size() +
                               static_cast<std::size_t>(num_parts));  // a name may come twice
    for (Count n = 0; n < num_parts; ++n, ++num_bytes) {
      const auto name_end = std::find(name_begin, names.end(), '\n');
      const std::string name(name_begin, name_end);
      name_begin = name_end + 1;
      std::size_t place = 0;
      while (place < largest.size() && (is_taken[place] || largest[place].what != name)) ++place;
      if (place == largest.size()) largest.push_back({name, 0});
      is_taken[place] = true;
      largest[place].num_bytes = std::max(largest[place].num_bytes, *num_bytes);
    }
  }
  return largest;
}

void announce_memory(const Communicator& comm, std::string_view step, const MemoryPlan& plan,
                     Count budget_bytes) {
  const Count worst = comm.allreduce(plan.total_bytes(), Reduce::max);
  std::string parts;
  for (const auto& part : largest_parts(comm, plan)) {
    parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", part.what,
                         bytes_text(static_cast<double>(part.num_bytes)));
  }
  const std::string words = fmt::format("{} ({})", bytes_text(static_cast<double>(worst)), parts);
  log_info("memory planned per rank for {}: {}", step, words);
  if (innermost_kept) innermost_kept->steps_.push_back({std::string(step), plan, words});
  if (budget_bytes > 0 && worst > budget_bytes) {
    throw ConfigError(
        fmt::format("{} would need {} on the fullest of {} ranks, over --memory-per-rank {}; use more "
                    "ranks or a larger budget",
                    step, bytes_text(static_cast<double>(worst)), comm.size(),
                    bytes_text(static_cast<double>(budget_bytes))));
  }
}

}  // namespace pushcart
