#include "ingest/intern_table.hpp"

#include <cstring>
#include <utility>

#include "pushcart/base/error.hpp"

namespace pushcart::detail {

std::uint32_t InternTable::find_or_add(std::uint64_t hash, std::string_view text) {
  const auto tag = static_cast<std::uint32_t>(hash);
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = position_of(hash);
  for (;; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.id == no_id) break;
    if (slot.tag == tag && texts_[slot.id] == text) return slot.id;
  }
  const std::uint64_t first_byte = texts_.bytes().size();
  const std::uint32_t id = add(text);
  slots_[at] = {tag, id, first_byte};
  if (texts_.size() * 2 > static_cast<Count>(slots_.size())) grow();
  return id;
}

std::uint32_t InternTable::add(std::string_view text) {
  const Count id = texts_.size();
  if (id >= static_cast<Count>(no_id)) {
    throw InputError("more than 4 billion distinct ids on one rank; use more ranks");
  }
  texts_.push_back(text);
  return static_cast<std::uint32_t>(id);
}

void InternTable::grow() {
  std::vector<Slot> old(slots_.size() * 4);
  old.swap(slots_);
  const std::size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.id == no_id) continue;
    std::size_t at = slot.tag & mask;
    while (slots_[at].id != no_id) at = (at + 1) & mask;
    slots_[at] = slot;
  }
}

StringTable InternTable::take_texts() {
  StringTable result = std::move(texts_);
  texts_ = StringTable();
  slots_ = std::vector<Slot>(1 << 10);
  return result;
}

void InternTable::clear() {
  texts_.clear();
  slots_.assign(slots_.size(), Slot{});
}

}  // namespace pushcart::detail
