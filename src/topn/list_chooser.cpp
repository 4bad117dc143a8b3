#include "pushcart/topn/list_chooser.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "pushcart/base/random.hpp"
#include "pushcart/matrix/assemble.hpp"
#include "pushcart/models/popular.hpp"
#include "pushcart/topn/filters.hpp"
#include "topn/short_lists.hpp"

namespace pushcart {

void check_chooser_config(const ChooserConfig& config) {
  if (config.min_evidence < 0)
    throw ConfigError(fmt::format("--min-evidence {}: must not be negative", config.min_evidence));
  for (const ListSource& fallback : config.fallbacks) {
    if (fallback.min_evidence < 0)
      throw ConfigError(fmt::format("--fallback-evidence {}: must not be negative", fallback.min_evidence));
  }
  if (!(config.new_items.share >= 0 && config.new_items.share <= 1))
    throw ConfigError(fmt::format("--new-share {}: must be in [0, 1]", config.new_items.share));
  if (!(config.new_items.days >= 0) || !std::isfinite(config.new_items.days))
    throw ConfigError(fmt::format("--new-days {}: must not be negative", config.new_items.days));
}

namespace {

/// Puts an entry of other lists behind what `lists` have.
void push_entry(const TopLists& from, std::size_t entry, std::uint8_t source, TopLists& lists) {
  lists.items.push_back(from.items[entry]);
  lists.scores.push_back(from.scores[entry]);
  lists.sources.push_back(source);
}

}  // namespace

ListChooser::ListChooser(const Communicator& comm, const Dataset& dataset, ChooserConfig config,
                         const std::vector<std::uint8_t>& item_allowed, PhaseLog& phases)
    : comm_(comm),
      dataset_(dataset),
      config_(std::move(config)),
      allowed_(item_allowed),
      phases_(phases),
      popular_(train_popular(comm, dataset, PopularConfig{})) {
  check_chooser_config(config_);
  TopRequest others;
  others.item_allowed = allowed_;
  if (config_.new_items.share > 0) {
    new_allowed_ = new_items(comm, dataset, config_.new_items.days);
    for (std::size_t item = 0; item < new_allowed_.size(); ++item) {
      const bool may = allowed_.empty() || allowed_[item];
      other_allowed_.push_back(may && !new_allowed_[item] ? 1 : 0);
      new_allowed_[item] = may && new_allowed_[item] ? 1 : 0;
    }
    num_new_items_ = comm.sum(std::count(new_allowed_.begin(), new_allowed_.end(), std::uint8_t{1}));
    others.item_allowed = other_allowed_;
  }
  if (!config_.category_attribute.empty()) {
    categories_ = category_popularity(comm, dataset, popular_, config_.category_attribute, others);
  }
}

void ListChooser::plan(MemoryPlan& plan, const Dataset& dataset, const ChooserConfig& config, Count num_users,
                       Count num_excluded, Count n) {
  constexpr Count entry_bytes = sizeof(Count) + sizeof(float) + 1, mark = sizeof(std::uint8_t);
  const Count items = dataset.by_item.num_rows(), pairs = dataset.by_user.num_entries();
  plan.add("popularity of items, and which may be in lists", items * (Count{sizeof(float)} + mark));
  const bool keeps_places = config.new_items.share > 0;
  plan.add("marks of new items", keeps_places ? 2 * items * mark : 0);
  // Items that older pairs name: all of them, and each once as it goes to its owner.
  plan.add("pairs before --new-days",
           keeps_places && config.new_items.days > 0 ? 2 * pairs * Count{sizeof(Count)} : 0);
  const double new_places = std::ceil(config.new_items.share * static_cast<double>(n));
  plan.add("lists of new items",
           keeps_places ? num_users * std::min(n, static_cast<Count>(new_places) + 1) * entry_bytes : 0);
  const bool asks_categories = !config.category_attribute.empty();
  plan.add("categories of items, and what is popular in them",
           asks_categories ? items * Count{2 * sizeof(Count) + sizeof(Interaction) + sizeof(float)} : 0);
  // Each pair's item, and the category that comes back for it.
  plan.add("categories of the users' items", asks_categories ? 2 * pairs * Count{sizeof(Count)} : 0);
  // A request of its own, and what each list does not want, sorted.
  const bool fills_many =
      keeps_places || asks_categories || !config.fallbacks.empty() || config.min_evidence > 1;
  plan.add("what lists of further sources leave out",
           fills_many ? num_excluded * Count{3 * sizeof(Count) + 2 * sizeof(float)} +
                            num_users * n * Count{2 * sizeof(Count)}
                      : 0);
  plan.add("lists of further sources", fills_many ? 2 * num_users * n * entry_bytes : 0);
}

TopLists ListChooser::lists(TopRequest request, const ListSearch& personal, Count num_unknown) const {
  const bool keeps_places = num_new_items_ > 0;
  TopLists newcomers;
  if (keeps_places) {
    newcomers = best_new_items(request);
    request.item_allowed = other_allowed_;
  }
  TopLists lists = personal(request);
  empty_lists_without_evidence(lists);
  for (Count unknown = 0; unknown < num_unknown; ++unknown) {
    lists.rows.push_back(-1);
    lists.offsets.push_back(lists.offsets.back());
  }
  fill(request, lists);
  if (keeps_places) {
    give_last_places(newcomers, request.n, lists);
    request.item_allowed = allowed_;
    fill_from_popular(comm_, popular_, request, lists, "popular");
  }
  return lists;
}

/// The new items that the users' lists can get, best first.
TopLists ListChooser::best_new_items(const TopRequest& request) const {
  TopRequest wanted = request;
  wanted.n = 1;
  for (const Count user : request.users) wanted.n = std::max(wanted.n, places_for_new(user, request.n));
  wanted.n = comm_.allreduce(wanted.n, Reduce::max);
  wanted.item_allowed = new_allowed_;
  TopLists best;
  best.rows = request.users;
  best.offsets.assign(request.users.size() + 1, 0);
  fill_from_model(comm_, *config_.new_items.model, dataset_, wanted, best, "new", 0, phases_);
  return best;
}

void ListChooser::fill(const TopRequest& request, TopLists& lists) const {
  for (const ListSource& fallback : config_.fallbacks) {
    fill_from_model(comm_, *fallback.model, dataset_, request, lists, fallback.label, fallback.min_evidence,
                    phases_);
  }
  if (categories_) {
    const auto timer = phases_.time("fill from categories");
    fill_from_categories(comm_, *categories_, dataset_, request, lists, "category");
  }
  const auto timer = phases_.time("fill from popular");
  fill_from_popular(comm_, popular_, request, lists, "popular");
}

void ListChooser::empty_lists_without_evidence(TopLists& lists) const {
  const auto has_evidence = [&](Count user) {
    return dataset_.by_user.row_length(user - dataset_.by_user.rows.begin) >= config_.min_evidence;
  };
  if (std::all_of(lists.rows.begin(), lists.rows.end(), has_evidence)) return;
  TopLists kept;
  kept.source_names = lists.source_names;
  kept.scoring = lists.scoring;
  for (std::size_t row = 0; row < lists.rows.size(); ++row) {
    kept.rows.push_back(lists.rows[row]);
    if (has_evidence(lists.rows[row])) {
      for (Count entry = lists.offsets[row]; entry < lists.offsets[row + 1]; ++entry) {
        const auto position = static_cast<std::size_t>(entry);
        push_entry(lists, position, lists.sources[position], kept);
      }
    }
    kept.offsets.push_back(static_cast<Count>(kept.items.size()));
  }
  lists = std::move(kept);
}

Count ListChooser::places_for_new(Count user, Count n) const {
  const auto id = dataset_.user_ids[user - dataset_.by_user.rows.begin];
  // Of its own, not that by which users are held out, tested or drawn in a bootstrap.
  const RandomStream draw(config_.new_items.seed, hash_text("place for a new item: " + std::string(id)));
  const double places = config_.new_items.share * static_cast<double>(n);
  return std::min(n, static_cast<Count>(places + draw.uniform(0)));
}

void ListChooser::give_last_places(const TopLists& newcomers, Count n, TopLists& lists) const {
  TopLists result;
  result.rows = lists.rows;
  result.scoring = lists.scoring;
  result.source_names = lists.source_names;
  const auto label = static_cast<std::uint8_t>(result.source_names.size());
  result.source_names.push_back("new");
  for (std::size_t row = 0; row < lists.rows.size(); ++row) {
    Count num_new = 0;
    if (row < newcomers.rows.size()) {
      num_new =
          std::min(newcomers.offsets[row + 1] - newcomers.offsets[row], places_for_new(lists.rows[row], n));
    }
    const Count end = std::min(lists.offsets[row + 1], lists.offsets[row] + n - num_new);
    for (Count entry = lists.offsets[row]; entry < end; ++entry) {
      const auto position = static_cast<std::size_t>(entry);
      push_entry(lists, position, lists.sources[position], result);
    }
    for (Count entry = 0; entry < num_new; ++entry) {
      push_entry(newcomers, static_cast<std::size_t>(newcomers.offsets[row] + entry), label, result);
    }
    result.offsets.push_back(static_cast<Count>(result.items.size()));
  }
  lists = std::move(result);
}

}  // namespace pushcart
