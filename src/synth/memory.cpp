#include "synth/memory.hpp"

#include <algorithm>
#include <cmath>

#include "synth/behaviour.hpp"
#include "synth/event_files.hpp"
#include "synth/shop.hpp"

namespace pushcart::synth {

namespace {

constexpr Count growth = 2;        // of a vector that is filled without knowing its size
constexpr Count id_bytes = 8 + 8;  // text and offset
constexpr Count name_bytes = 28 + 8;
constexpr Count slot_bytes = sizeof(AliasSlot);

Count share_of(Count total, Count num_ranks) {
  return (total + num_ranks - 1) / num_ranks;
}

/// All of it on every rank.
Count shop_bytes(const SynthConfig& config) {
  const Count factors = config.latent_dimensions * Count{sizeof(float)};
  constexpr Count columns = growth * Count{4 + 1 + 4 + 4};  // category, brand, price, first period
  constexpr Count popularity = 3 * Count{sizeof(double)};   // levels, weights and ranks while it is made
  return config.items *
         (factors + columns + name_bytes + Shop::num_periods_of(config) * slot_bytes + popularity);
}

/// Lines of the most active user, about: activity is log-normal, that of bots up to 30 times the mean.
Count most_lines_of_a_user(const SynthConfig& config) {
  const auto users = static_cast<double>(config.users);
  const double extreme = std::exp(std::sqrt(2 * std::log(std::max(2.0, users))) - 0.5);
  const double most = std::max(extreme, config.bot_share > 0 ? 30.0 : 0.0);
  return static_cast<Count>(static_cast<double>(config.events) * std::min(1.0, most / users));
}

/// Tasks of all threads, one of them with the most active user, and the file being written.
Count event_bytes(const SynthConfig& config, Count num_threads) {
  const Count line_bytes = config.format == SynthFormat::csv ? 128 : 256;
  constexpr Count file_bytes = Count{4} << 20;
  const Count most = most_lines_of_a_user(config);
  const Count a_task = std::min(config.events, lines_per_task + config.events / config.users);
  const Count records = num_threads * most * Count{sizeof(Record) + 1};
  return growth * line_bytes * (2 * num_threads * a_task + most) + records + file_bytes;
}

/// This rank's share of tastes and best items, and of what is read back.
Count truth_bytes(const SynthConfig& config, Count num_ranks, Count num_threads) {
  const Count users = config.truth_users > 0 ? std::min(config.truth_users, config.users) : config.users;
  const Count list_users = std::min(config.truth_list_users, users);
  const Count tastes = 2 * config.latent_dimensions * Count{sizeof(float)} + growth * (id_bytes + 1);
  const Count best = std::min(config.truth_list_length, config.items) * Count{sizeof(Count) + sizeof(float)};
  constexpr Count item_columns = growth * (id_bytes + 2 * Count{sizeof(Count)});
  const Count scored = list_users > 0 ? num_threads * config.items * Count{2 * sizeof(Count)} : 0;
  constexpr Count read_back = Count{8} << 20;
  return share_of(users, num_ranks) * tastes + share_of(list_users, num_ranks) * best +
         std::max(scored, share_of(config.items, num_ranks) * item_columns) + read_back;
}

}  // namespace

void plan_memory(MemoryPlan& plan, const SynthConfig& config, Count num_ranks, Count num_threads) {
  plan.add("shop", shop_bytes(config));
  plan.add("lines and the file written", event_bytes(config, num_threads));
  plan.add("truth",
           truth_bytes(config, num_ranks, num_threads));  // lines have gone, but their memory is kept
}

}  // namespace pushcart::synth
