#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "ingest/stored_rows.hpp"
#include "pushcart/base/string_table.hpp"

namespace pushcart::detail {

/// Texts -> numbers 0, 1, 2 ... in order of first sight. Open addressing over 32 bits of the caller's hash;
/// bytes are compared, so that equal hashes of different texts do no harm.
class InternTable {
 public:
  InternTable() : slots_(1 << 10) {}

  std::uint32_t find_or_add(std::uint64_t hash, std::string_view text);
  /// A number for a text that is not looked for, now or later: cheaper where the caller knows it to be new.
  std::uint32_t add(std::string_view text);

  // The two halves of a look-up's cache misses, to be asked for some rows ahead.
  void prefetch_slot(std::uint64_t hash) const { __builtin_prefetch(&slots_[position_of(hash)]); }
  void prefetch_text(std::uint64_t hash) const {
    const Slot& slot = slots_[position_of(hash)];
    if (slot.id != no_id) __builtin_prefetch(texts_.bytes().data() + slot.first_byte);
  }

  const StringTable& texts() const { return texts_; }
  StringTable take_texts();
  void clear();
  Count size() const { return texts_.size(); }
  Count memory_bytes() const {
    return texts_.memory_bytes() + static_cast<Count>(slots_.capacity() * sizeof(Slot));
  }

 private:
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t id = no_id;
    std::uint64_t first_byte = 0;
  };
  std::size_t position_of(std::uint64_t hash) const {
    return static_cast<std::uint32_t>(hash) & (slots_.size() - 1);
  }
  void grow();

  std::vector<Slot> slots_;
  StringTable texts_;
};

}  // namespace pushcart::detail
