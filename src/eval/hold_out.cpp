#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <tuple>

#include "eval/coins.hpp"
#include "eval/held_out_chance.hpp"
#include "pushcart/base/days.hpp"
#include "pushcart/base/suggest.hpp"
#include "pushcart/comm/collectively.hpp"
#include "pushcart/eval/split.hpp"
#include "pushcart/ids/send_by_rank.hpp"
#include "pushcart/matrix/assemble.hpp"
#include "pushcart/matrix/sessions.hpp"

namespace pushcart {

namespace {

/// Per entry of by_user.
using Marks = std::vector<std::uint8_t>;
constexpr std::uint8_t for_training = 0, held_out_mark = 1, known_mark = 2;

bool is_by_share(SplitKind kind) {
  return kind == SplitKind::random || kind == SplitKind::items || kind == SplitKind::users;
}

bool takes_known(SplitKind kind) {
  return kind == SplitKind::items || kind == SplitKind::users;
}

void check_config(const Dataset& dataset, const SplitConfig& config) {
  if (is_by_share(config.kind) && !(config.share > 0 && config.share < 1)) {
    throw ConfigError(
        fmt::format("--hold-out-share {}: the held-out share must lie between 0 and 1", config.share));
  }
  if (!(std::abs(config.popularity) <= 4) || (config.popularity != 0 && config.kind != SplitKind::random)) {
    throw ConfigError(fmt::format(
        "--hold-out-popularity {}: must lie between -4 and 4, and goes with --hold-out random alone",
        config.popularity));
  }
  if (takes_known(config.kind) && config.known < 0) {
    throw ConfigError(fmt::format("--known {}: must not be negative", config.known));
  }
  if (config.kind == SplitKind::last_n && config.n < 1) {
    throw ConfigError(fmt::format("--hold-out-n {}: must be at least 1", config.n));
  }
  if (config.kind == SplitKind::last_days && !(config.days > 0 && config.days < 1e6)) {
    throw ConfigError(fmt::format("--hold-out-days {}: must be above 0 and below 1e6", config.days));
  }
  if (config.kind == SplitKind::sessions) session_gap_seconds(config.gap_minutes, "--hold-out-gap-minutes");
  if (!is_by_share(config.kind) && dataset.cutoff_time == 0) {
    throw ConfigError(
        fmt::format("--hold-out {}: the dataset has no times, so no pair is the last; use --hold-out random",
                    name_of(config.kind)));
  }
}

/// Every pair, or every item, by its own coin.
Marks mark_random(const Communicator& comm, const Dataset& dataset, const SplitConfig& config,
                  CoinOf coin_of) {
  Marks marks(dataset.by_user.columns.size(), for_training);
  toss_coins(comm, dataset, config.seed, coin_of, [&](Count entry, const RandomStream& coin) {
    if (coin.uniform(0) < config.share) marks[static_cast<std::size_t>(entry)] = held_out_mark;
  });
  return marks;
}

/// Every pair by its own coin, with the chance of its item.
Marks mark_by_popularity(const Communicator& comm, const Dataset& dataset, const SplitConfig& config) {
  const std::vector<double> chances = held_out_chances(comm, dataset, config.share, config.popularity);
  std::vector<double> chance_of(dataset.by_user.columns.size());
  with_item_values<double>(
      comm, dataset, [&](Count item) { return chances[static_cast<std::size_t>(item)]; },
      [&](Count, Count entry, double chance) { chance_of[static_cast<std::size_t>(entry)] = chance; });
  Marks marks(dataset.by_user.columns.size(), for_training);
  toss_coins(comm, dataset, config.seed, CoinOf::pair, [&](Count entry, const RandomStream& coin) {
    const auto e = static_cast<std::size_t>(entry);
    if (coin.uniform(0) < chance_of[e]) marks[e] = held_out_mark;
  });
  return marks;
}

/// By entry: when it came, or without times by chance.
std::vector<double> places_of(const Communicator& comm, const Dataset& dataset, std::uint64_t seed) {
  std::vector<double> places(dataset.last_time.begin(), dataset.last_time.end());
  if (dataset.cutoff_time != 0) return places;
  toss_coins(comm, dataset, seed, CoinOf::pair, [&](Count entry, const RandomStream& coin) {
    places[static_cast<std::size_t>(entry)] = coin.uniform(0);
  });
  return places;
}

/// Marks the n entries of a row that come first, or all of a shorter one.
/// @param is_before  of two entries; ties go by item, since entries are by ascending item
template <class IsBefore>
void mark_first(const SparseRows& rows, Count row, Count n, std::uint8_t mark, IsBefore&& is_before,
                Marks& marks) {
  std::vector<Count> order(static_cast<std::size_t>(rows.row_length(row)));
  std::iota(order.begin(), order.end(), rows.offsets[static_cast<std::size_t>(row)]);
  std::stable_sort(order.begin(), order.end(), is_before);
  for (Count i = 0; i < std::min(n, rows.row_length(row)); ++i) {
    marks[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])] = mark;
  }
}

