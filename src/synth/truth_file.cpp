#include "synth/truth_file.hpp"

#include <algorithm>
#include <numeric>

#include "pushcart/base/parallel.hpp"
#include "pushcart/checkpoint/file_writer.hpp"
#include "pushcart/comm/collectively.hpp"
#include "synth/shopper.hpp"

namespace pushcart::synth {

namespace {

Range part_of(const Communicator& comm, Count total) {
  const auto cut = [&](int rank) {
    return static_cast<Count>(static_cast<__int128>(total) * rank / comm.size());
  };
  return {cut(comm.rank()), cut(comm.rank() + 1)};
}

struct Tastes {
  StringTable ids;
  std::vector<float> first, last;  ///< users x dimensions
  std::vector<std::uint8_t> bots;
};

Tastes tastes_of(const SynthConfig& config, const Shop& shop, Range users) {
  Tastes tastes;
  const auto width = static_cast<std::size_t>(shop.num_dimensions());
  tastes.first.resize(static_cast<std::size_t>(users.size()) * width);
  tastes.last.resize(tastes.first.size());
  for (Count user = users.begin; user < users.end; ++user) {
    const Shopper shopper(config, shop, user);
    const std::size_t row = static_cast<std::size_t>(user - users.begin) * width;
    shopper.taste_at(0.0, std::span(tastes.first).subspan(row, width));
    shopper.taste_at(1.0, std::span(tastes.last).subspan(row, width));
    tastes.ids.push_back(synth_user_id(user));
    tastes.bots.push_back(shopper.bot() ? 1 : 0);
  }
  return tastes;
}

struct BestItems {
  Count length = 0;
  std::vector<Count> items;  ///< users x length
  std::vector<float> affinity;
};

BestItems best_items(const SynthConfig& config, const Shop& shop, Range users) {
  BestItems best;
  best.length = std::min(config.truth_list_length, shop.num_items());
  const auto length = static_cast<std::size_t>(best.length);
  best.items.resize(static_cast<std::size_t>(users.size()) * length);
  best.affinity.resize(best.items.size());
  parallel_for(users.size(), [&](Count row) {
    std::vector<float> taste(static_cast<std::size_t>(shop.num_dimensions()));
    Shopper(config, shop, users.begin + row).taste_at(1.0, taste);
    std::vector<std::pair<float, Count>> scored;
    scored.reserve(static_cast<std::size_t>(shop.num_items()));
    for (Count item = 0; item < shop.num_items(); ++item) {
      scored.emplace_back(-static_cast<float>(shop.affinity(taste, item)), item);
    }
    std::partial_sort(scored.begin(), scored.begin() + best.length, scored.end());
    for (std::size_t n = 0; n < length; ++n) {
      best.items[static_cast<std::size_t>(row) * length + n] = scored[n].second;
      best.affinity[static_cast<std::size_t>(row) * length + n] = -scored[n].first;
    }
  });
  return best;
}

void write_items(FileWriter& file, const Shop& shop, Range items) {
  StringTable ids;
  std::vector<Count> categories, launch_days;
  for (Count item = items.begin; item < items.end; ++item) {
    ids.push_back(synth_item_id(item));
    categories.push_back(shop.category_number(item));
    launch_days.push_back(shop.launch_day(item));
  }
  const auto first = static_cast<std::size_t>(items.begin), size = static_cast<std::size_t>(items.size());
  const auto width = static_cast<std::size_t>(shop.num_dimensions());
  file.write_strings("items/ids", ids);
  file.write("items/factors", shop.all_factors().subspan(first * width, size * width), shop.num_dimensions());
  file.write("items/popularity", shop.final_popularity().subspan(first, size));
  file.write("items/category", std::span<const Count>(categories));
  file.write("items/launch_day", std::span<const Count>(launch_days));
}

}  // namespace

std::string write_truth(const Communicator& comm, const SynthConfig& config, const Shop& shop,
                        const std::string& path) {
  const Count num_users = config.truth_users > 0 ? std::min(config.truth_users, config.users) : config.users;
  const Count num_list_users = std::min(config.truth_list_users, num_users);
  const auto tastes = collectively(comm, "working out true tastes",
                                   [&] { return tastes_of(config, shop, part_of(comm, num_users)); });
  const auto best = collectively(comm, "working out best items",
                                 [&] { return best_items(config, shop, part_of(comm, num_list_users)); });
  constexpr std::int64_t schema_version = 1;
  FileWriter file(comm, path, "truth", schema_version);
  file.attribute("seed", std::to_string(config.seed));
  file.attribute("num_users", config.users);
  file.attribute("num_items", config.items);
  file.write_strings("users/ids", tastes.ids);
  file.write("users/factors_start", std::span<const float>(tastes.first), shop.num_dimensions());
  file.write("users/factors", std::span<const float>(tastes.last), shop.num_dimensions());
  file.write("users/is_bot", std::span<const std::uint8_t>(tastes.bots));
  write_items(file, shop, part_of(comm, shop.num_items()));
  if (num_list_users > 0) {
    file.write("lists/items", std::span<const Count>(best.items), best.length);
    file.write("lists/affinity", std::span<const float>(best.affinity), best.length);
  }
  return file.commit();
}

}  // namespace pushcart::synth
