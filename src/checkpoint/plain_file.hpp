#pragma once

#include <string>
#include <string_view>

#include "pushcart/base/index.hpp"

namespace pushcart::detail {

/// A file opened by calls of the system, which closes itself. Local; StorageError.
class PlainFile {
 public:
  enum class For : int { reading, writing };
  explicit PlainFile(const std::string& path, For what = For::reading);
  ~PlainFile();
  PlainFile(const PlainFile&) = delete;
  PlainFile& operator=(const PlainFile&) = delete;

  Count num_bytes() const;
  /// InputError if it is shorter than that.
  void read(Count first, char* out, Count count) const;
  void write(Count first, std::string_view bytes) const;
  void append(std::string_view bytes) const;
  /// All written is on disk.
  void flush() const;

 private:
  [[noreturn]] void fail(const char* what) const;

  std::string path_;
  int descriptor_;
};

}  // namespace pushcart::detail