/// Every user by its own coin; of those held out the first pairs are known.
Marks mark_users(const Communicator& comm, const Dataset& dataset, const SplitConfig& config) {
  const SparseRows& rows = dataset.by_user;
  Marks marks(rows.columns.size(), for_training);
  std::vector<Count> held_out;
  for (Count row = 0; row < rows.num_rows(); ++row) {
    if (RandomStream(config.seed, hash_text(dataset.user_ids[row])).uniform(0) >= config.share) continue;
    held_out.push_back(row);
    std::fill_n(marks.begin() + rows.offsets[static_cast<std::size_t>(row)], rows.row_length(row),
                held_out_mark);
  }
  if (config.known == 0) return marks;
  const std::vector<double> places = places_of(comm, dataset, config.seed);
  const auto is_before = [&](Count a, Count b) {
    return places[static_cast<std::size_t>(a)] < places[static_cast<std::size_t>(b)];
  };
  for (const Count row : held_out) mark_first(rows, row, config.known, known_mark, is_before, marks);
  return marks;
}

/// A pair of an item held out, on its way to the item's owner.
struct ItemPair {
  Count item = 0, user = 0;
  double place = 0;
};

/// By pair: 1 = among the first n of its item.
std::vector<std::uint8_t> first_of_items(const std::vector<ItemPair>& pairs, Count n) {
  std::vector<std::size_t> order(pairs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto key = [&](std::size_t i) { return std::tuple(pairs[i].item, pairs[i].place, pairs[i].user); };
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
  std::vector<std::uint8_t> is_first(pairs.size(), 0);
  Count number = 0;  // of its item
  for (std::size_t i = 0; i < order.size(); ++i) {
    number = i > 0 && pairs[order[i]].item == pairs[order[i - 1]].item ? number + 1 : 0;
    is_first[order[i]] = number < n;
  }
  return is_first;
}

/// Every item by its own coin; of those held out the first pairs are known, which their owners say.
Marks mark_items(const Communicator& comm, const Dataset& dataset, const SplitConfig& config) {
  Marks marks = mark_random(comm, dataset, config, CoinOf::item);
  if (config.known == 0) return marks;
  const std::vector<double> places = places_of(comm, dataset, config.seed);
  std::vector<ItemPair> pairs;
  std::vector<std::size_t> entries;
  std::vector<int> owners;
  const SparseRows& rows = dataset.by_user;
  for (Count row = 0; row < rows.num_rows(); ++row) {
    for (auto e = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(row)]);
         e < static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(row) + 1]); ++e) {
      if (marks[e] != held_out_mark) continue;
      pairs.push_back({rows.columns[e], rows.rows.begin + row, places[e]});
      entries.push_back(e);
      owners.push_back(dataset.items.owner(rows.columns[e]));
    }
  }
  const SendOrder send = order_by_rank(owners, comm.size());
  const auto came = exchange_grouped<ItemPair>(comm, pairs, send);
  const std::vector<std::uint8_t> is_first = first_of_items(came.data, config.known);
  std::vector<std::uint8_t> answers(send.order.size());
  comm.alltoallv_into(std::span<const std::uint8_t>(is_first), came.counts, std::span(answers), send.counts);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i]) marks[entries[static_cast<std::size_t>(send.order[i])]] = known_mark;
  }
  return marks;
}

