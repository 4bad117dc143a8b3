#pragma once

#include <fmt/core.h>
#include <zlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "pushcart/matrix/assemble.hpp"
#include "pushcart/topn/top_lists.hpp"
#include "support/world.hpp"

namespace pushcart::test {

/// A shop with awkward names, whole on every rank, to be cut over any communicator.
struct SmallShop {
  std::vector<std::string> users{"alice",     "bob, \"the\" buyer", "line\nbreak",
                                 "zoë 🛒", "</script><b>",       "last"};
  std::vector<std::string> items{"i1", "i,2", "i\"3", "i4", "<i5>"};
  std::vector<std::string> names{"Tea pot", "Cup, \"blue\"", "", "bad\xFF utf8 </script>", "Line\nbreak & 🍵"};
  /// Lists of users 0, 1, 2, 4 and 5 (user 3 has none, the list of 5 is empty), then of two unknown users.
  struct List {
    Count user;
    std::vector<Count> items;
    std::vector<float> scores;
    std::vector<std::string> sources;
  };
  std::vector<List> lists{{0, {1, 3, 4}, {0.5F, 0.1F, -2e-7F}, {"als", "als", "popular"}},
                          {1, {0}, {12345678.0F}, {"als"}},
                          {2, {4, 2}, {1.0F, 0.25F}, {"als", "popular"}},
                          {4, {2, 1, 0}, {3.0F, 3.0F, 1e-3F}, {"popular", "popular", "popular"}},
                          {5, {}, {}, {}}};
  std::vector<std::string> unknown_users{"new, one", "new two"};
  List unknown_list{-1, {0, 1}, {7.0F, 6.0F}, {"popular", "popular"}};

