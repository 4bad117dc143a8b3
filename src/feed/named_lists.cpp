#include "feed/named_lists.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "pushcart/base/digest.hpp"
#include "pushcart/base/error.hpp"

namespace pushcart {

namespace {

void check_reasons(const Reasons& reasons, std::size_t num_entries, Count num_items) {
  const auto num_reasons = static_cast<std::size_t>(reasons.offsets.back());
  PUSHCART_CHECK(reasons.offsets.size() == num_entries + 1);
  PUSHCART_CHECK(std::is_sorted(reasons.offsets.begin(), reasons.offsets.end()));
  PUSHCART_CHECK(reasons.kinds.size() == num_reasons && reasons.items.size() == num_reasons);
  PUSHCART_CHECK(reasons.contributions.size() == num_reasons);
  for (std::size_t n = 0; n < num_reasons; ++n) PUSHCART_CHECK(is_sound(reasons, n, num_items));
}

void check_entries(const TopLists& lists, Count num_items) {
  const auto num_entries = static_cast<std::size_t>(lists.offsets.back());
  PUSHCART_CHECK(std::is_sorted(lists.offsets.begin(), lists.offsets.end()));
  PUSHCART_CHECK(lists.items.size() == num_entries && lists.scores.size() == num_entries);
  PUSHCART_CHECK(lists.sources.size() == num_entries);
  for (std::size_t entry = 0; entry < num_entries; ++entry) {
    PUSHCART_CHECK(0 <= lists.items[entry] && lists.items[entry] < num_items);
    PUSHCART_CHECK(std::isfinite(lists.scores[entry]));
    PUSHCART_CHECK(lists.sources[entry] < lists.source_names.size());
  }
  if (lists.reasons) check_reasons(*lists.reasons, num_entries, num_items);
}

void append_bytes(std::string& record, const void* data, std::size_t num_bytes) {
  record.append(static_cast<const char*>(data), num_bytes);
}
void append_text(std::string& record, std::string_view text) {
  const std::uint64_t length = text.size();
  append_bytes(record, &length, sizeof length);
  record += text;
}

void append_reasons(std::string& record, const TopLists& lists, Count entry) {
  const Range reasons = reasons_of(lists, entry);
  for (auto n = static_cast<std::size_t>(reasons.begin); n < static_cast<std::size_t>(reasons.end); ++n) {
    append_text(record, reason_kind_name(lists.reasons->kinds[n]));
    append_bytes(record, &lists.reasons->items[n], sizeof lists.reasons->items[n]);
    append_bytes(record, &lists.reasons->contributions[n], sizeof lists.reasons->contributions[n]);
  }
}

/// Sum of the digests of some rows; `number` is the position of the first among all ranks' rows.
std::uint64_t rows_digest(const NamedLists& named, Range rows, Count number) {
  const TopLists& lists = named.lists();
  std::uint64_t sum = 0;
  std::string record;
  for (Count row = rows.begin; row < rows.end; ++row, ++number) {
    record.clear();
    append_bytes(record, &number, sizeof number);
    append_text(record, named.row_id(row));
    for (Count entry = named.entries(row).begin; entry < named.entries(row).end; ++entry) {
      const auto position = static_cast<std::size_t>(entry);
      append_bytes(record, &lists.items[position], sizeof lists.items[position]);
      append_bytes(record, &lists.scores[position], sizeof lists.scores[position]);
      append_text(record, named.source(entry));
      append_reasons(record, lists, entry);
    }
    sum += mix_bits(hash_text(record));
  }
  return sum;
}

}  // namespace

bool is_sound(const Reasons& reasons, std::size_t n, Count num_items) {
  const Count item = reasons.items[n];
  const bool has_item = reasons.kinds[n] == ReasonKind::item;
  return static_cast<std::size_t>(reasons.kinds[n]) < num_reason_kinds &&
         std::isfinite(reasons.contributions[n]) && (has_item ? 0 <= item && item < num_items : item == -1);
}

NamedLists::NamedLists(const TopLists& lists, Range rows, Count num_items, const StringTable& row_ids,
                       const StringTable& unknown_ids)
    : lists_(lists), row_ids_(row_ids), unknown_ids_(unknown_ids), first_row_(rows.begin) {
  PUSHCART_CHECK(static_cast<Count>(lists.offsets.size()) == lists.num_rows() + 1);
  PUSHCART_CHECK(row_ids.size() == rows.size());
  const auto first_unknown = std::find(lists.rows.begin(), lists.rows.end(), -1);
  num_known_ = first_unknown - lists.rows.begin();
  PUSHCART_CHECK(std::is_sorted(lists.rows.begin(), first_unknown, std::less_equal<>()));
  for (auto row = lists.rows.begin(); row != first_unknown; ++row) PUSHCART_CHECK(rows.contains(*row));
  PUSHCART_CHECK(std::all_of(first_unknown, lists.rows.end(), [](Count row) { return row == -1; }));
  PUSHCART_CHECK(unknown_ids.size() == unknown().size());
  check_entries(lists, num_items);
}

std::string_view NamedLists::row_id(Count row) const {
  if (row >= num_known_) return unknown_ids_[row - num_known_];
  return row_ids_[lists_.rows[static_cast<std::size_t>(row)] - first_row_];
}

Count NamedLists::num_reasons(Count row) const {
  const Range all = entries(row);
  if (all.size() == 0 || !lists_.reasons) return 0;
  return reasons_of(lists_, all.end - 1).end - reasons_of(lists_, all.begin).begin;
}

Count NamedLists::num_mentioned(Count row) const {
  return entries(row).size() + num_reasons(row);
}

void NamedLists::append_mentioned(Count row, std::vector<Count>& items) const {
  const Range all = entries(row);
  items.insert(items.end(), lists_.items.begin() + all.begin, lists_.items.begin() + all.end);
  if (all.size() == 0 || !lists_.reasons) return;
  const auto& reasons = *lists_.reasons;
  std::copy_if(reasons.items.begin() + reasons_of(lists_, all.begin).begin,
               reasons.items.begin() + reasons_of(lists_, all.end - 1).end, std::back_inserter(items),
               [](Count item) { return item >= 0; });
}

std::vector<std::string> labels_in_use(const Communicator& comm, const TopLists& lists) {
  std::array<bool, 256> used{};
  for (std::uint8_t source : lists.sources) used[source] = true;
  std::string own;
  for (std::size_t source = 0; source < lists.source_names.size(); ++source) {
    if (used[source]) own += lists.source_names[source] + '\0';
  }
  const auto all = comm.allgather(std::span<const char>(own)).data;
  std::set<std::string> labels;
  for (auto begin = all.begin(); begin != all.end();) {
    const auto end = std::find(begin, all.end(), '\0');
    labels.emplace(begin, end);
    begin = end + 1;
  }
  return {labels.begin(), labels.end()};
}

std::string lists_digest(const Communicator& comm, const NamedLists& lists) {
  const Count num_known = comm.sum(lists.known().size());
  std::uint64_t sum = rows_digest(lists, lists.known(), comm.exclusive_sum(lists.known().size()));
  sum += rows_digest(lists, lists.unknown(), num_known + comm.exclusive_sum(lists.unknown().size()));
  return digest_text(mix_bits(comm.allreduce(sum, Reduce::sum) + static_cast<std::uint64_t>(num_known)));
}

}  // namespace pushcart