Marks mark_last(const Dataset& dataset, Count n) {
  const SparseRows& rows = dataset.by_user;
  Marks marks(rows.columns.size(), for_training);
  const auto is_later = [&](Count a, Count b) {
    return dataset.last_time[static_cast<std::size_t>(a)] > dataset.last_time[static_cast<std::size_t>(b)];
  };
  for (Count row = 0; row < rows.num_rows(); ++row) {
    if (rows.row_length(row) > n) mark_first(rows, row, n, held_out_mark, is_later, marks);
  }
  return marks;
}

/// Of each user whose last session has two pairs or more the latest; among those of the same time by coin.
Marks mark_sessions(const Communicator& comm, const Dataset& dataset, const SplitConfig& config) {
  const std::int64_t gap = session_gap_seconds(config.gap_minutes, "--hold-out-gap-minutes");
  const SparseRows& rows = dataset.by_user;
  Marks marks(rows.columns.size(), for_training);
  std::vector<double> coins(rows.columns.size());
  toss_coins(comm, dataset, config.seed, CoinOf::pair, [&](Count entry, const RandomStream& coin) {
    coins[static_cast<std::size_t>(entry)] = coin.uniform(0);
  });
  for (Count row = 0; row < rows.num_rows(); ++row) {
    const auto first = static_cast<std::size_t>(rows.offsets[static_cast<std::size_t>(row)]);
    const auto times = std::span(dataset.last_time).subspan(first, rows.row_columns(row).size());
    const auto steps = session_steps(times, gap);
    if (std::count(steps.begin(), steps.end(), not_in_session) + 1 >= rows.row_length(row)) continue;
    const auto is_before = [&](Count a, Count b) {
      const auto x = static_cast<std::size_t>(a), y = static_cast<std::size_t>(b);
      return std::tuple(-dataset.last_time[x], coins[x]) < std::tuple(-dataset.last_time[y], coins[y]);
    };
    mark_first(rows, row, 1, held_out_mark, is_before, marks);
  }
  return marks;
}

/// The time after which last_days holds out, unix seconds.
std::int64_t cut_of(const Dataset& dataset, double days) {
  return dataset.cutoff_time - static_cast<std::int64_t>(days * day_seconds);
}

Marks mark_after(const Dataset& dataset, std::int64_t cut) {
  Marks marks;
  marks.reserve(dataset.last_time.size());
  for (const std::int64_t time : dataset.last_time)
    marks.push_back(time > cut ? held_out_mark : for_training);
  return marks;
}

Marks mark(const Communicator& comm, const Dataset& dataset, const SplitConfig& config) {
  switch (config.kind) {
    case SplitKind::random:
      return config.popularity == 0 ? mark_random(comm, dataset, config, CoinOf::pair)
                                    : mark_by_popularity(comm, dataset, config);
    case SplitKind::items:
      return mark_items(comm, dataset, config);
    case SplitKind::users:
      return mark_users(comm, dataset, config);
    case SplitKind::last_n:
      return mark_last(dataset, config.n);
    case SplitKind::sessions:
      return mark_sessions(comm, dataset, config);
    case SplitKind::last_days:
      return mark_after(dataset, cut_of(dataset, config.days));
  }
  throw InternalError("unknown kind of split");
}

template <class T>
std::vector<T> chosen(const std::vector<T>& values, const Marks& marks, std::uint8_t mark) {
  std::vector<T> result;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (marks[i] == mark) result.push_back(values[i]);
  }
  return result;
}

