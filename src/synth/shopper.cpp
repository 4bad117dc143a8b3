#include "synth/shopper.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "synth/draw.hpp"
#include "synth/vectors.hpp"

namespace pushcart::synth {

namespace {

struct Share {
  std::string_view name;
  double upto;  ///< cumulative
};
constexpr std::array<Share, 8> countries{{{"United Kingdom", 0.45},
                                          {"Germany", 0.62},
                                          {"France", 0.75},
                                          {"Netherlands", 0.83},
                                          {"Spain", 0.90},
                                          {"Sweden", 0.94},
                                          {"Poland", 0.97},
                                          {"Ireland", 1.0}}};
constexpr std::array<Share, num_age_groups> age_groups{
    {{"18-24", 0.14}, {"25-34", 0.38}, {"35-44", 0.60}, {"45-54", 0.78}, {"55-64", 0.91}, {"65+", 1.0}}};

template <std::size_t N>
int draw_share(const std::array<Share, N>& shares, double uniform) {
  int chosen = 0;
  while (uniform >= shares[static_cast<std::size_t>(chosen)].upto) ++chosen;
  return chosen;
}

}  // namespace

bool is_bot(const SynthConfig& config, Count user) {
  return Draw(config.seed, Purpose::activity, user).happens(config.bot_share);
}

double activity(const SynthConfig& config, Count user) {
  constexpr double spread = 1.0;
  constexpr double bot_lines = 20.0;  // average users' worth
  Draw draw(config.seed, Purpose::activity, user);
  if (draw.happens(config.bot_share)) return bot_lines * draw.between(0.5, 1.5);
  return std::exp(spread * draw.normal() - 0.5 * spread * spread);  // mean 1
}

Shopper::Shopper(const SynthConfig& config, const Shop& shop, Count user)
    : number_(user), taste_drift_(config.taste_drift), bot_(is_bot(config, user)) {
  Draw draw(config.seed, Purpose::user, user);
  country_ = draw_share(countries, draw.uniform());
  age_group_ = draw_share(age_groups, draw.uniform());
  joined_ = draw.happens(0.6) ? 0.0 : draw.between(0.0, 0.8);
  early_ = draw_taste(draw, shop);
  late_ = draw_taste(draw, shop);
}

/// Some favourite categories, popular ones more often, the age group's leaning, and something of one's own.
std::vector<float> Shopper::draw_taste(Draw& draw, const Shop& shop) const {
  constexpr int num_favourites = 2;
  constexpr float favourite_part = 0.7F, age_part = 0.4F, own_part = 0.8F;
  auto taste = random_direction(draw, shop.num_dimensions());
  for (float& value : taste) value *= own_part;
  add_scaled(taste, age_part, shop.age_group(age_group_));
  for (int favourite = 0; favourite < num_favourites; ++favourite) {
    double left = draw.uniform();
    std::size_t category = 0;
    while (category + 1 < shop.categories().size() &&
           (left -= shop.category_share(0, static_cast<Count>(category))) >= 0) {
      ++category;
    }
    add_scaled(taste, favourite_part, shop.categories()[category].centre);
  }
  set_length(taste, std::sqrt(static_cast<float>(shop.num_dimensions())));
  return taste;
}

std::string_view Shopper::country() const {
  return countries[static_cast<std::size_t>(country_)].name;
}

std::string_view Shopper::age_group_name(int group) {
  return age_groups[static_cast<std::size_t>(group)].name;
}

void Shopper::taste_at(double share, std::span<float> taste) const {
  const double angle = taste_drift_ * share * std::numbers::pi / 2;
  std::fill(taste.begin(), taste.end(), 0.0F);
  add_scaled(taste, static_cast<float>(std::cos(angle)), early_);
  add_scaled(taste, static_cast<float>(std::sin(angle)), late_);
}

}  // namespace pushcart::synth
