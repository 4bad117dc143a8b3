#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "pushcart/base/random.hpp"
#include "pushcart/matrix/assemble.hpp"
#include "pushcart/models/sessions.hpp"

namespace pushcart::test {

/// The last event of a type of a user with an item.
struct SessionEvent {
  Count user = 0, item = 0;
  std::size_t type = 0;
  std::int64_t time = 0;
};

struct SessionLog {
  std::vector<SessionEvent> events;
  std::vector<std::string> types{"view", "cart"};
  Count num_users = 60, num_items = 25;
  std::int64_t cutoff = 0;
};

/// Users who come back after a while and look at items some minutes apart, often several in the same minute.
inline SessionLog session_log(std::uint64_t seed) {
  SessionLog log;
  for (Count user = 0; user < log.num_users; ++user) {
    RandomStream random(seed, static_cast<std::uint64_t>(user));
    std::map<std::pair<Count, std::size_t>, std::int64_t> last;
    std::int64_t time = 1'700'000'000 + static_cast<std::int64_t>(random.next_below(100'000));
    const auto num_events = random.next_below(18);  // some users have none
    for (std::uint64_t e = 0; e < num_events; ++e) {
      const double pause = random.next_uniform();
      time += pause < 0.25  ? 0
              : pause < 0.8 ? 60 * static_cast<std::int64_t>(1 + random.next_below(30))
                            : 7200;
      const auto item = static_cast<Count>(random.next_below(5) * random.next_below(6));
      last[{item, random.next_below(2)}] = time;
    }
    for (const auto& [what, when] : last) log.events.push_back({user, what.first, what.second, when});
    log.cutoff = std::max(log.cutoff, time);
  }
  return log;
}

/// The data set of it; the pairs come from all ranks. Collective.
inline Dataset dataset_of(const Communicator& comm, const SessionLog& log) {
  std::map<std::pair<Count, Count>, std::vector<std::int64_t>> pairs;
  for (const SessionEvent& event : log.events) {
    auto& times = pairs[{event.user, event.item}];
    times.resize(log.types.size(), 0);
    times[event.type] = event.time;
  }
  Interactions mine;
  mine.types = log.types;
  int next = 0;
  for (const auto& [pair, times] : pairs) {
    if (next++ % comm.size() != comm.rank()) continue;
    const auto value = static_cast<float>(1 + pair.second % 3);
    mine.pairs.push_back({pair.first, pair.second, *std::max_element(times.begin(), times.end()), value});
    for (const std::int64_t time : times) {
      mine.type_strength.push_back(time == 0 ? 0.0F : 1.0F);
      mine.type_last_time.push_back(time);
    }
  }
  Dataset dataset =
      assemble_dataset(comm, log.num_users, log.num_items, std::move(mine), ValueKind::strength);
  const Range users = dataset.users.range(comm.rank()), items = dataset.items.range(comm.rank());
  for (Count user = users.begin; user < users.end; ++user)
    dataset.user_ids.push_back("u" + std::to_string(user));
  for (Count item = items.begin; item < items.end; ++item) {
    dataset.item_ids.push_back("i" + std::to_string(item));
    dataset.item_names.push_back("");
  }
  dataset.cutoff_time = log.cutoff;
  dataset.provenance = "{}";
  dataset.digest = "sessions";
  return dataset;
}

/// What SessionsConfig says of W, word by word, one pair of visits after the other.
class PlainSessions {
 public:
  PlainSessions(const SessionLog& log, const SessionsConfig& config) : log_(log), config_(config) {
    if (config.preset == SessionPreset::markov) step_decay_ = backward_ = 0, from_ = 1, to_ = 0;
    step_decay_ = config.step_decay.value_or(step_decay_);
    backward_ = config.backward.value_or(backward_);
    from_ = config.from_exponent.value_or(from_);
    to_ = config.to_exponent.value_or(to_);
    const auto size = static_cast<std::size_t>(log.num_items);
    sums_.assign(size, std::vector<double>(size, 0));
    masses_.assign(size, 0);
    for (Count user = 0; user < log.num_users; ++user) add_user(user);
  }

