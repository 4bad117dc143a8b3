#include "models/sessions/visits.hpp"

#include <algorithm>
#include <tuple>

#include "models/training_rows.hpp"
#include "pushcart/matrix/sessions.hpp"

namespace pushcart::sessions {

namespace {

struct Event {
  std::int64_t time = 0;
  Count item = 0;
  double weight = 0;
};

std::map<std::string, double> weights_of_types(const Dataset& dataset,
                                               const std::map<std::string, double>& given) {
  if (!given.empty()) return given;
  std::map<std::string, double> weights;
  for (const EventColumn& column : dataset.events) weights[column.type] = 1;
  return weights;
}

/// The events of a user that count, by time.
void collect_events(const SparseRows& rows, Count row, const std::vector<WeightedColumn>& columns,
                    std::vector<Event>& events) {
  events.clear();
  for (auto entry = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(row)]);
       entry < static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(row) + 1]); ++entry) {
    for (const WeightedColumn& column : columns) {
      if (column.weight > 0 && column.last_time[entry] != 0) {
        events.push_back({column.last_time[entry], rows.columns[entry], column.weight});
      }
    }
  }
  std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) { return a.time < b.time; });
}

/// Each item once, at its last time, with its largest weight; left by time.
void keep_last_of_items(std::vector<Event>& session) {
  std::sort(session.begin(), session.end(), [](const Event& a, const Event& b) {
    return std::tuple(a.item, -a.time) < std::tuple(b.item, -b.time);
  });
  std::size_t kept = 0;
  for (std::size_t e = 0; e < session.size(); ++e) {
    if (kept > 0 && session[kept - 1].item == session[e].item) {
      session[kept - 1].weight = std::max(session[kept - 1].weight, session[e].weight);
    } else {
      session[kept++] = session[e];
    }
  }
  session.resize(kept);
  std::stable_sort(session.begin(), session.end(),
                   [](const Event& a, const Event& b) { return a.time < b.time; });
}

void append_session(std::vector<Event>& session, Visits& to) {
  keep_last_of_items(session);
  const auto first = to.visits.end() - to.visits.begin();
  Count step = 0;
  for (std::size_t e = 0; e < session.size(); ++e) {
    if (e > 0 && session[e].time != session[e - 1].time) ++step;
    to.visits.push_back({session[e].item, step, session[e].weight});
  }
  std::sort(to.visits.begin() + first, to.visits.end(),
            [](const Visit& a, const Visit& b) { return a.item < b.item; });
  to.offsets.push_back(static_cast<Count>(to.visits.size()));
  to.last_time.push_back(session.back().time);
}

}  // namespace

Visits cut_sessions(const Dataset& dataset, const std::map<std::string, double>& event_weights,
                    std::int64_t gap_seconds) {
  const auto weights = weights_of_types(dataset, event_weights);
  const auto columns = weighted_columns(dataset, weights);
  Visits result;
  std::vector<Event> events, session;
  for (Count row = 0; row < dataset.by_user.num_rows(); ++row) {
    collect_events(dataset.by_user, row, columns, events);
    session.clear();
    for (const Event& event : events) {
      if (!session.empty() && begins_session(session.back().time, event.time, gap_seconds)) {
        append_session(session, result);
        session.clear();
      }
      session.push_back(event);
    }
    if (!session.empty()) append_session(session, result);
  }
  return result;
}

}  // namespace pushcart::sessions