SparseRows chosen_rows(const SparseRows& rows, const Marks& marks, std::uint8_t mark) {
  SparseRows result;
  result.rows = rows.rows;
  result.num_columns = rows.num_columns;
  result.columns = chosen(rows.columns, marks, mark);
  result.values = chosen(rows.values, marks, mark);
  Count kept = 0;
  for (Count row = 0; row < rows.num_rows(); ++row) {
    for (Count e = rows.offsets[static_cast<std::size_t>(row)];
         e < rows.offsets[static_cast<std::size_t>(row) + 1]; ++e) {
      kept += marks[static_cast<std::size_t>(e)] == mark ? 1 : 0;
    }
    result.offsets.push_back(kept);
  }
  return result;
}

/// The pairs that are marked so.
Dataset part_of(const Communicator& comm, const Dataset& dataset, const Marks& marks,
                std::uint8_t mark = for_training) {
  Dataset part;
  part.users = dataset.users;
  part.items = dataset.items;
  part.user_ids = dataset.user_ids;
  part.item_ids = dataset.item_ids;
  part.item_names = dataset.item_names;
  part.user_attributes = dataset.user_attributes;
  part.item_attributes = dataset.item_attributes;
  part.item_vectors = dataset.item_vectors;
  part.value_kind = dataset.value_kind;
  part.by_user = chosen_rows(dataset.by_user, marks, mark);
  part.by_item = transpose(comm, part.by_user, part.items, part.num_users());
  part.last_time = chosen(dataset.last_time, marks, mark);
  for (const EventColumn& column : dataset.events) {
    part.events.push_back(
        {column.type, chosen(column.strength, marks, mark), chosen(column.last_time, marks, mark)});
  }
  part.cutoff_time = dataset.cutoff_time;
  part.held_out = {dataset.users.range(comm.rank()), dataset.num_items(), {}, {}, {}};
  part.held_out.offsets.assign(static_cast<std::size_t>(part.held_out.num_rows()) + 1, 0);
  part.provenance = dataset.provenance;
  return part;
}

/// The known pairs of users or items held out, and these with the training part.
KnownPart known_part(const Communicator& comm, const Dataset& dataset, Marks marks,
                     const std::string& digest) {
  KnownPart known;
  known.newcomers = part_of(comm, dataset, marks, known_mark);
  known.newcomers.digest = digest_text(hash_text(digest + " newcomers"));
  std::replace(marks.begin(), marks.end(), known_mark, for_training);
  known.all = part_of(comm, dataset, marks);
  known.all.digest = digest_text(hash_text(digest + " all"));
  return known;
}

/// Marks the entries of users who are not among the share chosen.
Marks mark_other_users(const Dataset& dataset, const SparseRows& rows, double share) {
  constexpr std::uint64_t seed = 7;
  Marks marks(rows.columns.size(), 0);
  for (Count row = 0; row < rows.num_rows(); ++row) {
    const double place = std::ldexp(static_cast<double>(hash_text(dataset.user_ids[row], seed) >> 11), -53);
    if (place < share) continue;
    std::fill(marks.begin() + rows.offsets[static_cast<std::size_t>(row)],
              marks.begin() + rows.offsets[static_cast<std::size_t>(row) + 1], std::uint8_t{1});
  }
  return marks;
}

const std::array<std::string, 6> split_names{"random", "last-n", "last-days",
                                             "items",  "users",  "sessions"};  // by SplitKind

}  // namespace

SplitKind split_kind_of(std::string_view name) {
  const auto found = std::find(split_names.begin(), split_names.end(), name);
  if (found != split_names.end()) return static_cast<SplitKind>(found - split_names.begin());
  throw ConfigError(fmt::format("--hold-out {}: unknown kind of split; did you mean '{}'?", name,
                                nearest_word(name, split_names)));
}

std::string_view name_of(SplitKind kind) {
  return split_names.at(static_cast<std::size_t>(kind));
}

