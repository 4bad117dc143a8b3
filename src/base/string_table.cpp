#include "pushcart/base/string_table.hpp"

#include <algorithm>

#include "pushcart/base/error.hpp"

namespace pushcart {

StringTable::StringTable(std::vector<char> bytes, std::vector<Count> offsets)
    : bytes_(std::move(bytes)), offsets_(std::move(offsets)) {
  PUSHCART_CHECK(!offsets_.empty() && offsets_.front() == 0);
  PUSHCART_CHECK(std::is_sorted(offsets_.begin(), offsets_.end()));
  PUSHCART_CHECK(offsets_.back() == static_cast<Count>(bytes_.size()));
}

}  // namespace pushcart
