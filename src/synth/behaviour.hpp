#pragma once

#include <cstdint>
#include <vector>

#include "synth/draw.hpp"
#include "synth/shop.hpp"
#include "synth/shopper.hpp"

namespace pushcart::synth {

/// One event before it becomes a line.
struct Record {
  std::int64_t second = 0;  ///< since the start of the log
  std::uint32_t item = 0;
  std::int32_t dwell_tenths = 0;  ///< 0.1 s; 0: not a view
  std::int32_t quantity = 0;      ///< 0: not about pieces
  SynthType type = SynthType::view;
  QueryStyle query = QueryStyle::none;
};

/// Plays one user's visits. Keeps its buffers, so that one object serves many users; one a thread.
class Behaviour {
 public:
  Behaviour(const SynthConfig& config, const Shop& shop);

  /// The user's first `num_events` events, in order of time, no two in the same second.
  /// What follows from something (a cart from a view, a return from a purchase) comes with what it follows
  /// from.
  void play(const Shopper& shopper, Count num_events, std::vector<Record>& records);

 private:
  void visit(const Shopper& shopper, Draw& draw);
  void crawl(const Shopper& shopper, Draw& draw);
  std::int64_t arrival(const Shopper& shopper, Draw& draw) const;
  void choose_categories(Count period);
  Count draw_category(Draw& draw) const;
  Count pick_item(Count period, Count category, Draw& draw) const;
  void look_at(Count item, bool by_search, Draw& draw);
  void check_out(Draw& draw);
  void add(Record record);

  const SynthConfig& config_;
  const Shop& shop_;
  std::int64_t end_;  ///< length of the log in seconds
  std::vector<float> taste_;
  std::vector<double> category_reach_;  ///< cumulative weights
  struct InCart {
    std::uint32_t item;
    std::int32_t quantity;
  };
  std::vector<InCart> cart_;
  std::int64_t now_ = 0;
  std::vector<Record>* records_ = nullptr;
};

}  // namespace pushcart::synth
