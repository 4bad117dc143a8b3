#include "features/user_side.hpp"

#include <algorithm>

#include "pushcart/base/parallel.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/ids/send_by_rank.hpp"
#include "pushcart/matrix/assemble.hpp"

namespace pushcart::detail {

namespace {

/// Users of this rank who are in the data set and have events.
struct KnownUsers {
  std::vector<std::size_t> slots;
  std::vector<Count> index;  ///< in the data set

  KnownUsers(const InteractionLog& log, const std::vector<Count>& user_of_slot) {
    for (std::size_t slot = 0; slot < user_of_slot.size(); ++slot) {
      if (user_of_slot[slot] < 0 || log.user_offsets[slot] == log.user_offsets[slot + 1]) continue;
      slots.push_back(slot);
      index.push_back(user_of_slot[slot]);
    }
  }
};

/// What is made of them where their events are.
struct MadeRows {
  std::vector<float> rows;                   ///< by known user, all columns
  std::vector<float> empty_row;              ///< of a user without events
  std::vector<Interaction> category_events;  ///< user, category, number of events
};

/// On all threads. Local.
MadeRows make_rows(const InteractionLog& log, const LogScope& scope, const NamedItems& items,
                   const ColumnSet<UserSummary>& columns, const KnownUsers& users) {
  MadeRows made;
  made.empty_row.resize(columns.width());
  columns.fill(UserSummarizer(log, scope, items).summarize(0, 0), made.empty_row);
  made.rows.resize(users.slots.size() * columns.width());
  constexpr std::size_t users_per_task = 256;
  const std::size_t num_tasks = (users.slots.size() + users_per_task - 1) / users_per_task;
  std::vector<std::vector<Interaction>> of_task(num_tasks);
  parallel_for(static_cast<Count>(num_tasks), [&](Count task) {
    UserSummarizer summarizer(log, scope, items);
    const std::size_t begin = static_cast<std::size_t>(task) * users_per_task;
    for (std::size_t u = begin; u < std::min(users.slots.size(), begin + users_per_task); ++u) {
      const auto slot = users.slots[u];
      const auto& summary = summarizer.summarize(static_cast<std::size_t>(log.user_offsets[slot]),
                                                 static_cast<std::size_t>(log.user_offsets[slot + 1]));
      columns.fill(summary, std::span(made.rows).subspan(u * columns.width(), columns.width()));
      for (const auto& [category, num_events] : summary.events_of_category) {
        of_task[static_cast<std::size_t>(task)].push_back(
            {users.index[u], category, 0, static_cast<float>(num_events)});
      }
    }
  });
  for (auto& part : of_task) {
    made.category_events.insert(made.category_events.end(), part.begin(), part.end());
    part = {};
  }
  return made;
}

/// Rows come to the owners of their users; users without a row get that of no events. Collective.
std::vector<float> rows_at_owners(const Communicator& comm, const Partition& users,
                                  std::span<const Count> index, std::span<const float> rows,
                                  std::span<const float> empty_row) {
  const std::size_t width = empty_row.size();
  std::vector<int> owners;
  for (const Count user : index) owners.push_back(users.owner(user));
  const SendOrder order = order_by_rank(owners, comm.size());
  const auto arrived_index = exchange_grouped<Count>(comm, index, order).data;
  const auto arrived = exchange_grouped<float>(comm, rows, order, width).data;

  const Range mine = users.range(comm.rank());
  std::vector<float> table;
  for (Count user = 0; user < mine.size(); ++user)
    table.insert(table.end(), empty_row.begin(), empty_row.end());
  for (std::size_t r = 0; r < arrived_index.size(); ++r) {
    const auto row = std::span(arrived).subspan(r * width, width);
    std::copy(row.begin(), row.end(),
              table.begin() + (arrived_index[r] - mine.begin) * static_cast<Count>(width));
  }
  return table;
}

}  // namespace

UserSide user_side(const Communicator& comm, const InteractionLog& log, const LogScope& scope,
                   const NamedItems& items, const ColumnSet<UserSummary>& columns,
                   const std::vector<Count>& user_of_slot, const Partition& owners, Count num_categories) {
  const KnownUsers users(log, user_of_slot);
  MadeRows made = collectively(comm, "make the features of users",
                               [&] { return make_rows(log, scope, items, columns, users); });
  UserSide side;
  side.category_events = rows_by_owner(comm, owners, num_categories, made.category_events);
  made.category_events = {};
  side.columns = columns.cut(rows_at_owners(comm, owners, users.index, made.rows, made.empty_row));
  return side;
}

}  // namespace pushcart::detail
