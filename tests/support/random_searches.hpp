#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "pushcart/base/random.hpp"
#include "support/small_dataset.hpp"

namespace pushcart::test {

struct PlainSearch {
  Count user = 0, query = 0, item = 0;
  std::int64_t time = 0;
};
struct PlainAct {
  Count user = 0, item = 0, type = 0;
  std::int64_t time = 0;
  double strength = 0;
};

inline const std::vector<std::string>& query_words() {
  static const std::vector<std::string> words{"Red",   "blue",  "cup", "Caf\xc3\xa9",
                                              "chair", "table", "big", "lamp"};
  return words;
}

/// Two words a text, and numbers that make most texts different.
inline std::string random_text(RandomStream& random) {
  const auto& words = query_words();
  return words[random.next_below(words.size())] + " " + words[random.next_below(words.size())];
}

/// Gives a dataset of several types close times on a grid of ten minutes, names of two words, and searches of
/// `num_queries` queries, some at the time of an event. Collective. Never depends on ranks.
inline void add_searches(const Communicator& comm, Dataset& dataset, Count num_queries, std::uint64_t seed) {
  dataset.cutoff_time = 1'700'000'000;
  const auto grid_time = [&](RandomStream& random) {
    return dataset.cutoff_time - 600 * static_cast<std::int64_t>(random.next_below(200));
  };
  Searches searches;
  searches.queries = Partition::even(num_queries, comm.size());
  std::set<std::string> texts;
  RandomStream text_stream(seed, 1);
  std::vector<std::string> all;
  while (static_cast<Count>(all.size()) < num_queries) {
    const std::string text = random_text(text_stream) + " " + std::to_string(all.size() % 7);
    if (texts.insert(text).second) all.push_back(text);
  }
  const Range own_queries = searches.queries.range(comm.rank());
  for (Count query = own_queries.begin; query < own_queries.end; ++query)
    searches.texts.push_back(all[static_cast<std::size_t>(query)]);
  dataset.item_names = {};
  const Range own_items = dataset.items.range(comm.rank());
  for (Count item = own_items.begin; item < own_items.end; ++item) {
    RandomStream random(seed + 1, static_cast<std::uint64_t>(item));
    dataset.item_names.push_back(random_text(random));
  }
  const SparseRows& rows = dataset.by_user;
  for (Count user = 0; user < rows.num_rows(); ++user) {
    RandomStream random(seed + 2, static_cast<std::uint64_t>(rows.rows.begin + user));
    const Count first = rows.offsets[static_cast<std::size_t>(user)], length = rows.row_length(user);
    for (EventColumn& column : dataset.events) {
      for (auto at = static_cast<std::size_t>(first); at < static_cast<std::size_t>(first + length); ++at) {
        const std::int64_t time = grid_time(random);
        column.last_time[at] = column.strength[at] > 0 ? time : 0;
      }
    }
    std::vector<PlainSearch> mine;
    for (auto n = random.next_below(8); n > 0; --n) {
      PlainSearch search{0, static_cast<Count>(random.next_below(static_cast<std::uint64_t>(num_queries))),
                         -1, grid_time(random)};
      if (length > 0 && random.next_below(4) > 0) {
        const auto at =
            static_cast<std::size_t>(first) + random.next_below(static_cast<std::uint64_t>(length));
        search.item = rows.columns[at];
        const std::int64_t act_time = dataset.events[random.next_below(dataset.events.size())].last_time[at];
        if (act_time != 0 && random.next_below(2) == 0) search.time = act_time;
      }
      mine.push_back(search);
    }
    std::sort(mine.begin(), mine.end(), [](const PlainSearch& a, const PlainSearch& b) {
      return std::tie(a.time, a.query, a.item) < std::tie(b.time, b.query, b.item);
    });
    for (const PlainSearch& search : mine) {
      searches.query.push_back(search.query);
      searches.item.push_back(search.item);
      searches.time.push_back(search.time);
    }
    searches.offsets.push_back(static_cast<Count>(searches.query.size()));
  }
  dataset.searches = std::move(searches);
}

/// In the order of the dataset, on every rank. Collective.
inline std::vector<PlainSearch> all_searches(const Communicator& comm, const Dataset& dataset) {
  std::vector<PlainSearch> mine;
  const Searches& searches = *dataset.searches;
  for (std::size_t user = 0; user + 1 < searches.offsets.size(); ++user) {
    for (auto s = static_cast<std::size_t>(searches.offsets[user]);
         s < static_cast<std::size_t>(searches.offsets[user + 1]); ++s) {
      mine.push_back({dataset.by_user.rows.begin + static_cast<Count>(user), searches.query[s],
                      searches.item[s], searches.time[s]});
    }
  }
  return all_rows(comm, mine);
}

/// The latest event of every pair by each type, on every rank. Collective.
inline std::vector<PlainAct> all_acts(const Communicator& comm, const Dataset& dataset) {
  std::vector<PlainAct> mine;
  const SparseRows& rows = dataset.by_user;
  for (Count user = 0; user < rows.num_rows(); ++user) {
    for (auto at = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(user)]);
         at < static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(user) + 1]); ++at) {
      for (std::size_t type = 0; type < dataset.events.size(); ++type) {
        const EventColumn& column = dataset.events[type];
        if (!(column.strength[at] > 0)) continue;
        mine.push_back({rows.rows.begin + user, rows.columns[at], static_cast<Count>(type),
                        column.last_time[at], static_cast<double>(column.strength[at])});
      }
    }
  }
  return all_rows(comm, mine);
}

}  // namespace pushcart::test
