#include "pushcart/ids/numbering.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>

#include "pushcart/comm/collectively.hpp"
#include "pushcart/ids/send_by_rank.hpp"

namespace pushcart {

namespace {

/// What ids are sorted by; most comparisons are decided without looking at the bytes.
struct SortKey {
  Count count = 0;
  std::uint64_t prefix = 0;  // first bytes after those that all ids share, as a number
  Count row = 0;             // in the table
};

std::size_t shared_prefix_bytes(const StringTable& ids, std::span<const SortKey> keys) {
  if (keys.empty()) return 0;
  const auto first = ids[keys.front().row];
  std::size_t shared = first.size();
  for (const auto& key : keys) {
    const auto id = ids[key.row];
    shared = std::min(shared, id.size());
    while (std::memcmp(id.data(), first.data(), shared) != 0) --shared;
  }
  return shared;
}

/// Sorts by count descending, then bytes ascending.
void sort_keys(const StringTable& ids, std::vector<SortKey>& keys) {
  const std::size_t skipped = shared_prefix_bytes(ids, keys);
  for (auto& key : keys) {
    const auto rest = ids[key.row].substr(skipped, sizeof(key.prefix));
    key.prefix = 0;
    for (std::size_t b = 0; b < sizeof(key.prefix); ++b) {
      key.prefix = (key.prefix << 8) | (b < rest.size() ? static_cast<unsigned char>(rest[b]) : 0U);
    }
  }
  std::sort(keys.begin(), keys.end(), [&](const SortKey& a, const SortKey& b) {
    if (a.count != b.count) return a.count > b.count;
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    return ids[a.row] < ids[b.row];
  });
}

/// A cut between two ranks' shares of the order.
struct Splitter {
  Count count = 0;
  std::string bytes;
  /// Whether the id belongs behind this cut. Cut bytes may be a mere prefix: any fixed cut will do.
  bool is_before(Count id_count, std::string_view id) const {
    return count != id_count ? count > id_count : std::string_view(bytes) <= id;
  }
};

/// Samples at even steps of every rank's sorted ids, sorted, and every n-th of them taken.
std::vector<Splitter> choose_splitters(const Communicator& comm, const StringTable& ids,
                                       std::span<const SortKey> keys) {
  constexpr std::size_t samples_per_rank = 64, longest_sample = 256;
  std::vector<Count> counts;
  std::vector<std::uint32_t> lengths;
  std::vector<char> bytes;
  const std::size_t num_samples = std::min(samples_per_rank, keys.size());
  for (std::size_t s = 0; s < num_samples; ++s) {
    const SortKey& key = keys[(2 * s + 1) * keys.size() / (2 * num_samples)];
    const auto id = ids[key.row].substr(0, longest_sample);
    counts.push_back(key.count);
    lengths.push_back(static_cast<std::uint32_t>(id.size()));
    bytes.insert(bytes.end(), id.begin(), id.end());
  }
  const auto all_counts = comm.allgather(std::span<const Count>(counts)).data;
  const auto all_lengths = comm.allgather(std::span<const std::uint32_t>(lengths)).data;
  const auto all_bytes = comm.allgather(std::span<const char>(bytes)).data;
  std::vector<Splitter> samples;
  const char* at = all_bytes.data();
  for (std::size_t s = 0; s < all_counts.size(); ++s) {
    samples.push_back({all_counts[s], std::string(at, all_lengths[s])});
    at += all_lengths[s];
  }
  std::sort(samples.begin(), samples.end(), [](const Splitter& a, const Splitter& b) {
    return a.count != b.count ? a.count > b.count : a.bytes < b.bytes;
  });
  std::vector<Splitter> splitters;
  for (int r = 1; r < comm.size() && !samples.empty(); ++r) {
    splitters.push_back(
        samples[samples.size() * static_cast<std::size_t>(r) / static_cast<std::size_t>(comm.size())]);
  }
  return splitters;
}

}  // namespace

Numbering number_by_count(const Communicator& comm, const StringTable& ids, std::span<const Count> counts) {
  PUSHCART_CHECK(static_cast<Count>(counts.size()) == ids.size());
  Numbering result;
  std::vector<SortKey> keys;
  collectively(comm, "sort ids", [&] {
    result.index_of_slot.assign(counts.size(), -1);
    for (std::size_t slot = 0; slot < counts.size(); ++slot) {
      if (counts[slot] > 0) keys.push_back({counts[slot], 0, static_cast<Count>(slot)});
    }
    sort_keys(ids, keys);
  });
  result.total = comm.sum(static_cast<Count>(keys.size()));
  if (comm.size() == 1) {
    result.sorted_here = result.total;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      result.index_of_slot[static_cast<std::size_t>(keys[i].row)] = static_cast<Count>(i);
    }
    return result;
  }

  const auto splitters = choose_splitters(comm, ids, keys);
  SendOrder send;
  send.counts.assign(static_cast<std::size_t>(comm.size()), 0);
  std::vector<Count> sent_counts;
  std::size_t share = 0;
  for (const auto& key : keys) {
    while (share < splitters.size() && splitters[share].is_before(key.count, ids[key.row])) ++share;
    ++send.counts[share];
    send.order.push_back(key.row);
    sent_counts.push_back(key.count);
  }
  const StringTable share_ids = exchange_strings(comm, ids, send);
  const auto share_counts = comm.alltoallv(std::span<const Count>(sent_counts), send.counts);
  keys.clear();
  std::vector<Count> indices(share_counts.data.size());
  result.sorted_here = static_cast<Count>(indices.size());
  const Count first = comm.exclusive_sum(result.sorted_here);
  collectively(comm, "sort ids", [&] {
    for (std::size_t i = 0; i < indices.size(); ++i)
      keys.push_back({share_counts.data[i], 0, static_cast<Count>(i)});
    sort_keys(share_ids, keys);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      indices[static_cast<std::size_t>(keys[i].row)] = first + static_cast<Count>(i);
    }
  });
  std::vector<Count> answers(send.order.size());
  comm.alltoallv_into(std::span<const Count>(indices), share_counts.counts, std::span<Count>(answers),
                      send.counts);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    result.index_of_slot[static_cast<std::size_t>(send.order[i])] = answers[i];
  }
  return result;
}

}  // namespace pushcart