  Dataset dataset(const Communicator& comm) const;
  TopLists top_lists(const Communicator& comm, const Dataset& dataset) const;
  /// The same with reasons: entry e of a list that the model made has 0.25 from the user's item e % 3 (none
  /// where that is 2), 0.125 of bias, -0.5 from item 0 in second places, and a rest of 1e-3; others have
  /// their score as bias.
  TopLists explained_lists(const Communicator& comm, const Dataset& dataset) const;
  /// This rank's consecutive part of the unknown users.
  StringTable unknown_ids(const Communicator& comm) const;
};

inline Dataset SmallShop::dataset(const Communicator& comm) const {
  constexpr std::int64_t day = 86400;
  Interactions log;
  log.types = {"view", "purchase"};
  const auto add = [&](Count user, Count item, float views, float purchases, std::int64_t time) {
    log.pairs.push_back({user, item, time, views + purchases});
    for (float strength : {views, purchases}) {
      log.type_strength.push_back(strength);
      log.type_last_time.push_back(strength > 0 ? time : 0);
    }
  };
  if (comm.is_root()) {
    add(0, 0, 2, 1, 1700000000);
    add(0, 2, 1, 0, 1700000000 + day);
    add(1, 1, 0, 4, 1700000000 + 2 * day);
    add(2, 0, 1, 0, 1700000000 + 2 * day);
    add(3, 4, 1, 1, 1700000000 + 4 * day);
    add(4, 0, 1, 0, 1700000000 + 4 * day);
    add(5, 3, 0, 1, 1700000000 + 4 * day);
  }
  auto dataset = assemble_dataset(comm, static_cast<Count>(users.size()), static_cast<Count>(items.size()),
                                  std::move(log), ValueKind::strength);
  const Range own_users = dataset.users.range(comm.rank());
  for (Count user = own_users.begin; user < own_users.end; ++user) {
    dataset.user_ids.push_back(users[static_cast<std::size_t>(user)]);
  }
  dataset.item_ids.clear();
  dataset.item_names.clear();
  const Range own_items = dataset.items.range(comm.rank());
  for (Count item = own_items.begin; item < own_items.end; ++item) {
    dataset.item_ids.push_back(items[static_cast<std::size_t>(item)]);
    dataset.item_names.push_back(names[static_cast<std::size_t>(item)]);
  }
  dataset.cutoff_time = 1700000000 + 4 * day;
  dataset.digest = "00000000deadbeef";
  return dataset;
}

inline Range part_of(const Communicator& comm, std::size_t count) {
  const auto total = static_cast<Count>(count);
  return {total * comm.rank() / comm.size(), total * (comm.rank() + 1) / comm.size()};
}

inline TopLists SmallShop::top_lists(const Communicator& comm, const Dataset& dataset) const {
  TopLists top;
  // Labels differ in order, and in number, from rank to rank.
  top.source_names = comm.rank() % 2 == 0 ? std::vector<std::string>{"als", "unused", "popular"}
                                          : std::vector<std::string>{"popular", "als"};
  const auto add = [&](const List& list) {
    top.rows.push_back(list.user);
    top.items.insert(top.items.end(), list.items.begin(), list.items.end());
    top.scores.insert(top.scores.end(), list.scores.begin(), list.scores.end());
    for (const auto& source : list.sources) {
      const auto found = std::find(top.source_names.begin(), top.source_names.end(), source);
      top.sources.push_back(static_cast<std::uint8_t>(found - top.source_names.begin()));
    }
    top.offsets.push_back(static_cast<Count>(top.items.size()));
  };
  for (const List& list : lists) {
    if (dataset.users.range(comm.rank()).contains(list.user)) add(list);
  }
  for (Count i = 0; i < part_of(comm, unknown_users.size()).size(); ++i) add(unknown_list);
  return top;
}

inline TopLists SmallShop::explained_lists(const Communicator& comm, const Dataset& dataset) const {
  TopLists top = top_lists(comm, dataset);
  Reasons reasons;
  const auto add = [&](ReasonKind kind, Count item, float contribution) {
    reasons.kinds.push_back(kind);
    reasons.items.push_back(item);
    reasons.contributions.push_back(contribution);
  };
  for (Count row = 0; row < top.num_rows(); ++row) {
    const Count first = top.offsets[static_cast<std::size_t>(row)];
    for (Count entry = first; entry < top.offsets[static_cast<std::size_t>(row) + 1]; ++entry) {
      const auto at = static_cast<std::size_t>(entry);
      if (top.source_names[top.sources[at]] == "als") {
        if ((entry - first) % 3 != 2) add(ReasonKind::item, (entry - first) % 3, 0.25F);
        add(ReasonKind::bias, -1, 0.125F);
        if (entry - first == 1) add(ReasonKind::item, 0, -0.5F);
        add(ReasonKind::rest, -1, 1e-3F);
      } else {
        add(ReasonKind::bias, -1, top.scores[at]);
      }
      reasons.offsets.push_back(static_cast<Count>(reasons.items.size()));
    }
  }
  top.reasons = std::move(reasons);
  return top;
}

inline StringTable SmallShop::unknown_ids(const Communicator& comm) const {
  StringTable ids;
  const Range part = part_of(comm, unknown_users.size());
  for (Count user = part.begin; user < part.end; ++user)
    ids.push_back(unknown_users[static_cast<std::size_t>(user)]);
  return ids;
}

inline std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

inline std::string unzipped_text(const std::string& path) {
  std::string text;
  gzFile file = gzopen(path.c_str(), "rb");
  std::vector<char> buffer(4096);
  for (int got = 0; (got = gzread(file, buffer.data(), static_cast<unsigned>(buffer.size()))) > 0;) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  gzclose(file);
  return text;
}

/// Names in a folder, sorted.
inline std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// The texts of files beginning with `stem` in the order of their names, each without its first `skip` bytes.
inline std::string joined_files(const std::string& folder, const std::string& stem, std::size_t skip = 0) {
  std::string text;
  for (const auto& name : files_in(folder)) {
    if (name.starts_with(stem)) {
      const auto path = folder + "/" + name;
      text += (name.ends_with(".gz") ? unzipped_text(path) : file_text(path)).substr(skip);
    }
  }
  return text;
}

}  // namespace pushcart::test
