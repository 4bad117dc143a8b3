#include "synth/behaviour.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "pushcart/base/days.hpp"
#include "synth/vectors.hpp"

namespace pushcart::synth {

namespace {


/// Cumulative share of visits that begin before the end of each hour (UTC): quiet nights, busy evenings.
constexpr std::array<double, 24> hours_upto{0.015, 0.023, 0.028, 0.032, 0.037, 0.047, 0.065, 0.095,
                                            0.135, 0.180, 0.230, 0.280, 0.335, 0.385, 0.430, 0.475,
                                            0.525, 0.580, 0.645, 0.725, 0.815, 0.895, 0.955, 1.0};

// How strongly choices follow taste. An affinity of 2 is "rather my thing".
constexpr double category_pull = 1.8;
constexpr double item_pull = 2.2;
constexpr double liked = 2.0;
constexpr double wanted = 2.4;
constexpr int max_glances = 12;  // items glanced at before one is opened anyway

constexpr double mean_further_views = 4.0;
constexpr double stay_in_category = 0.75;

std::int32_t dwell_tenths(double affinity, Draw& draw) {
  const double seconds = std::exp(2.6 + 0.35 * affinity + 0.7 * draw.normal());
  return std::clamp(static_cast<std::int32_t>(seconds * 10), 5, 9000);
}

std::int32_t pieces(Draw& draw) {
  return draw.happens(0.8) ? 1 : static_cast<std::int32_t>(std::min<Count>(2 + draw.geometric(1.0), 48));
}

}  // namespace

Behaviour::Behaviour(const SynthConfig& config, const Shop& shop)
    : config_(config),
      shop_(shop),
      end_(config.days * day_seconds),
      taste_(static_cast<std::size_t>(shop.num_dimensions())),
      category_reach_(shop.categories().size()) {}

void Behaviour::play(const Shopper& shopper, Count num_events, std::vector<Record>& records) {
  records.clear();
  records_ = &records;
  Draw draw(config_.seed, Purpose::behaviour, shopper.number());
  while (static_cast<Count>(records.size()) < num_events) {
    if (shopper.bot()) {
      crawl(shopper, draw);
    } else {
      visit(shopper, draw);
    }
  }
  records.resize(static_cast<std::size_t>(num_events));
  std::stable_sort(records.begin(), records.end(),
                   [](const Record& a, const Record& b) { return a.second < b.second; });
  for (std::size_t i = 1; i < records.size(); ++i) {
    records[i].second = std::max(records[i].second, records[i - 1].second + 1);
  }
}

std::int64_t Behaviour::arrival(const Shopper& shopper, Draw& draw) const {
  const auto days = static_cast<double>(config_.days);
  auto day = static_cast<std::int64_t>(days * draw.between(shopper.joined(), 1.0));
  day = std::min<std::int64_t>(day, config_.days - 1);
  const double u = draw.uniform();
  const auto hour = std::upper_bound(hours_upto.begin(), hours_upto.end(), u) - hours_upto.begin();
  return day * day_seconds + hour * 3600 + draw.below(3600);
}

void Behaviour::visit(const Shopper& shopper, Draw& draw) {
  now_ = arrival(shopper, draw);
  const Count period = shop_.period_of(now_ / day_seconds);
  shopper.taste_at(static_cast<double>(now_) / static_cast<double>(end_), taste_);
  choose_categories(period);
  cart_.clear();

  Count category = draw_category(draw);
  const Count num_views = 1 + draw.geometric(mean_further_views);
  bool by_search = draw.happens(config_.search_share);
  for (Count view = 0; view < num_views; ++view) {
    if (view > 0 && !draw.happens(stay_in_category)) category = draw_category(draw);
    look_at(pick_item(period, category, draw), by_search, draw);
    by_search = false;
  }
  check_out(draw);
}

void Behaviour::crawl(const Shopper& shopper, Draw& draw) {
  constexpr Count pages_a_sitting = 200;
  now_ = arrival(shopper, draw);
  for (Count page = 0; page < pages_a_sitting; ++page) {
    const Count item = draw.below(shop_.num_items());
    if (shop_.launch_day(item) * day_seconds <= now_) {
      add({now_, static_cast<std::uint32_t>(item), static_cast<std::int32_t>(5 + draw.below(10)), 0,
           SynthType::view, QueryStyle::none});
    }
    now_ += 1 + draw.below(2);
  }
}

void Behaviour::choose_categories(Count period) {
  double reach = 0;
  for (std::size_t c = 0; c < category_reach_.size(); ++c) {
    const double pull = dot(taste_, shop_.categories()[c].centre);
    reach += std::sqrt(shop_.category_share(period, static_cast<Count>(c))) * std::exp(category_pull * pull);
    category_reach_[c] = reach;
  }
}

Count Behaviour::draw_category(Draw& draw) const {
  const double place = draw.uniform() * category_reach_.back();
  const auto found = std::upper_bound(category_reach_.begin(), category_reach_.end(), place);
  return std::min<Count>(found - category_reach_.begin(), static_cast<Count>(category_reach_.size()) - 1);
}

Count Behaviour::pick_item(Count period, Count category, Draw& draw) const {
  Count item = 0;
  for (int glance = 0; glance < max_glances; ++glance) {
    item = shop_.draw_item(period, category, draw.bits());
    if (draw.happens(sigmoid(item_pull * (shop_.affinity(taste_, item) - liked)))) break;
  }
  return item;
}

void Behaviour::look_at(Count item, bool by_search, Draw& draw) {
  const auto number = static_cast<std::uint32_t>(item);
  if (by_search) {
    const auto style = static_cast<QueryStyle>(1 + draw.below(num_query_styles - 1));
    add({now_, number, 0, 0, SynthType::search, style});
    now_ += 1 + draw.below(4);
  }
  const double affinity = shop_.affinity(taste_, item);
  const std::int32_t dwell = dwell_tenths(affinity, draw);
  add({now_, number, dwell, 0, SynthType::view, QueryStyle::none});
  now_ += 1 + dwell / 10;
  if (draw.happens(0.3 * sigmoid(1.5 * (affinity - wanted)))) {
    const std::int32_t quantity = pieces(draw);
    add({now_, number, 0, quantity, SynthType::cart, QueryStyle::none});
    now_ += 2 + draw.below(8);
    cart_.push_back({number, quantity});
  }
}

void Behaviour::check_out(Draw& draw) {
  now_ += 30 + draw.below(300);
  for (const InCart& chosen : cart_) {
    const double affinity = shop_.affinity(taste_, chosen.item);
    if (!draw.happens(0.2 + 0.6 * sigmoid(affinity - wanted))) continue;
    add({now_, chosen.item, 0, chosen.quantity, SynthType::purchase, QueryStyle::none});
    if (draw.happens(config_.return_share)) {
      const std::int64_t later = now_ + day_seconds * (2 + draw.below(20)) + draw.below(day_seconds / 2);
      const auto back = static_cast<std::int32_t>(1 + draw.below(chosen.quantity));
      add({later, chosen.item, 0, back, SynthType::returned, QueryStyle::none});
    }
    ++now_;
  }
}

void Behaviour::add(Record record) {
  if (record.second < end_) records_->push_back(record);
}

}  // namespace pushcart::synth
