#include "pushcart/feed/summary.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <unordered_map>

#include "feed/json_text.hpp"
#include "pushcart/feed/push.hpp"
#include "pushcart/feed/user_view.hpp"

namespace pushcart {

namespace {

/// Global indices of users by outside id, equal on all ranks; -1 for an id that is not in the dataset.
std::vector<Count> find_users(const Communicator& comm, const Dataset& dataset,
                              std::span<const std::string> ids) {
  std::unordered_map<std::string_view, std::vector<std::size_t>> wanted;
  for (std::size_t position = 0; position < ids.size(); ++position) wanted[ids[position]].push_back(position);
  std::vector<Count> indices(ids.size(), -1);
  const Range owned = dataset.users.range(comm.rank());
  for (Count local = 0; local < owned.size() && !wanted.empty(); ++local) {
    const auto found = wanted.find(dataset.user_ids[local]);
    if (found == wanted.end()) continue;
    for (std::size_t position : found->second) indices[position] = owned.begin + local;
  }
  comm.allreduce(std::span(indices), Reduce::max);
  return indices;
}

/// One line of printable text: control characters (line breaks, terminal codes) become blanks.
std::string printable(std::string_view text) {
  std::string out = valid_utf8(text);
  std::replace_if(
      out.begin(), out.end(), [](unsigned char letter) { return letter < 0x20 || letter == 0x7F; }, ' ');
  return out;
}

void append_item(std::string& out, const ItemView& item) {
  if (item.name.empty()) {
    out += printable(item.id);
  } else {
    fmt::format_to(std::back_inserter(out), "{} [{}]", printable(item.name), printable(item.id));
  }
}

void append_user(std::string& out, const UserViews& views, const UserView& user) {
  const bool rated = views.value_kind == ValueKind::rating;
  auto end = std::back_inserter(out);
  fmt::format_to(end, "User {} ({} {}), {}:\n", printable(user.id), user.num_interactions,
                 user.num_interactions == 1 ? "item" : "items",
                 views.has_times ? "latest first" : "strongest first");
  for (const ViewEntry& entry : user.history) {
    out += "    ";
    append_item(out, views.item(entry.item));
    fmt::format_to(end, ", {} {:.4g}", rated ? "rating" : "strength", entry.value);
    if (entry.time != 0) fmt::format_to(end, ", {}", utc_text(entry.time).substr(0, 10));
    out += '\n';
  }
  out += user.list.empty() ? "  has no list\n" : "  is recommended:\n";
  Count rank = 0;
  for (const ViewEntry& entry : user.list) {
    fmt::format_to(end, "{:4}. ", ++rank);
    append_item(out, views.item(entry.item));
    fmt::format_to(end, ", score {:.4g} ({})", entry.value, views.source_names[entry.source]);
    for (const Count& own : entry.because) {
      out += &own == entry.because.data() ? ", because of " : ", ";
      append_item(out, views.item(own));
    }
    out += '\n';
  }
}

}  // namespace

std::string print_lists(const Communicator& comm, const Dataset& dataset, const TopLists& lists,
                        std::span<const std::string> users, Count n) {
  const auto shown = users.empty() ? spaced_users(comm, dataset, lists, 3) : find_users(comm, dataset, users);
  std::vector<Count> known = shown;
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  if (!known.empty() && known.front() == -1) known.erase(known.begin());
  const ViewLimits limits{.history = std::max<Count>(3, n / 2), .list = n};
  const UserViews views = gather_user_views(comm, dataset, lists, known, limits);
  std::string out;
  if (!comm.is_root()) return out;
  for (std::size_t position = 0; position < shown.size(); ++position) {
    if (position > 0) out += '\n';
    const auto user = std::find_if(views.users.begin(), views.users.end(),
                                   [&](const UserView& view) { return view.index == shown[position]; });
    if (user == views.users.end()) {
      fmt::format_to(std::back_inserter(out), "User {}: not in the data\n", printable(users[position]));
    } else {
      append_user(out, views, *user);
    }
  }
  return out;
}

}  // namespace pushcart
