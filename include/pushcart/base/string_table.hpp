#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pushcart/base/index.hpp"

namespace pushcart {

/// Many strings in one byte blob with offsets; any bytes, NUL included. Row r is bytes
/// [offsets[r], offsets[r+1]). The form in which ids and names travel and are stored.
class StringTable {
 public:
  StringTable() : offsets_{0} {}
  StringTable(std::vector<char> bytes, std::vector<Count> offsets);  ///< throws InternalError on bad offsets

  Count size() const { return static_cast<Count>(offsets_.size()) - 1; }
  std::string_view operator[](Count row) const {
    return {bytes_.data() + offsets_[static_cast<std::size_t>(row)],
            static_cast<std::size_t>(offsets_[static_cast<std::size_t>(row) + 1] -
                                     offsets_[static_cast<std::size_t>(row)])};
  }
  void push_back(std::string_view text) {
    bytes_.insert(bytes_.end(), text.begin(), text.end());
    offsets_.push_back(static_cast<Count>(bytes_.size()));
  }
  void reserve(Count rows, Count num_bytes) {
    offsets_.reserve(static_cast<std::size_t>(rows) + 1);
    bytes_.reserve(static_cast<std::size_t>(num_bytes));
  }
  void clear() {
    bytes_.clear();
    offsets_.assign(1, 0);
  }

  const std::vector<char>& bytes() const { return bytes_; }
  const std::vector<Count>& offsets() const { return offsets_; }
  Count memory_bytes() const {
    return static_cast<Count>(bytes_.capacity() + offsets_.capacity() * sizeof(Count));
  }

  friend bool operator==(const StringTable&, const StringTable&) = default;

 private:
  std::vector<char> bytes_;
  std::vector<Count> offsets_;
};

}  // namespace pushcart