Split hold_out(const Communicator& comm, const Dataset& dataset, const SplitConfig& config) {
  collectively(comm, "check the split", [&] { check_config(dataset, config); });
  const Marks marks = mark(comm, dataset, config);
  Split split;
  split.train = part_of(comm, dataset, marks);
  if (config.kind == SplitKind::last_days) split.train.cutoff_time = cut_of(dataset, config.days);
  // Another content, another digest: a model of the part must not pass for one of the whole.
  split.train.digest = digest_text(hash_text(fmt::format(
      "{} {} {} {} {} {}{}{}", dataset.digest, name_of(config.kind), config.share, config.n, config.seed,
      config.days,
      config.kind == SplitKind::sessions ? fmt::format(" {}", config.gap_minutes) : std::string(),
      config.popularity == 0 ? std::string() : fmt::format(" popularity {}", config.popularity))));
  split.held_out.by_user = chosen_rows(dataset.by_user, marks, held_out_mark);
  split.held_out.num_pairs = comm.sum(split.held_out.by_user.num_entries());
  if (takes_known(config.kind) && config.known > 0) {
    split.known = known_part(comm, dataset, marks, fmt::format("{} {}", split.train.digest, config.known));
  }
  return split;
}

void plan_split(MemoryPlan& plan, const DatasetSizes& whole, const SplitConfig& config, Count known) {
  constexpr Count entry_bytes = sizeof(Count) + sizeof(float);
  DatasetSizes part = whole;
  part.searches = part.held_out_entries = 0;
  // With a coin each, where pairs of the same time are drawn from.
  const bool draws_pairs = config.kind == SplitKind::sessions || known > 0 || config.popularity != 0;
  plan.add("marks of pairs",
           whole.user_entries * (Count{sizeof(std::uint8_t)} + (draws_pairs ? Count{sizeof(double)} : 0)));
  plan.add("training part", memory_bytes(part));
  const double share = is_by_share(config.kind) ? config.share : 1;
  const auto held_out = static_cast<Count>(share * static_cast<double>(whole.user_entries));
  plan.add("pairs held out", held_out * entry_bytes + whole.users * Count{sizeof(Count)});
  // Which parts there are is the same on all ranks.
  DatasetSizes newcomers = part;
  const bool of_items = config.kind == SplitKind::items;
  newcomers.user_entries = of_items ? held_out : std::min(whole.user_entries, whole.users * known);
  newcomers.item_entries = std::min(whole.item_entries, whole.items * known);
  plan.add("known pairs of what is held out", known > 0 ? memory_bytes(newcomers) : 0);
  plan.add("training part with what is known", known > 0 ? memory_bytes(part) : 0);
  // Here, on their way and at the items' owners.
  plan.add("which pairs of items come first",
           of_items && known > 0 ? held_out * Count{3 * sizeof(ItemPair) + 3 * sizeof(Count)} : 0);
}

Dataset of_some_users(const Communicator& comm, const Dataset& dataset, double share) {
  Dataset some = part_of(comm, dataset, mark_other_users(dataset, dataset.by_user, share));
  some.digest = digest_text(hash_text(fmt::format("{} users {}", dataset.digest, share)));
  return some;
}

HeldOut of_some_users(const Dataset& dataset, const HeldOut& held_out, double share) {
  HeldOut some = held_out;
  some.by_user = chosen_rows(held_out.by_user, mark_other_users(dataset, held_out.by_user, share), 0);
  return some;
}

HeldOut held_out_of(const Communicator& comm, const Dataset& dataset) {
  HeldOut held_out;
  held_out.by_user = dataset.held_out;
  held_out.num_pairs = comm.sum(dataset.held_out.num_entries());
  if (held_out.num_pairs == 0) {
    throw ConfigError(
        "the dataset holds no pairs back to test on; run ingest with --hold-out-days, train with "
        "--hold-out, or give --test FILE");
  }
  return held_out;
}

}  // namespace pushcart
