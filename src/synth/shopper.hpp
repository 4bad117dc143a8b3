#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "synth/shop.hpp"

namespace pushcart::synth {

/// Whether the user is a program that walks through the whole shop.
bool is_bot(const SynthConfig& config, Count user);

/// How many lines the user writes, relative to others: log-normal, bots far above.
double activity(const SynthConfig& config, Count user);

/// A user. Tastes have length sqrt(dimensions) and turn over time from `early` towards `late`.
class Shopper {
 public:
  Shopper(const SynthConfig& config, const Shop& shop, Count user);

  Count number() const { return number_; }
  bool bot() const { return bot_; }
  /// Share of the log that is over when the user first comes.
  double joined() const { return joined_; }
  std::string_view country() const;
  int age_group() const { return age_group_; }
  static std::string_view age_group_name(int group);

  /// Taste when `share` of the log is over. `taste` has the number of dimensions.
  void taste_at(double share, std::span<float> taste) const;

 private:
  std::vector<float> draw_taste(class Draw& draw, const Shop& shop) const;

  Count number_;
  double taste_drift_;
  bool bot_;
  double joined_ = 0;
  int country_ = 0;
  int age_group_ = 0;
  std::vector<float> early_;
  std::vector<float> late_;
};

}  // namespace pushcart::synth
