#include "features/user_summary.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <tuple>

#include "pushcart/matrix/sessions.hpp"

namespace pushcart::detail {

namespace {

/// A total order of floats, NaN among them.
std::uint32_t bits_of(float value) {
  return std::bit_cast<std::uint32_t>(value);
}

/// Calls use(value, count) for each run of equal values.
template <class T, class Use>
void for_runs(const std::vector<T>& sorted, const Use& use) {
  for (std::size_t begin = 0; begin < sorted.size();) {
    std::size_t end = begin;
    while (end < sorted.size() && sorted[end] == sorted[begin]) ++end;
    use(sorted[begin], static_cast<Count>(end - begin));
    begin = end;
  }
}

}  // namespace

const UserSummary& UserSummarizer::summarize(std::size_t first, std::size_t end) {
  clear();
  sum_.num_events = static_cast<Count>(end - first);
  sort_by_time(first, end);
  if (scope_.has_times && first < end) add_time_line();
  add_amounts();
  add_items(first, end);
  add_novelty();
  add_categories();
  return sum_;
}

void UserSummarizer::clear() {
  sum_ = UserSummary{};
  sum_.events_of_type.assign(scope_.types.size(), 0);
  sum_.events_of_window.assign(scope_.num_windows(), 0);
  sum_.events_of_band.assign(scope_.num_bands(), 0);
  item_users_.clear();
  categories_.clear();
}

/// Events that this order holds equal say the same but for the item, whose order nothing below depends on.
void UserSummarizer::sort_by_time(std::size_t first, std::size_t end) {
  by_time_.resize(end - first);
  std::iota(by_time_.begin(), by_time_.end(), first);
  const auto key = [&](std::size_t e) {
    const EventDetails& details = log_.details[e];
    return std::tuple(log_.events[e].time, log_.events[e].type, bits_of(details.price),
                      bits_of(details.quantity), bits_of(details.dwell));
  };
  std::sort(by_time_.begin(), by_time_.end(), [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
}

void UserSummarizer::add_time_line() {
  const auto time_of = [&](std::size_t e) { return log_.events[e].time; };
  sum_.first_time = time_of(by_time_.front());
  sum_.last_time = time_of(by_time_.back());
  std::int64_t session_begin = sum_.first_time, before = sum_.first_time;
  sum_.sessions = 1;
  sum_.active_days = 1;
  for (const std::size_t e : by_time_) {
    const std::int64_t time = time_of(e);
    if (begins_session(before, time, scope_.session_gap_seconds)) {
      sum_.session_seconds += before - session_begin;
      session_begin = time;
      ++sum_.sessions;
    }
    sum_.active_days += scope_.day_of(time) != scope_.day_of(before);
    before = time;
    ++sum_.events_of_hour[static_cast<std::size_t>(scope_.hour_of(time))];
    ++sum_.events_of_weekday[static_cast<std::size_t>(scope_.weekday_of(time))];
    for (std::size_t w = 0; w < scope_.num_windows(); ++w) {
      sum_.events_of_window[w] += time > scope_.cutoff - scope_.window_seconds[w];
    }
  }
  sum_.session_seconds += before - session_begin;
}

void UserSummarizer::add_amounts() {
  for (const std::size_t e : by_time_) {
    const LogEvent& event = log_.events[e];
    const EventDetails& details = log_.details[e];
    ++sum_.events_of_type[event.type];
    const Act act = scope_.acts(event, details);
    const bool has_price = !std::isnan(details.price);
    sum_.views += act == Act::view;
    if (!std::isnan(details.dwell)) sum_.dwell_seconds += details.dwell;
    if (has_price) {
      ++sum_.priced_events;
      sum_.all_prices += details.price;
    }
    if (act == Act::giving_back && has_price) sum_.spent -= money_of(details);
    if (act != Act::purchase) continue;
    ++sum_.purchases;
    sum_.last_purchase_time = event.time;
    if (!has_price) continue;
    ++sum_.priced_purchases;
    sum_.paid_prices += details.price;
    sum_.spent += money_of(details);
  }
}

const ItemFacts* UserSummarizer::facts_of(std::size_t event) const {
  const auto item = items_.of_event[event];
  return items_.index[item] < 0 ? nullptr : &items_.facts[item];
}

void UserSummarizer::add_items(std::size_t first, std::size_t end) {
  for (std::size_t e = first; e < end;) {
    std::size_t last = e;
    while (last < end && items_.of_event[last] == items_.of_event[e]) ++last;
    const PairActs acts = acts_of_pair(scope_.acts, std::span(log_.events).subspan(e, last - e),
                                       std::span(log_.details).subspan(e, last - e));
    ++sum_.items;
    sum_.items_viewed += acts.viewed;
    sum_.items_carted += acts.carted;
    sum_.carted_after_view += acts.carted_after_view;
    sum_.bought_after_view += acts.bought_after_view;
    sum_.bought_after_cart += acts.bought_after_cart;
    if (const ItemFacts* facts = facts_of(e)) {
      const auto num_events = static_cast<Count>(last - e);
      ++sum_.known_items;
      sum_.events_of_known_items += num_events;
      item_users_.push_back(facts->num_users);
      if (scope_.has_times) {
        for (std::size_t at = e; at < last; ++at)
          sum_.item_age_seconds += log_.events[at].time - facts->first_time;
      }
      if (facts->price_band >= 0) {
        sum_.events_of_band[static_cast<std::size_t>(facts->price_band)] += num_events;
        sum_.banded_events += num_events;
      }
      if (facts->category >= 0) categories_.insert(categories_.end(), last - e, facts->category);
    }
    e = last;
  }
}

void UserSummarizer::add_novelty() {
  std::sort(item_users_.begin(), item_users_.end());
  for_runs(item_users_, [&](Count num_users, Count times) {
    sum_.novelty_bits -=
        static_cast<double>(times) * std::log2(static_cast<double>(num_users) / items_.num_users);
  });
}

void UserSummarizer::add_categories() {
  std::sort(categories_.begin(), categories_.end());
  sum_.categorized_events = static_cast<Count>(categories_.size());
  for_runs(categories_, [&](std::int32_t category, Count num_events) {
    sum_.events_of_category.emplace_back(category, num_events);
    const double share = static_cast<double>(num_events) / static_cast<double>(sum_.categorized_events);
    sum_.category_entropy -= share * std::log2(share);
    if (num_events <= sum_.top_category_events) return;
    sum_.top_category_events = num_events;
    sum_.top_category = category;
  });
}

}  // namespace pushcart::detail