  double weight(Count j, Count i) const {
    const auto from = static_cast<std::size_t>(j), to = static_cast<std::size_t>(i);
    if (sums_[from][to] == 0) return 0;
    return sums_[from][to] / std::pow(masses_[from], from_) / std::pow(masses_[to], to_);
  }

  /// r_uj: by how many different times of the user's last session come later.
  double counts(Count user, Count item) const {
    const auto pairs = pairs_of(user);
    if (!pairs.contains(item)) return 0;
    std::vector<std::int64_t> times;
    for (const auto& [other, time] : pairs) times.push_back(time);
    std::sort(times.rbegin(), times.rend());
    times.erase(std::unique(times.begin(), times.end()), times.end());
    double count = 1;
    for (std::size_t n = 0; n < times.size(); ++n) {
      if (n > 0 && times[n - 1] - times[n] > gap()) break;
      if (times[n] == pairs.at(item)) return count;
      count *= config_.profile.decay;
    }
    return config_.profile.earlier;
  }

 private:
  std::int64_t gap() const { return static_cast<std::int64_t>(config_.profile.gap_minutes * 60); }

  std::map<Count, std::int64_t> pairs_of(Count user) const {
    std::map<Count, std::int64_t> pairs;
    for (const SessionEvent& event : log_.events) {
      if (event.user == user) pairs[event.item] = std::max(pairs[event.item], event.time);
    }
    return pairs;
  }

  void add_user(Count user) {
    std::vector<std::pair<std::int64_t, std::pair<Count, double>>> events;
    for (const SessionEvent& event : log_.events) {
      const auto given = config_.event_weights.find(log_.types[event.type]);
      const double weight = config_.event_weights.empty()          ? 1
                            : given == config_.event_weights.end() ? 0
                                                                   : given->second;
      if (event.user == user && weight > 0) events.push_back({event.time, {event.item, weight}});
    }
    std::sort(events.begin(), events.end());
    for (std::size_t begin = 0; begin < events.size();) {
      std::size_t end = begin + 1;
      while (end < events.size() && events[end].first - events[end - 1].first <= gap()) ++end;
      add_session({events.begin() + static_cast<std::ptrdiff_t>(begin),
                   events.begin() + static_cast<std::ptrdiff_t>(end)});
      begin = end;
    }
  }

  void add_session(const std::vector<std::pair<std::int64_t, std::pair<Count, double>>>& events) {
    std::map<Count, std::int64_t> times;
    std::map<Count, double> weights;
    for (const auto& [time, what] : events) {
      times[what.first] = time;
      weights[what.first] = std::max(weights[what.first], what.second);
    }
    const double age = static_cast<double>(log_.cutoff - events.back().first) / 86400;
    const double fresh = config_.half_life_days > 0 ? std::exp2(-age / config_.half_life_days) : 1;
    const auto step = [&](Count item) {
      std::vector<std::int64_t> before;
      for (const auto& [other, time] : times) {
        if (time < times[item]) before.push_back(time);
      }
      std::sort(before.begin(), before.end());
      return static_cast<Count>(std::unique(before.begin(), before.end()) - before.begin());
    };
    for (const auto& [j, time] : times) {
      masses_[static_cast<std::size_t>(j)] += fresh * weights[j] * weights[j];
      for (const auto& [i, other_time] : times) {
        const Count distance = step(i) - step(j);
        if (i == j || std::abs(distance) > config_.max_steps) continue;
        const double near =
            std::pow(step_decay_, static_cast<double>(std::max<Count>(std::abs(distance), 1) - 1));
        sums_[static_cast<std::size_t>(j)][static_cast<std::size_t>(i)] +=
            fresh * weights[j] * weights[i] * near * (distance < 0 ? backward_ : 1);
      }
    }
  }

  const SessionLog& log_;
  const SessionsConfig& config_;
  double step_decay_ = 1, backward_ = 1, from_ = 0.5, to_ = 0.5;
  std::vector<std::vector<double>> sums_;
  std::vector<double> masses_;
};

}  // namespace pushcart::test
