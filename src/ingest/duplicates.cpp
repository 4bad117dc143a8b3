#include "ingest/duplicates.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

#include "pushcart/base/checked.hpp"
#include "pushcart/base/parallel.hpp"
#include "pushcart/comm/collectively.hpp"

namespace pushcart::detail {

namespace {

struct Entry {
  LineHash hash;
  std::uint32_t position;
};

/// Marks the repeats among entries that are in order of position, with a table that fits the cache.
void mark_repeats(std::span<const Entry> entries, std::vector<std::uint32_t>& table, std::uint8_t* repeated) {
  const std::size_t mask = std::bit_ceil(entries.size() * 2 + 1) - 1;
  table.assign(mask + 1, no_id);
  for (std::size_t e = 0; e < entries.size(); ++e) {
    std::size_t at = entries[e].hash.words[2] & mask;
    while (table[at] != no_id && entries[table[at]].hash != entries[e].hash) at = (at + 1) & mask;
    if (table[at] == no_id) {
      table[at] = static_cast<std::uint32_t>(e);
    } else {
      repeated[entries[e].position] = 1;
    }
  }
}

/// The rows of one slice that are compared, by the rank that owns their hash.
struct Slice {
  std::vector<LineHash> hashes;
  std::vector<StoredRow*> rows;
  std::vector<Count> counts;
};

/// Which rows a slice compares.
struct SliceRule {
  FaultMask left_out;
  std::uint32_t slice, num_slices;

  bool takes(const RowBatch& batch, std::size_t row) const {
    if (num_slices > 1 && (batch.hashes[row].words[0] & 0xffff) % num_slices != slice) return false;
    return left_out == 0 || (batch.rows[row].faults & left_out) == 0;
  }
};

Slice pack_slice(int num_ranks, std::vector<RowBatch>& batches, const SliceRule& rule) {
  const auto owner_of = [&](const LineHash& hash) {
    return static_cast<std::size_t>((std::uint64_t{hash.words[1]} * static_cast<std::uint64_t>(num_ranks)) >> 32);
  };
  Slice packed;
  packed.counts.assign(static_cast<std::size_t>(num_ranks), 0);
  for (const auto& batch : batches) {
    for (std::size_t r = 0; r < batch.hashes.size(); ++r) {
      if (rule.takes(batch, r)) ++packed.counts[owner_of(batch.hashes[r])];
    }
  }
  std::vector<Count> next(packed.counts.size());
  std::exclusive_scan(packed.counts.begin(), packed.counts.end(), next.begin(), Count{0});
  const auto total = static_cast<std::size_t>(next.back() + packed.counts.back());
  packed.hashes.resize(total);
  packed.rows.resize(total);
  for (auto& batch : batches) {
    for (std::size_t r = 0; r < batch.hashes.size(); ++r) {
      if (!rule.takes(batch, r)) continue;
      const auto at = static_cast<std::size_t>(next[owner_of(batch.hashes[r])]++);
      packed.hashes[at] = batch.hashes[r];
      packed.rows[at] = &batch.rows[r];
    }
  }
  return packed;
}

}  // namespace

std::vector<std::uint8_t> repeats_of(std::span<const LineHash> hashes) {
  std::vector<std::uint8_t> repeated(hashes.size(), 0);
  checked_cast<std::uint32_t>(hashes.size());
  constexpr std::size_t bucket_entries = 4096;
  const std::size_t num_buckets = std::bit_ceil(hashes.size() / bucket_entries + 1);
  const auto bucket_of = [&](const LineHash& hash) { return (hash.words[0] >> 16) & (num_buckets - 1); };
  std::vector<std::size_t> ends(num_buckets + 1, 0);
  for (const LineHash& hash : hashes) ++ends[bucket_of(hash) + 1];
  std::partial_sum(ends.begin(), ends.end(), ends.begin());
  std::vector<std::size_t> next(ends.begin(), ends.end() - 1);
  std::vector<Entry> entries(hashes.size());
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    entries[next[bucket_of(hashes[i])]++] = {hashes[i], static_cast<std::uint32_t>(i)};
  }
  constexpr std::size_t buckets_per_task = 64;
  parallel_for(static_cast<Count>((num_buckets + buckets_per_task - 1) / buckets_per_task), [&](Count task) {
    std::vector<std::uint32_t> table;
    const auto first = static_cast<std::size_t>(task) * buckets_per_task;
    for (std::size_t b = first; b < std::min(num_buckets, first + buckets_per_task); ++b) {
      mark_repeats(std::span(entries).subspan(ends[b], ends[b + 1] - ends[b]), table, repeated.data());
    }
  });
  return repeated;
}

void flag_duplicates(const Communicator& comm, std::vector<RowBatch>& batches, Dedupe dedupe,
                     Count slice_rows) {
  if (dedupe == Dedupe::off) return;
  const FaultMask left_out = dedupe == Dedupe::line ? FaultMask{0}
                                                    : static_cast<FaultMask>(fault_bit(Check::unparseable) |
                                                                             fault_bit(Check::missing_user) |
                                                                             fault_bit(Check::missing_item));
  Count num_rows = 0;
  for (const auto& batch : batches) num_rows += static_cast<Count>(batch.rows.size());
  const Count most_rows = comm.allreduce(num_rows, Reduce::max);
  const auto num_slices =
      static_cast<std::uint32_t>(std::clamp<Count>(most_rows / slice_rows + 1, 1, 0xffff));
  for (std::uint32_t s = 0; s < num_slices; ++s) {
    const auto packed = collectively(comm, "find duplicates",
                                     [&] { return pack_slice(comm.size(), batches, {left_out, s, num_slices}); });
    Received<LineHash> received;
    if (comm.size() > 1) received = comm.alltoallv(std::span<const LineHash>(packed.hashes), packed.counts);
    auto repeated = collectively(comm, "find duplicates",
                                 [&] { return repeats_of(comm.size() > 1 ? received.data : packed.hashes); });
    if (comm.size() > 1) {
      std::vector<std::uint8_t> verdicts(packed.rows.size());
      comm.alltoallv_into(std::span<const std::uint8_t>(repeated), received.counts,
                          std::span<std::uint8_t>(verdicts), packed.counts);
      repeated = std::move(verdicts);
    }
    for (std::size_t i = 0; i < repeated.size(); ++i) {
      if (repeated[i]) packed.rows[i]->faults |= fault_bit(Check::duplicate);
    }
  }
}

}  // namespace pushcart::detail
